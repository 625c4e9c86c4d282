"""Adding a corpus to a `database.yml` that may hold others, without losing any of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from pyannote_ge2e.data.prepare.lists import LIST_SUFFIXES
from pyannote_ge2e.data.prepare.lock import Say
from pyannote_ge2e.data.prepare.merging import put_mapping, remove
from pyannote_ge2e.data.prepare.registry_file import edited, key_of, read, section
from pyannote_ge2e.data.prepare.split import SUBSETS
from pyannote_ge2e.data.prepare.templates import merged_templates
from pyannote_ge2e.errors import UserError

__all__ = ["TASK", "Subsets", "check_free", "check_name", "register", "suggested_name"]

TASK = "SpeakerVerification"

Subsets = Mapping[str, Mapping[str, str]]
"""For each subset, its lists: `{"uri": ..., "annotation": ..., "annotated": ..., "trial": ...}`."""

_LISTS = ("uri", "annotation", "annotated", "trial")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def check_name(name: str) -> str:
    """Return `name` if pyannote.database can use it for a database or a protocol.

    Examples
    --------
    >>> check_name("VoxCeleb 1.0")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: 'VoxCeleb 1.0' cannot name a protocol: ... Try 'VoxCeleb_1_0'.
    """
    if name == "X":
        raise UserError("'X' cannot name a protocol: pyannote keeps it for combined protocols.")
    if not _NAME.fullmatch(name):
        other = suggested_name(name)
        raise UserError(
            f"'{name}' cannot name a protocol: pyannote takes letters, digits, '-' and '_' "
            "(dots separate the parts of a protocol's name)."
            + (f" Try '{other}'." if other else "")
        )
    return name


def suggested_name(name: str) -> str:
    """Return the nearest name that pyannote.database can use, or nothing.

    Examples
    --------
    >>> suggested_name("my voices (2024)")
    'my_voices_2024'
    """
    return re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_-")


def check_free(
    database_yml: Path, name: str, lists: Path, templates: Sequence[str], protocols: Collection[str]
) -> None:
    """Check that a corpus of that name is not another one, there or in the lists beside it.

    Parameters
    ----------
    database_yml : Path
    name : str
        Of the database.
    lists : Path
        Folder of its lists.
    templates : sequence of str
        Where its audio is.
    protocols : collection of str
        Last parts of their names.

    Raises
    ------
    UserError
        When it is, or when `database_yml` is malformed.

    Examples
    --------
    >>> check_free(Path("nowhere.yml"), "Voices", Path("lists/Voices"), ["/a/{uri}.wav"], ["All"])
    """
    content = read(database_yml)
    _where(content, database_yml, name, lists, templates, protocols)
    named = _named(section(content, "Protocols", database_yml), database_yml, lists)
    if _lists_in(lists) and not named:
        raise UserError(
            f"'{lists}' holds lists already, and not of '{database_yml}': choose another name "
            "for this corpus (--name), or remove that folder if nothing needs it."
        )


def register(
    database_yml: Path,
    name: str,
    templates: Sequence[str],
    protocols: Mapping[str, Subsets],
    lists: Path,
    *,
    after: Callable[[], None] = lambda: None,
    say: Say | None = None,
) -> list[Path]:
    r"""Write a database and its protocols into `database.yml`, keeping whatever else it says.

    Other protocols of that database stay, and so do their templates, entries added by hand, and
    a `scope` that was changed.

    Parameters
    ----------
    database_yml : Path
        Made when missing.
    name : str
        Of the database: protocols are `<name>.SpeakerVerification.<protocol>`.
    templates : sequence of str
        Where the audio of a `{uri}` is.
    protocols : mapping of str to Subsets
    lists : Path
        Folder of its lists.
    after, say : callable, optional
        See `edited`.

    Returns
    -------
    forgotten : list of Path
        Files in `lists` that `database.yml` named before and does not any more.

    Raises
    ------
    UserError
        When the file is malformed, describes another corpus of that name, or cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "database.yml"
    >>> _ = path.write_text("# mine\nDatabases:\n  Old: /old/{uri}.wav\n")
    >>> protocols = {"All": {"train": {"uri": "/lists/New/train.lst"}}}
    >>> register(path, "New", ["/new/{uri}.wav"], protocols, Path("/lists/New"))
    []
    >>> print(path.read_text().strip())
    # mine
    Databases:
      Old: /old/{uri}.wav
      New:
        - /new/{uri}.wav
    Protocols:
      New:
        SpeakerVerification:
          All:
            scope: database
            train:
              uri: /lists/New/train.lst
    """
    with edited(database_yml, say, after) as content:
        where = _where(content, database_yml, name, lists, templates, protocols)
        databases = section(content, "Databases", database_yml)
        declared = section(content, "Protocols", database_yml)
        old = _named(declared, database_yml, lists)
        database = key_of(declared, name)
        tasks = section(declared, database, database_yml)
        entries = section(tasks, TASK, database_yml)
        new: dict[str, dict[str, Any]] = {}
        for protocol, subsets in protocols.items():
            key = key_of(entries, protocol)
            # Not "global": speaker 001 of another corpus, in a combined protocol, is someone else.
            scope = section(entries, key, database_yml).get("scope", "database")
            new[key] = {"scope": scope, **subsets}
        put_mapping(content, "Databases", {key_of(databases, name): where})
        put_mapping(content, "Protocols", {database: {TASK: new}})
        entries = content["Protocols"][database][TASK]
        for key, subsets in new.items():
            remove(entries[key], [each for each in SUBSETS if each not in subsets])
            for subset in set(SUBSETS).intersection(subsets):
                remove(
                    entries[key][subset], [each for each in _LISTS if each not in subsets[subset]]
                )
        still = _named(content["Protocols"], database_yml, lists)
    return sorted(lists / each for each in old - still)


def _where(
    content: CommentedMap,
    database_yml: Path,
    name: str,
    lists: Path,
    templates: Sequence[str],
    protocols: Collection[str],
) -> list[str]:
    """Return what `Databases` is to say of the corpus, once it is clear that it is no other."""
    databases = section(content, "Databases", database_yml)
    old = databases.get(key_of(databases, name)) or []
    if not isinstance(old, str | list):
        raise UserError(
            f"'{database_yml}': expected where the audio is, such as /corpus/{{uri}}.wav, under "
            f"Databases > {name}, not {old!r}."
        )
    declared = section(content, "Protocols", database_yml)
    tasks = section(declared, key_of(declared, name), database_yml)
    there = {
        (str(task), str(protocol))
        for task, entries in tasks.items()
        for protocol in (entries if isinstance(entries, Mapping) else ())
    }
    ours = {(TASK, protocol) for protocol in protocols}
    for task, protocol in sorted(there & ours):
        entries = tasks[key_of(tasks, task)]
        _check_written(
            entries[key_of(entries, protocol)], f"{name}.{task}.{protocol}", database_yml, lists
        )
    return merged_templates(
        database_yml,
        name,
        [str(template) for template in ([old] if isinstance(old, str) else old)],
        templates,
        lists,
        replacing=bool(there & ours),
        others=bool(there - ours),
    )


def _check_written(entries: Any, protocol: str, database_yml: Path, lists: Path) -> None:
    """Check that the lists of a protocol are those of `prepare`, which may replace them."""
    for subset in SUBSETS:
        its = entries.get(subset) if isinstance(entries, Mapping) else None
        for key in _LISTS:
            value = its.get(key) if isinstance(its, Mapping) else None
            if value is not None and not _named(value, database_yml, lists):
                raise UserError(
                    f"'{database_yml}' already has a '{protocol}' with a list of its own "
                    f"({subset} > {key}: '{value}'): choose another name for this corpus (--name), "
                    "or remove that protocol."
                )


def _named(content: Any, database_yml: Path, lists: Path) -> set[str]:
    """Return the names of the files in a folder of lists that protocols speak of."""
    if isinstance(content, Mapping):
        content = list(content.values())
    if isinstance(content, list):
        return {name for each in content for name in _named(each, database_yml, lists)}
    if not isinstance(content, str):
        return set()
    path = database_yml.parent / content
    # All of it may have moved: what is named in full is then where it was.
    moved = path.parts[-3:-1] == lists.parts[-2:] and not path.exists()
    return {path.name} if path.parent == lists or moved else set()


def _lists_in(folder: Path) -> bool:
    return any(path.suffix in LIST_SUFFIXES for path in folder.glob("*"))
