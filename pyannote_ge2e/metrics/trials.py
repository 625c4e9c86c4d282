"""Scored trials: checked once, sorted once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked_trials(
    scores: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores as float64 and labels as booleans, or an error that says what is wrong.

    Parameters
    ----------
    scores : (T,) array
        Finite similarities.
    labels : (T,) array
        1 (or True) for targets, 0 (or False) for non-targets.

    Returns
    -------
    scores : (T,) float array
    is_target : (T,) boolean array

    Raises
    ------
    ValueError
        When shapes differ, a score is not finite, a label is neither 0 nor 1, or one of the
        two classes is missing.

    Examples
    --------
    >>> checked_trials([0.5, 0.1], [1, 0])
    (array([0.5, 0.1]), array([ True, False]))
    """
    scores = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(labels)
    if scores.ndim != 1 or labels.ndim != 1:
        raise ValueError(
            "Expected one score and one label for each trial, got arrays of shape "
            f"{scores.shape} and {labels.shape}."
        )
    if len(scores) != len(labels):
        raise ValueError(f"There are {len(scores)} scores but {len(labels)} labels.")
    finite = np.isfinite(scores)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(f"Score {first} is {scores[first]}: scores must be finite.")
    is_target = labels == 1
    known = is_target | (labels == 0)
    if not np.all(known):
        first = int(np.argmin(known))
        raise ValueError(
            f"Label {first} is {labels[first]!s}: labels must be 1 (target) or 0 (non-target)."
        )
    num_targets = int(is_target.sum())
    if num_targets in (0, len(labels)):
        missing = "targets" if num_targets == 0 else "non-targets"
        raise ValueError(f"There are no {missing} among the {len(labels)} trials.")
    return scores, is_target


@dataclass(frozen=True)
class SortedTrials:
    """Trials by increasing score, in groups of equal score.

    The error curve has one point before each group and one after the last: what is below the
    point is rejected, what is above is accepted. Tied trials are never told apart.

    Attributes
    ----------
    order : (T,) integer array
        Where each sorted trial was in the list.
    scores : (T,) float array
    is_target : (T,) boolean array
    boundaries : (G + 1,) integer array
        Number of trials below each point of the curve: 0 first, T last.
    targets_below, others_below : (G + 1,) integer arrays
        How many of these are targets, and how many are not.
    """

    order: NDArray[np.intp]
    scores: NDArray[np.float64]
    is_target: NDArray[np.bool_]
    boundaries: NDArray[np.intp]
    targets_below: NDArray[np.intp]
    others_below: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.float64], is_target: NDArray[np.bool_]) -> SortedTrials:
        """Sort checked trials.

        Examples
        --------
        >>> trials = SortedTrials.of(np.array([0.3, 0.1, 0.3]), np.array([True, False, False]))
        >>> trials.boundaries
        array([0, 1, 3])
        """
        order = np.argsort(scores, kind="stable")
        return cls._grouped(order, scores[order], is_target[order])

    def repeated(self, times: NDArray[np.intp]) -> SortedTrials:
        """Each of the sorted trials so many times (T,), or not at all.

        Examples
        --------
        >>> trials = SortedTrials.of(np.array([0.3, 0.1, 0.2]), np.array([True, False, False]))
        >>> trials.repeated(np.array([0, 2, 1])).scores
        array([0.2, 0.2, 0.3])
        """
        return self._grouped(
            np.repeat(self.order, times),
            np.repeat(self.scores, times),
            np.repeat(self.is_target, times),
        )

    @classmethod
    def _grouped(
        cls,
        order: NDArray[np.intp],
        scores: NDArray[np.float64],
        is_target: NDArray[np.bool_],
    ) -> SortedTrials:
        steps = np.flatnonzero(scores[1:] != scores[:-1]) + 1
        boundaries = np.concatenate([[0], steps, [len(scores)]])
        targets_below = np.concatenate([[0], np.cumsum(is_target)])[boundaries]
        others_below = boundaries - targets_below
        return cls(order, scores, is_target, boundaries, targets_below, others_below)

    def error_rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Miss and false-alarm rates at the G + 1 points of the curve.

        Examples
        --------
        >>> trials = SortedTrials.of(np.array([0.3, 0.1, 0.3]), np.array([True, False, False]))
        >>> trials.error_rates()
        (array([0., 0., 1.]), array([1. , 0.5, 0. ]))
        """
        num_targets, num_others = self.targets_below[-1], self.others_below[-1]
        # Not 1 - below / all: equal rates must come out equal, to the last bit.
        return self.targets_below / num_targets, (num_others - self.others_below) / num_others
