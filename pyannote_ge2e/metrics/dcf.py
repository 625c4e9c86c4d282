"""Detection cost: what misses and false alarms cost, at the best threshold or at Bayes'."""

from __future__ import annotations

from math import isfinite, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyannote_ge2e.metrics.thinning import thinned_error_rates
from pyannote_ge2e.metrics.trials import checked_trials

FloatArray = NDArray[np.float64]


def min_dcf(
    scores: ArrayLike,
    labels: ArrayLike,
    p_target: float = 0.01,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    """Normalised detection cost at the best of all thresholds (minDCF).

    ``(p_target c_miss miss + (1 - p_target) c_fa false_alarm) / default``, where the default is
    the cost of the better of two systems that hear nothing: accept all, or reject all (NIST
    speaker recognition evaluation plans). A figure of another `p_target` is another figure:
    state it.

    Parameters
    ----------
    scores : (T,) array
        Similarities: higher means more alike.
    labels : (T,) array
        1 for targets (same speaker), 0 for non-targets.
    p_target : float
        Prior probability of a target, strictly between 0 and 1.
    c_miss, c_fa : float
        Cost of a miss and of a false alarm, positive.

    Returns
    -------
    cost : float
        Between 0 and 1. Tied scores are accepted or rejected together.

    Raises
    ------
    ValueError
        When lengths differ, a score is not finite, a label is neither 0 nor 1, one of the two
        classes is missing, or the prior or a cost is out of range.

    Examples
    --------
    >>> scores, labels = [0.9, 0.6, 0.4, 0.7, 0.2, 0.1], [1, 1, 1, 0, 0, 0]
    >>> round(min_dcf(scores, labels, p_target=0.5), 6)
    0.333333
    >>> round(min_dcf(scores, labels, p_target=0.01), 6)
    0.666667
    """
    check_costs(p_target, c_miss, c_fa)

    def may_cost_less(miss: FloatArray, false_alarm: FloatArray) -> NDArray[np.bool_]:
        best = dcf_of_error_rates(miss, false_alarm, p_target, c_miss, c_fa).min()
        # Between two points there are no fewer misses than at one, no fewer alarms than at the
        # other.
        return dcf_of_error_rates(miss[:-1], false_alarm[1:], p_target, c_miss, c_fa) < best

    miss, false_alarm = thinned_error_rates(*checked_trials(scores, labels), may_cost_less)
    return float(dcf_of_error_rates(miss, false_alarm, p_target, c_miss, c_fa).min())


def act_dcf(
    scores: ArrayLike,
    labels: ArrayLike,
    p_target: float = 0.01,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    """Normalised detection cost at the threshold that the prior and the costs ask for (actDCF).

    What a user pays who takes the scores at their word: a trial is accepted from
    `bayes_threshold` on. Same normalisation as `min_dcf`, which it approaches as calibration
    gets better.

    Parameters
    ----------
    scores : (T,) array
        Natural-log likelihood ratios, such as those of `pyannote_ge2e.scoring.Calibration`.
    labels : (T,) array
        1 for targets, 0 for non-targets.
    p_target, c_miss, c_fa : float
        As in `min_dcf`.

    Returns
    -------
    cost : float
        At least `min_dcf`, and above 1 where hearing nothing would have cost less.

    Raises
    ------
    ValueError
        As `min_dcf`.

    Examples
    --------
    >>> act_dcf([3.0, -1.0, 1.0, -2.0], [1, 1, 0, 0], p_target=0.5)
    1.0
    """
    threshold = bayes_threshold(p_target, c_miss, c_fa)
    scores, is_target = checked_trials(scores, labels)
    accepted = scores >= threshold
    num_targets = np.count_nonzero(is_target)
    hits = np.count_nonzero(accepted & is_target)
    miss = np.float64((num_targets - hits) / num_targets)
    alarms = np.count_nonzero(accepted) - hits
    false_alarm = np.float64(alarms / (len(scores) - num_targets))
    return float(dcf_of_error_rates(miss, false_alarm, p_target, c_miss, c_fa))


def bayes_threshold(p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """Log likelihood ratio from which on accepting a trial costs less than rejecting it.

    Parameters
    ----------
    p_target, c_miss, c_fa : float
        As in `min_dcf`.

    Returns
    -------
    threshold : float
        Natural logarithm of ``(1 - p_target) c_fa / (p_target c_miss)``.

    Raises
    ------
    ValueError
        When the prior or a cost is out of range.

    Examples
    --------
    >>> bayes_threshold(0.5)
    0.0
    >>> round(bayes_threshold(0.01), 4)
    4.5951
    """
    check_costs(p_target, c_miss, c_fa)
    # Each on its own: a quotient of tiny numbers could overflow.
    return log(c_fa) + log(1 - p_target) - log(c_miss) - log(p_target)


def dcf_of_error_rates(
    miss: FloatArray,
    false_alarm: FloatArray,
    p_target: float,
    c_miss: float,
    c_fa: float,
) -> FloatArray:
    """Normalised detection costs of pairs of error rates.

    Parameters
    ----------
    miss, false_alarm : arrays
        Rates, of any shape.
    p_target, c_miss, c_fa : float
        As in `min_dcf`. Not checked again.

    Returns
    -------
    costs : array
        Of the same shape.

    Examples
    --------
    >>> costs = dcf_of_error_rates(np.array([0.0, 0.5]), np.array([1.0, 0.25]), 0.2, 1.0, 1.0)
    >>> costs.round(6).tolist()
    [4.0, 1.5]
    """
    of_misses, of_alarms = p_target * c_miss, (1 - p_target) * c_fa
    default = min(of_misses, of_alarms)
    # One of the two weights is 1 to the last bit: hearing nothing costs exactly 1.
    return miss * (of_misses / default) + false_alarm * (of_alarms / default)


def check_costs(p_target: float, c_miss: float, c_fa: float) -> None:
    """Refuse a prior that is no probability between 0 and 1, and costs that are not positive.

    Raises
    ------
    ValueError
        Naming the one that is out of range, or all three where no number holds their quotient.
    """
    if not 0 < p_target < 1:
        raise ValueError(f"p_target must be strictly between 0 and 1, got {p_target}.")
    for name, cost in (("c_miss", c_miss), ("c_fa", c_fa)):
        if not (cost > 0 and isfinite(cost)):
            raise ValueError(f"{name} must be a positive number, got {cost}.")
    lighter, heavier = sorted((p_target * c_miss, (1 - p_target) * c_fa))
    # Beyond what numbers hold, no miss or no false alarm would cost infinity times zero.
    if lighter == 0 or not isfinite(heavier / lighter):
        raise ValueError(
            f"p_target {p_target}, c_miss {c_miss} and c_fa {c_fa} are too extreme to compute with."
        )
