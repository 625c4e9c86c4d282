"""Confidence interval of a metric of verification trials."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from pyannote_ge2e.metrics.bootstrap import (
    BLOCK,
    Draws,
    FloatArray,
    Resampling,
    SpeakerResampling,
    TrialResampling,
)
from pyannote_ge2e.metrics.eer import equal_error_rate
from pyannote_ge2e.metrics.parametric import parametric_interval
from pyannote_ge2e.metrics.resampled import Estimator, Metric, estimator_of, is_optimistic
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials

Method = Literal["speaker", "trial", "parametric"]
Kind = Literal["speaker", "trial"]


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
            Statistics 1, 2007), except for a handful of speakers.
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
        low for it: theirs are bias-corrected percentiles, which cover what they should.

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
        _check_level(level)
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
    method: Kind = "speaker",
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
    kind: Kind,
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


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"The confidence level must be between 0 and 1, got {level}.")


def checked_options(method: str, speakers: ArrayLike | None, level: float, resamples: int) -> Kind:
    """Kind of bootstrap to use. Where it is not the one asked for, a warning tells the user.

    Meant to be called by public functions: the warning names the line that called them.
    """
    if method not in get_args(Method):
        raise ValueError(f"Unknown method {method!r}: choose 'speaker', 'trial' or 'parametric'.")
    _check_level(level)
    if resamples < 1:
        raise ValueError(f"At least one resample is needed, got {resamples}.")
    if method == "parametric":
        raise ValueError("The parametric interval draws nothing: choose 'speaker' or 'trial'.")
    if method == "trial":
        return "trial"
    if speakers is None:
        warnings.warn(
            "No speakers given: the interval resamples trials, and is too narrow when "
            "trials share speakers.",
            stacklevel=3,
        )
        return "trial"
    return "speaker"


def tails(level: float) -> NDArray[np.float64]:
    """Two shares with `level` between them."""
    return np.array([(1 - level) / 2, (1 + level) / 2])


def bias_corrected(values: FloatArray, value: float, level: float) -> tuple[float, float]:
    """Bias-corrected percentiles of resampled values of a metric.

    Resamples of an optimistic metric lie about as far below the figure as the figure lies
    below the truth. The share of them that is below tells how far the percentiles must move
    (Efron, "Nonparametric standard errors and confidence intervals", Canadian Journal of
    Statistics 9, 1981).

    Parameters
    ----------
    values : (R,) array
        Metric of the resamples.
    value : float
        Metric of the trials. The interval holds it.
    level : float

    Examples
    --------
    >>> values = np.linspace(0, 1, 1001)
    >>> low, high = bias_corrected(values, 0.5, 0.95)
    >>> round(low, 3), round(high, 3)  # no bias: plain percentiles
    (0.025, 0.975)
    >>> low, high = bias_corrected(values, 0.7, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.18, 0.999)
    """
    num_resamples = len(values)
    below = np.mean(values < value) + np.mean(values == value) / 2
    bias = ndtri(np.clip(below, 1 / (num_resamples + 1), num_resamples / (num_resamples + 1)))
    low, high = np.quantile(values, ndtr(2 * bias + ndtri(tails(level))))
    return min(float(low), value), max(float(high), value)


def resampling_of(trials: SortedTrials, speakers: ArrayLike | None, kind: Kind) -> Resampling:
    """Resamples of the kind that `checked_options` returned."""
    if kind == "trial":
        return TrialResampling(trials)
    assert speakers is not None
    return SpeakerResampling(trials, speakers)


def resampled(
    estimators: list[Estimator], resampling: Resampling, seed: int, resamples: int
) -> FloatArray:
    """Metrics of the same resamples: (metrics, resamples)."""
    values = np.empty((len(estimators), resamples))
    for columns, draws in draws_of(resampling, seed, resamples):
        for row, estimate in enumerate(estimators):
            values[row, columns] = estimate(draws)
    return values


def draws_of(resampling: Resampling, seed: int, resamples: int) -> Iterator[tuple[slice, Draws]]:
    """Draw as many resamples as fit into memory, again and again."""
    rng = np.random.default_rng(seed)
    size = max(1, BLOCK // resampling.width)
    for start in range(0, resamples, size):
        columns = slice(start, min(start + size, resamples))
        yield columns, resampling.draw(rng, columns.stop - start)
