"""Writing trials and their scores, in Kaldi's column order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.score_files.text_lines import separator_for

__all__ = ["write_scores", "write_trials"]


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
    >>> print(path.read_text(), end="")
    alice/1 bob/1 0.25
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
    >>> print(path.read_text(), end="")
    alice/1 bob/1 nontarget
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
