"""Files that trials alone name: who speaks in them follows from the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.prepare.given_trials import TrialLines
from pyannote_ge2e.data.prepare.known_names import KnownNames
from pyannote_ge2e.data.prepare.layouts.lists.rows import AudioPaths, Listed
from pyannote_ge2e.data.score_files.names import without_suffix
from pyannote_ge2e.data.score_files.trial_speakers import speakers_by_name

__all__ = ["unlisted"]


def unlisted(
    parts: Sequence[TrialLines],
    paths: AudioPaths,
    known: Mapping[str, str],
    speakers: Mapping[str, str],
) -> tuple[list[Listed], dict[str, str]]:
    r"""Find the files that trials name and no list does.

    Parameters
    ----------
    parts : sequence of TrialLines
        That belong together.
    paths : AudioPaths
    known : mapping of str to str
        Path of each file that a list names, by what trials may call it.
    speakers : mapping of str to str
        Speaker of each file that a list names, by path.

    Returns
    -------
    rows : list of Listed
        Their speakers are those in their names, where these agree with the trials; else two files
        of a target are of one speaker.
    places : dict of str to str
        Path of the file behind each name in the trials.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> for name in "abc":
    ...     (folder / f"{name}.wav").touch()
    >>> names, pairs = ["a.wav", "b.wav", "c.wav"], np.array([[0, 1], [0, 2]])
    >>> part = TrialLines(folder / "trials", names, pairs, np.array([1, 0]), np.array([1, 2]))
    >>> rows, _ = unlisted([part], AudioPaths([folder]), {}, {})
    >>> [row.speaker for row in rows]
    ['speaker of a', 'speaker of a', 'speaker of c']
    """
    number: dict[str, int] = {}
    for part in parts:
        for name in part.names:
            number.setdefault(name, len(number))
    pairs = np.concatenate(
        [np.array([number[name] for name in part.names])[part.pairs] for part in parts]
    )
    labels = np.concatenate([part.labels for part in parts])
    names = list(number)
    known_names = KnownNames(known)
    found = {name: known_names.find(name) or paths.find(name) for name in names}
    places = {name: place for name, place in found.items() if place is not None}
    new = [name for name in places if places[name] not in speakers]
    if not new:
        return [], places
    told = speakers_by_name(names, pairs, labels)
    if told is not None:
        whose = dict(zip(pairs.ravel().tolist(), told.ravel().tolist(), strict=True))
        speaker = {name: whose[number[name]] for name in new}
    else:
        speaker = _by_targets(names, pairs[labels == 1], places, speakers)
    line = _first_lines(parts)
    rows = {places[name]: Listed(*line[name], name, speaker[name]) for name in new}
    return list(rows.values()), places


def _by_targets(
    names: Sequence[str],
    targets: np.ndarray,
    places: Mapping[str, str],
    speakers: Mapping[str, str],
) -> dict[str, str]:
    """Return the speaker of each name, one for all that targets link."""
    parent = list(range(len(names)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for first, second in targets.tolist():
        one, other = sorted((root(first), root(second)))
        parent[other] = one
    listed = {
        root(row): speakers[places[name]]
        for row, name in enumerate(names)
        if places.get(name) in speakers
    }
    return {
        name: listed.get(root(row), f"speaker of {without_suffix(names[root(row)])}")
        for row, name in enumerate(names)
    }


def _first_lines(parts: Sequence[TrialLines]) -> dict[str, tuple[Path, int]]:
    """Return the file and the line in which each name stands first."""
    lines: dict[str, tuple[Path, int]] = {}
    for part in parts:
        for side in range(2):
            rows, first = np.unique(part.pairs[:, side], return_index=True)
            for row, at in zip(rows.tolist(), first.tolist(), strict=True):
                place = (part.source, int(part.lines[at]))
                name = part.names[row]
                lines[name] = min(lines.get(name, place), place)
    return lines
