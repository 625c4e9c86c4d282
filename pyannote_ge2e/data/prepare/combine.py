"""Several protocols as one, to train on all of their speakers together."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from pyannote_ge2e.data.prepare.database_yml import TASK, check_name
from pyannote_ge2e.data.prepare.lock import Say
from pyannote_ge2e.data.prepare.merging import put_mapping, remove
from pyannote_ge2e.data.prepare.registry_file import edited, key_of, section
from pyannote_ge2e.data.prepare.split import SUBSETS
from pyannote_ge2e.errors import UserError

__all__ = ["combine"]

_COMBINED = "X"  # pyannote's name for the database of such protocols


def combine(
    name: str,
    parts: Sequence[str],
    database_yml: Path = Path("database.yml"),
    *,
    force: bool = False,
    say: Say | None = None,
) -> str:
    r"""Write `X.SpeakerVerification.<name>` into `database.yml`, keeping whatever else it says.

    Parameters
    ----------
    name : str
        Last part of its name.
    parts : sequence of str
        Names of protocols that `database.yml` declares, of which the training subsets are
        combined; or, with a subset at the end, such as `A.SpeakerVerification.All.development`,
        what is to be in that subset of the combination.
    database_yml : Path, optional
    force : bool, optional
        Replace another combination of that name.
    say : callable, optional
        Called with a sentence if another process is at work on `database.yml`.

    Returns
    -------
    protocol : str
        Full name.

    Raises
    ------
    UserError
        When the name cannot be used or means something else already, or a protocol or subset is
        not there. `database.yml` is then as it was.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "database.yml"
    >>> _ = path.write_text(
    ...     "Protocols:\n"
    ...     "  A: {SpeakerVerification: {All: {train: {uri: a.lst}}}}\n"
    ...     "  B: {SpeakerVerification: {All: {train: {uri: b.lst}}}}\n"
    ... )
    >>> combine("Both", ["A.SpeakerVerification.All", "B.SpeakerVerification.All"], path)
    'X.SpeakerVerification.Both'
    >>> print(path.read_text().strip())
    Protocols:
      A: {SpeakerVerification: {All: {train: {uri: a.lst}}}}
      B: {SpeakerVerification: {All: {train: {uri: b.lst}}}}
      X:
        SpeakerVerification:
          Both:
            train:
              A.SpeakerVerification.All:
                - train
              B.SpeakerVerification.All:
                - train
    """
    database_yml = Path(database_yml).expanduser().resolve()
    if not database_yml.is_file():
        raise UserError(
            f"No such registry: '{database_yml}'. Write one with 'pyannote-audio emb prepare'."
        )
    protocol = f"{_COMBINED}.{TASK}.{check_name(name)}"
    with edited(database_yml, say) as content:
        declared = section(content, "Protocols", database_yml)
        known = dict(_known(declared, database_yml))
        known.pop(protocol, None)
        combined = _combination(parts, known, database_yml)
        tasks = section(declared, _COMBINED, database_yml)
        entries = section(tasks, TASK, database_yml)
        key = key_of(entries, name)
        if entries.get(key) not in (None, combined) and not force:
            raise UserError(
                f"'{database_yml}' already has another '{protocol}': choose another name, or add "
                "--force to replace it."
            )
        put_mapping(content, "Protocols", {_COMBINED: {TASK: {key: combined}}})
        entry = content["Protocols"][_COMBINED][TASK][key]
        remove(entry, [each for each in entry if each not in combined])
        for subset, members in combined.items():
            remove(entry[subset], [each for each in entry[subset] if each not in members])
    return protocol


def _known(declared: CommentedMap, database_yml: Path) -> Iterator[tuple[str, CommentedMap]]:
    """Yield the full name of each protocol, and its entries."""
    for database in declared:
        tasks = section(declared, database, database_yml)
        for task in tasks:
            protocols = section(tasks, task, database_yml)
            for protocol in protocols:
                entries = section(protocols, protocol, database_yml)
                yield f"{database}.{task}.{protocol}", entries


def _combination(
    parts: Sequence[str], known: dict[str, CommentedMap], database_yml: Path
) -> dict[str, dict[str, list[str]]]:
    """Return {subset: {protocol: [subset]}}."""
    combined: dict[str, dict[str, list[str]]] = {}
    for part in parts:
        protocol, dot, subset = part.rpartition(".")
        if not dot or subset not in SUBSETS:
            protocol, subset = part, "train"
        if protocol not in known:
            near = difflib.get_close_matches(protocol, known, n=20, cutoff=0.0)
            names = f"; it has {', '.join(near)}" if near else ""
            raise UserError(f"'{database_yml}' does not declare '{protocol}'{names}.")
        if subset not in known[protocol]:
            there = ", ".join(each for each in SUBSETS if each in known[protocol])
            raise UserError(f"{protocol} has no {subset} subset: it has {there or 'none'}.")
        combined.setdefault(subset, {})[protocol] = [subset]
    return {subset: combined[subset] for subset in SUBSETS if subset in combined}
