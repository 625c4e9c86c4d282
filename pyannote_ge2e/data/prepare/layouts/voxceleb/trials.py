"""The official lists of trials of VoxCeleb1: which is which."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyannote_ge2e.data.prepare.given_trials import read_given_trials
from pyannote_ge2e.data.prepare.plan import GivenTrials, Recording
from pyannote_ge2e.errors import UserError

__all__ = ["OfficialList", "hold_out", "known_name", "read_voxceleb_trials"]


@dataclass(frozen=True)
class OfficialList:
    """A list of trials, as published.

    Attributes
    ----------
    key : str
        Such as "O" or "E_cleaned".
    file : str
        What it is called.
    trials : int
    """

    key: str
    file: str
    trials: int

    @property
    def title(self) -> str:
        """Its name in papers."""
        letter, _, cleaned = self.key.partition("_")
        return f"Vox1-{letter}" + (f" ({cleaned})" if cleaned else "")


_OFFICIAL = (
    OfficialList("O", "veri_test.txt", 37_720),
    OfficialList("O_cleaned", "veri_test2.txt", 37_611),
    OfficialList("E", "list_test_all.txt", 581_480),
    OfficialList("E_cleaned", "list_test_all2.txt", 579_818),
    OfficialList("H", "list_test_hard.txt", 552_536),
    OfficialList("H_cleaned", "list_test_hard2.txt", 550_894),
)
_BY_NAME = {official.file: official for official in _OFFICIAL}
_BY_TRIALS = {official.trials: official for official in _OFFICIAL}


def known_name(name: str) -> bool:
    """Tell whether a file is called as one of the official lists.

    Examples
    --------
    >>> known_name("veri_test2.txt"), known_name("readme.txt")
    (True, False)
    """
    return name in _BY_NAME


def read_voxceleb_trials(
    asked: Sequence[Path], beside: Sequence[Path], known: Mapping[str, str]
) -> tuple[dict[str, GivenTrials], list[str]]:
    """Read lists of trials and tell them by their names, or else by their numbers of trials.

    Parameters
    ----------
    asked : sequence of Path
        Lists that the user named.
    beside : sequence of Path
        Lists that stand in the corpus: used unless one of that kind was asked for, and passed
        over when nothing of what they name is here.
    known : mapping of str to str
        Uri of what may be named.

    Returns
    -------
    trials : dict of str to GivenTrials
        By "O", "O_cleaned", "E", "E_cleaned", "H", "H_cleaned", or by the name of another list.
    notes : list of str

    Raises
    ------
    UserError
        When a list that was asked for is malformed or names nothing that is here, or when two are
        of one kind.
    """
    trials: dict[str, GivenTrials] = {}
    notes: list[str] = []
    for path in asked:
        key, given = _read(path, known, notes)
        if key in trials:
            raise UserError(
                f"'{trials[key].source}' and '{path}' are both lists of {_title(key)}: give one."
            )
        trials[key] = given
    for path in beside:
        if _BY_NAME[path.name].key in trials:
            continue
        try:
            key, given = _read(path, known, notes)
        except UserError as error:
            notes.append(f"A list of trials that is here was not used. {error}")
            continue
        trials[key] = given
        notes.append(f"Took the trials of '{path}', which is here.")
    return trials, notes


def hold_out(recordings: list[Recording], trials: Mapping[str, GivenTrials]) -> list[Recording]:
    """Count the speakers of Vox1-O among those of the test part, wherever they are.

    They are id10270 to id10309. Where a list of one's own goes by the name of Vox1-O, others must
    not be trained on either.

    Parameters
    ----------
    recordings : list of Recording
    trials : mapping of str to GivenTrials
        As `read_voxceleb_trials` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> recordings = [Recording("id10001/a/1", "", "", "id10001", "vox1_dev")]
    >>> given = GivenTrials("mine.txt", np.array([1]), ["id10001/a/1"], ["id10001/a/1"])
    >>> hold_out(recordings, {"O": given})[0].group
    'vox1_test'
    """
    given = [trials[key] for key in ("O", "O_cleaned") if key in trials]
    named = {uri for each in given for side in (each.first, each.second) for uri in side}
    speakers = {r.speaker for r in recordings if r.uri in named and r.group == "vox1_dev"}
    if not speakers:
        return recordings
    return [
        replace(recording, group="vox1_test") if recording.speaker in speakers else recording
        for recording in recordings
    ]


def _read(path: Path, known: Mapping[str, str], notes: list[str]) -> tuple[str, GivenTrials]:
    given = read_given_trials(path, known)
    total = _lines(path)
    official = _BY_NAME.get(path.name) or _BY_TRIALS.get(total)
    if official is None:
        return re.sub(r"[^A-Za-z0-9-]+", "_", path.stem).strip("_-") or "trials", given
    if total != official.trials:
        notes.append(
            f"'{path}' holds {total:,} trials, and {official.title} has {official.trials:,}: "
            f"figures are not those of {official.title}."
        )
    return official.key, given


def _lines(path: Path) -> int:
    """Number of trials in a list, known recordings or not."""
    return sum(bool(line.strip()) for line in path.read_bytes().split(b"\n"))


def _title(key: str) -> str:
    return next((official.title for official in _OFFICIAL if official.key == key), f"'{key}'")
