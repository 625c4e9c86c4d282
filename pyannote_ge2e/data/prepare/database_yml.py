"""Adding a protocol to a `database.yml` that may hold others, without losing any of it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.errors import UserError

__all__ = ["PROTOCOL", "TASK", "check_name", "declares", "register", "suggested_name"]

TASK, PROTOCOL = "SpeakerVerification", "All"

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def check_name(name: str) -> str:
    """Return `name` if pyannote.database can use it for a database.

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


def declares(database_yml: Path, name: str) -> bool:
    """Tell whether `database_yml` has the protocol that `register` writes for this name.

    Raises
    ------
    UserError
        When the file is malformed.

    Examples
    --------
    >>> declares(Path("nowhere.yml"), "Voices")
    False
    """
    section, _ = _load(database_yml, _read(database_yml))
    for key in ("Protocols", name, TASK):
        section = _section(section, _key(section, key), database_yml)
    return PROTOCOL in section


def register(
    database_yml: Path,
    name: str,
    templates: Sequence[str],
    subsets: Mapping[str, Mapping[str, str]],
    before: Callable[[], None] = lambda: None,
) -> None:
    r"""Write a database and its protocol into `database.yml`, keeping whatever else it says.

    Parameters
    ----------
    database_yml : Path
        Made when missing, else merged: comments, order and other entries stay.
    name : str
        Name of the database; the protocol is `<name>.SpeakerVerification.All`.
    templates : sequence of str
        Where the audio of a `{uri}` is, one template for each suffix.
    subsets : mapping
        For each subset, the lists: `{"uri": ..., "annotation": ..., "annotated": ...}`.
    before : callable, optional
        Writes the lists: called once nothing stands in the way, just before `database.yml`
        names them.

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
    >>> register(path, "New", ["/new/{uri}.wav"], {"train": {"uri": "lists/New/train.lst"}})
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
              uri: lists/New/train.lst
    """
    old = _read(database_yml)
    content, writer = _load(database_yml, old)
    databases = _section(content, "Databases", database_yml)
    protocols = _section(content, "Protocols", database_yml)
    _check_same_corpus(database_yml, name, databases, templates)

    databases[_key(databases, name)] = CommentedSeq(templates)
    tasks = _section(protocols, _key(protocols, name), database_yml)
    entries = _section(tasks, TASK, database_yml)
    # Not "global": speaker 001 of another corpus, in a combined protocol, is someone else.
    entries[PROTOCOL] = CommentedMap(
        scope="database", **{subset: CommentedMap(lists) for subset, lists in subsets.items()}
    )
    new = io.StringIO()
    writer.dump(content, new)
    merged = new.getvalue()
    if old.strip() and yaml.safe_load(old) is None:  # comments alone, which ruamel forgets
        merged = old.rstrip() + "\n" + merged
    before()
    if merged != old:
        with replacing(database_yml) as temporary:
            temporary.write_text(merged, encoding="utf-8")


def _read(database_yml: Path) -> str:
    try:
        return database_yml.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read '{database_yml}': {error}.") from error


def _load(database_yml: Path, text: str) -> tuple[CommentedMap, YAML]:
    writer = YAML()
    writer.preserve_quotes = True
    writer.width = 2**20  # never fold a path
    writer.indent(mapping=2, sequence=4, offset=2)
    try:
        content = writer.load(text)
        _, sequence, offset = load_yaml_guess_indent(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(
            f"'{database_yml}'{where}: not valid YAML ({error.problem}). Mend it by hand first."
        ) from error
    except YAMLError as error:
        raise UserError(f"'{database_yml}' is not valid YAML: {error}.") from error
    if offset is not None:
        writer.indent(mapping=2, sequence=sequence, offset=offset)
    if content is None:
        content = CommentedMap()
    if not isinstance(content, CommentedMap):
        raise UserError(
            f"'{database_yml}' is no database.yml: expected sections 'Databases' and 'Protocols'."
        )
    return content, writer


def _section(parent: CommentedMap, key: Any, database_yml: Path) -> CommentedMap:
    if parent.get(key) is None:
        parent[key] = CommentedMap()
    section = parent[key]
    if not isinstance(section, CommentedMap):
        line = parent.lc.key(key)[0] + 1
        raise UserError(
            f"'{database_yml}', line {line}: '{key}' should hold names and their entries."
        )
    return section


def _key(section: CommentedMap, name: str) -> Any:
    """Return the key that pyannote reads as `name`: existing if any, quoted if it must be."""
    for key in section:
        if str(key) == name:
            return key
    # YAML 1.1, which pyannote reads, takes `No` for a boolean and `2024` for a number.
    return name if yaml.safe_load(name) == name else DoubleQuotedScalarString(name)


def _check_same_corpus(
    database_yml: Path, name: str, databases: CommentedMap, templates: Sequence[str]
) -> None:
    existing = databases.get(_key(databases, name)) or []
    existing = [existing] if isinstance(existing, str) else existing
    old, new = ({_root(database_yml, str(t)) for t in ts} for ts in (existing, templates))
    if any(root not in new and root.exists() for root in old):
        raise UserError(
            f"'{database_yml}' already has a database called '{name}', in "
            f"'{min(old)}': choose another name for this one (--name)."
        )


def _root(database_yml: Path, template: str) -> Path:
    """Return the folder of a template's corpus, whatever its suffix."""
    root = template.partition("{uri}")[0].replace("{{", "{").replace("}}", "}")
    return (database_yml.parent / root).resolve()
