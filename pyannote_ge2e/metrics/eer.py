"""Equal error rate: where the interpolated ROC has as many misses as false alarms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyannote_ge2e.metrics.hull import hull_points
from pyannote_ge2e.metrics.thinning import thinned_error_rates
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials


def equal_error_rate(scores: ArrayLike, labels: ArrayLike) -> float:
    """Equal error rate of verification trials.

    The ROC joins the points of all distinct thresholds by straight lines (tied scores are one
    diagonal step); the rate is exactly where it crosses "misses = false alarms". No grid, no
    convex hull.

    Parameters
    ----------
    scores : (T,) array
        Similarities: higher means more alike.
    labels : (T,) array
        1 for targets (same speaker), 0 for non-targets.

    Returns
    -------
    rate : float
        A fraction, between 0 and 1.

    Raises
    ------
    ValueError
        When lengths differ, a score is not finite, a label is neither 0 nor 1, or one of the
        two classes is missing.

    Examples
    --------
    >>> equal_error_rate([0.9, 0.6, 0.4, 0.7, 0.2, 0.1], [1, 1, 1, 0, 0, 0])
    0.3333333333333333
    """
    rate, _ = crossing(*thinned_error_rates(*checked_trials(scores, labels), _crosses))
    return float(rate)


def hull_equal_error_rate(scores: ArrayLike, labels: ArrayLike) -> float:
    """Equal error rate on the convex hull of the ROC (ROCCH-EER).

    What remains after the best monotone calibration, tossing a coin between two thresholds
    allowed: at most `equal_error_rate`. Also the largest, over all priors, of the smallest
    expected error (Brümmer & de Villiers, "The BOSARIS toolkit", 2013).

    Parameters
    ----------
    scores, labels : (T,) arrays
        As in `equal_error_rate`.

    Returns
    -------
    rate : float
        A fraction, between 0 and 1/2.

    Raises
    ------
    ValueError
        As `equal_error_rate`.

    Examples
    --------
    >>> scores, labels = [0.9, 0.6, 0.4, 0.7, 0.2, 0.1], [1, 1, 1, 0, 0, 0]
    >>> round(hull_equal_error_rate(scores, labels), 6)
    0.222222
    """
    trials = SortedTrials.of(*checked_trials(scores, labels))
    points = hull_points(trials)
    miss, false_alarm = trials.error_rates()
    rate, _ = crossing(miss[points], false_alarm[points])
    return float(rate)


def equal_error_threshold(scores: ArrayLike, labels: ArrayLike) -> float:
    """Score at which misses and false alarms are equally frequent.

    Parameters
    ----------
    scores, labels : (T,) arrays
        As in `equal_error_rate`.

    Returns
    -------
    threshold : float
        The score of the trial (or of the tied trials) where the ROC crosses: accepting from
        there on gives at least as many false alarms as misses, accepting only what is above
        gives at most as many.

    Raises
    ------
    ValueError
        As `equal_error_rate`.

    Examples
    --------
    >>> equal_error_threshold([0.9, 0.6, 0.4, 0.7, 0.2, 0.1], [1, 1, 1, 0, 0, 0])
    0.4
    """
    trials = SortedTrials.of(*checked_trials(scores, labels))
    _, point = crossing(*trials.error_rates())
    return float(trials.scores[trials.boundaries[point] - 1])


def crossing(
    miss: NDArray[np.float64], false_alarm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Equal error rates of error curves, or of the parts of them that may hold the crossing.

    Parameters
    ----------
    miss, false_alarm : (..., P) arrays
        Rates at P consecutive thresholds: misses grow, false alarms fall.

    Returns
    -------
    rate : (...,) array
    point : (...,) integer array
        The first point with at least as many misses as false alarms: the crossing lies
        between it and the one before. -1 where it is not within these points (the rate then
        means nothing).

    Examples
    --------
    >>> rate, point = crossing(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.5, 0.0]))
    >>> float(rate), int(point)
    (0.3333333333333333, 2)
    """
    excess = miss - false_alarm
    point = np.argmax(excess >= 0, axis=-1)

    def at(curve: NDArray[np.float64], index: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.take_along_axis(curve, index[..., None], axis=-1)[..., 0]

    before = np.maximum(point - 1, 0)
    found = point > 0
    rise = at(excess, point) - at(excess, before)
    share = -at(excess, before) / np.where(found, rise, 1)
    rate = at(miss, before) + share * (at(miss, point) - at(miss, before))
    return rate, np.where(found, point, -1)


def _crosses(miss: NDArray[np.float64], false_alarm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Between which points misses become as many as false alarms."""
    excess = miss - false_alarm
    return (excess[:-1] < 0) & (excess[1:] >= 0)
