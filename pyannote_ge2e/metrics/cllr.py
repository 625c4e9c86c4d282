"""Cost of log likelihood ratios: one figure over all priors, in bits."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyannote_ge2e.metrics.hull import hull_points
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials


def cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """Cost of log likelihood ratios (Cllr).

    Mean of ``log2(1 + exp(-llr))`` over the targets and of ``log2(1 + exp(llr))`` over the
    non-targets, averaged (Brümmer & du Preez, "Application-independent evaluation of speaker
    detection", Computer Speech & Language 20, 2006).

    Parameters
    ----------
    scores : (T,) array
        Natural-log likelihood ratios.
    labels : (T,) array
        1 for targets, 0 for non-targets.

    Returns
    -------
    cost : float
        In bits: 0 when always right and sure of it, 1 when nothing is ever said (all scores
        zero), without bound when sure and wrong.

    Raises
    ------
    ValueError
        When lengths differ, a score is not finite, a label is neither 0 nor 1, or one of the
        two classes is missing.

    Examples
    --------
    >>> cllr([0.0, 0.0, 0.0], [1, 0, 0])
    1.0
    >>> round(cllr([3.0, -3.0], [1, 0]), 6)
    0.070097
    """
    scores, is_target = checked_trials(scores, labels)
    costs = cllr_costs(scores, is_target)
    return float((costs[is_target].mean() + costs[~is_target].mean()) / 2)


def cllr_costs(llrs: NDArray[np.float64], is_target: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What each trial costs, in bits: `cllr` averages the targets, the others, and the two.

    Examples
    --------
    >>> cllr_costs(np.array([0.0, 9.0, 9.0]), np.array([True, True, False])).round(3)
    array([ 1.   ,  0.   , 12.984])
    """
    # Nothing overflows for scores of any size.
    return np.logaddexp(0, np.where(is_target, -llrs, llrs)) / log(2)


def min_cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """Smallest `cllr` of any increasing map of the scores: what calibration cannot mend.

    The best map pools adjacent violators (Brümmer & du Preez, 2006). Scores that are
    only below, or only above, those of the other class become log likelihood ratios of minus
    or plus infinity, and cost nothing.

    Parameters
    ----------
    scores : (T,) array
        Similarities, calibrated or not.
    labels : (T,) array
        1 for targets, 0 for non-targets.

    Returns
    -------
    cost : float
        In bits, between 0 (the classes do not overlap) and 1 (nothing to tell them apart).

    Raises
    ------
    ValueError
        As `cllr`.

    Examples
    --------
    >>> min_cllr([0.8, 0.9, 0.1, 0.2], [1, 1, 0, 0])
    0.0
    >>> min_cllr([0.5, 0.5, 0.5], [1, 0, 0])
    1.0
    """
    trials = SortedTrials.of(*checked_trials(scores, labels))
    points = hull_points(trials)
    miss, false_alarm = trials.error_rates()
    return cllr_of_hull(miss[points], false_alarm[points])


def cllr_of_hull(miss: NDArray[np.float64], false_alarm: NDArray[np.float64]) -> float:
    """Smallest Cllr of an error curve, from the corners of its convex hull.

    Along a side, which holds a share ``m`` of the targets and a share ``f`` of the non-targets,
    the likelihood ratio is ``m / f``.

    Examples
    --------
    >>> cllr_of_hull(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    1.0
    """
    targets, others = np.diff(miss), -np.diff(false_alarm)
    bits = 0.0
    for share, other in ((targets, others), (others, targets)):
        # Sides without any trial of a class cost that class nothing.
        some = share > 0
        bits += float(share[some] @ np.log1p(other[some] / share[some])) / log(2)
    return bits / 2
