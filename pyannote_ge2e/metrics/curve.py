"""Error curve: the misses and false alarms of every threshold, for DET and ROC pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyannote_ge2e.metrics.hull import hull_points
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials


@dataclass(frozen=True)
class ErrorCurve:
    """Error rates at P thresholds, from "accept all" to "reject all".

    Attributes
    ----------
    thresholds : (P,) array
        Increasing; scores from the threshold on are accepted. The last is infinity.
    miss : (P,) array
        Share of the targets that is rejected: 0 first, 1 last.
    false_alarm : (P,) array
        Share of the non-targets that is accepted: 1 first, 0 last.
    """

    thresholds: NDArray[np.float64]
    miss: NDArray[np.float64]
    false_alarm: NDArray[np.float64]


def error_curve(scores: ArrayLike, labels: ArrayLike, hull: bool = False) -> ErrorCurve:
    """Miss and false-alarm rates at every threshold that makes a difference.

    Parameters
    ----------
    scores : (T,) array
        Similarities: higher means more alike.
    labels : (T,) array
        1 for targets (same speaker), 0 for non-targets.
    hull : bool
        Keep only the corners of the convex hull of the curve.

    Returns
    -------
    curve : ErrorCurve
        One point for each distinct score (tied trials are accepted together), and one that
        rejects all.

    Raises
    ------
    ValueError
        When lengths differ, a score is not finite, a label is neither 0 nor 1, or one of the
        two classes is missing.

    Examples
    --------
    >>> curve = error_curve([0.9, 0.4, 0.6, 0.1], [1, 1, 0, 0])
    >>> curve.thresholds
    array([0.1, 0.4, 0.6, 0.9, inf])
    >>> curve.miss, curve.false_alarm
    (array([0. , 0. , 0.5, 0.5, 1. ]), array([1. , 0.5, 0.5, 0. , 0. ]))
    >>> error_curve([0.9, 0.4, 0.6, 0.1], [1, 1, 0, 0], hull=True).thresholds
    array([0.1, 0.4, 0.9, inf])
    """
    trials = SortedTrials.of(*checked_trials(scores, labels))
    thresholds = np.append(trials.scores, np.inf)[trials.boundaries]
    miss, false_alarm = trials.error_rates()
    if hull:
        points = hull_points(trials)
        thresholds, miss, false_alarm = thresholds[points], miss[points], false_alarm[points]
    return ErrorCurve(thresholds, miss, false_alarm)
