"""Trials and their scores as files of text, in Kaldi's column order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.text_lines import separator_for
from pyannote_ge2e.data.utt2spk import read_utt2spk, speakers_of_trials, write_utt2spk

__all__ = [
    "ScoredTrials",
    "read_utt2spk",
    "speakers_of_trials",
    "write_scores",
    "write_trials",
    "write_utt2spk",
]


@dataclass
class ScoredTrials:
    """Trials over F recordings, with their scores.

    Attributes
    ----------
    names : list of F str
        Uris; empty when the file holds labels and scores only.
    trials : (T, 2) int64 array
        Enrolment and test, as rows of `names`; (0, 2) without names.
    labels : (T,) int64 array
        1 for target trials, 0 for the others.
    scores : (T,) float64 array
        Similarities.
    """

    names: list[str]
    trials: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def write_scores(path: Path, names: Sequence[str], trials: np.ndarray, scores: ArrayLike) -> None:
    """Write lines `enrolment test score`, exact to the last bit.

    Parameters
    ----------
    path : Path
    names : sequence of F str
    trials : (T, 2) integer array
        Rows of `names`.
    scores : (T,) array

    Raises
    ------
    UserError
        If a name cannot stand in a line, or the file cannot be written: what was there before
        stays.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "scores.txt"
    >>> write_scores(path, ["alice/1", "bob/1"], np.array([[0, 1]]), [0.25])
    >>> path.read_text()
    'alice/1 bob/1 0.25\\n'
    """
    _write(path, names, trials, map(repr, np.asarray(scores, np.float64).tolist()))


def write_trials(path: Path, names: Sequence[str], trials: np.ndarray, labels: ArrayLike) -> None:
    """Write lines `enrolment test target` or `enrolment test nontarget`.

    Parameters
    ----------
    path : Path
    names : sequence of F str
    trials : (T, 2) integer array
        Rows of `names`.
    labels : (T,) array
        1 for targets, 0 for non-targets.

    Raises
    ------
    UserError
        If a name cannot stand in a line, or the file cannot be written.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "trials.txt"
    >>> write_trials(path, ["alice/1", "bob/1"], np.array([[0, 1]]), [0])
    >>> path.read_text()
    'alice/1 bob/1 nontarget\\n'
    """
    words = ("nontarget", "target")
    _write(path, names, trials, (words[label] for label in np.asarray(labels).tolist()))


def _write(path: Path, names: Sequence[str], trials: np.ndarray, last: Iterable[str]) -> None:
    between = separator_for(path, names)
    pairs = np.asarray(trials).tolist()
    with replacing(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(
            f"{names[enrolment]}{between}{names[test]}{between}{word}\n"
            for (enrolment, test), word in zip(pairs, last, strict=True)
        )
