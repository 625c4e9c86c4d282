"""Confidence interval of a metric of verification trials."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.metrics.eer import equal_error_rate
from pyannote_ge2e.metrics.parametric import parametric_interval
from pyannote_ge2e.metrics.resampling.drawing import (
    Method,
    Redrawn,
    check_level,
    checked_options,
    resampled,
    resampling_of,
)
from pyannote_ge2e.metrics.resampling.estimators import Metric, estimator_of, is_optimistic
from pyannote_ge2e.metrics.resampling.percentiles import bias_corrected, tails
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials


def confidence_interval(
    metric: Metric,
    scores: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None = None,
    method: Method = "speaker",
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[float, float]:
    """Confidence interval of a metric such as the equal error rate.

    Trials share speakers, hence are not independent: the default redraws speakers, not
    trials, and gives the wider interval that new speakers deserve.

    Parameters
    ----------
    metric : callable
        ``metric(scores, labels) -> float``. `equal_error_rate`, `min_dcf`, `act_dcf`, `cllr`
        and, a few times slower, `hull_equal_error_rate` are resampled fast, with options too:
        ``functools.partial(min_dcf, p_target=0.05)``. `min_cllr` and any other callable are
        computed from each resample as a list of trials.
    scores : (T,) array
        Similarities.
    labels : (T,) array
        1 for targets, 0 for non-targets.
    speakers : (T, 2) array, optional
        Names or numbers of the two speakers of each trial.
    method : "speaker", "trial" or "parametric"
        "speaker"
            Two-way bootstrap: speakers are drawn with replacement, a target counts as often
            as its speaker was drawn, a non-target as often as the product of its two. Rather
            too wide than too narrow (Owen, "The pigeonhole bootstrap", Annals of Applied
            Statistics 1, 2007), except for fewer than ten speakers.
            Without `speakers`, trials are drawn instead, with a warning.
        "trial"
            Bootstrap of the trials, targets and non-targets apart, as `feerci` does it.
        "parametric"
            For the equal error rate only, and without drawing anything: see
            `parametric_interval`. Trials are taken to be independent.
    level : float
        Share of intervals that should hold the true figure.
    seed : int
        Same seed, same interval.
    resamples : int
        Number of bootstrap resamples. Those without any target or non-target are redrawn.

    Returns
    -------
    low, high : float
        Percentiles of the resampled metric (for "parametric": see there). A bootstrap of
        trials without any error gives (0, 0). `min_dcf`, `hull_equal_error_rate` and
        `min_cllr` choose a threshold or a map on the very trials that they judge, and are too
        low for it: theirs are bias-corrected percentiles, which cover about what they should
        unless the best threshold makes fewer than about ten errors of either kind. No resample
        knows errors that are not in the list: such an interval is too low, the more so the
        fewer, as with few non-targets and a small `p_target`.

    Raises
    ------
    ValueError
        When the trials are malformed, `speakers` contradict the labels or are too few to
        resample, or an option is out of range.

    Examples
    --------
    >>> scores, labels = [0.9, 0.4, 0.6, 0.1, 0.3, 0.5], [1, 1, 1, 0, 0, 0]
    >>> low, high = confidence_interval(equal_error_rate, scores, labels, method="trial")
    >>> low <= equal_error_rate(scores, labels) <= high
    True
    """
    if method == "parametric":
        if metric is not equal_error_rate:
            raise ValueError(
                "The parametric interval is that of equal_error_rate: resample instead."
            )
        check_level(level)
        checked_scores, is_target = checked_trials(scores, labels)
        rate = equal_error_rate(checked_scores, is_target)
        num_targets = int(is_target.sum())
        return parametric_interval(rate, num_targets, len(is_target) - num_targets, level)
    kind = checked_options(method, speakers, level, resamples)
    [interval] = _intervals([metric], scores, labels, speakers, kind, level, seed, resamples)
    return interval


def confidence_intervals(
    metrics: Iterable[Metric],
    scores: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None = None,
    method: Redrawn = "speaker",
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
) -> list[tuple[float, float]]:
    """Confidence intervals of several metrics at the price of little more than one.

    Each is the one that `confidence_interval` gives, of the same draws.

    Parameters
    ----------
    metrics : callables
    scores, labels, speakers, method, level, seed, resamples
        As in `confidence_interval`.

    Returns
    -------
    intervals : list of (low, high)

    Raises
    ------
    ValueError
        As `confidence_interval`.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import min_dcf
    >>> scores, labels = [0.9, 0.4, 0.6, 0.1, 0.3, 0.5], [1, 1, 1, 0, 0, 0]
    >>> len(confidence_intervals([equal_error_rate, min_dcf], scores, labels, method="trial"))
    2
    """
    kind = checked_options(method, speakers, level, resamples)
    return _intervals(metrics, scores, labels, speakers, kind, level, seed, resamples)


def _intervals(
    metrics: Iterable[Metric],
    scores: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None,
    kind: Redrawn,
    level: float,
    seed: int,
    resamples: int,
) -> list[tuple[float, float]]:
    checked_scores, is_target = checked_trials(scores, labels)
    metrics = list(metrics)
    resampling = resampling_of(SortedTrials.of(checked_scores, is_target), speakers, kind)
    estimators = [estimator_of(metric, resampling) for metric in metrics]
    rows = resampled(estimators, resampling, seed, resamples)
    intervals = []
    for metric, values in zip(metrics, rows, strict=True):
        if is_optimistic(metric):
            value = metric(checked_scores, is_target)
            intervals.append(bias_corrected(values, value, level))
        else:
            low, high = np.quantile(values, tails(level))
            intervals.append((float(low), float(high)))
    return intervals
