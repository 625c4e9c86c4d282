"""Two systems on the same trials: how far apart they are, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.metrics.resampling.bootstrap import FloatArray
from pyannote_ge2e.metrics.resampling.drawing import (
    Redrawn,
    checked_options,
    resampled,
    resampling_of,
)
from pyannote_ge2e.metrics.resampling.estimators import Estimator, Metric, estimator_of
from pyannote_ge2e.metrics.resampling.percentiles import ROUNDING, tails
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials


@dataclass(frozen=True)
class Comparison:
    """Difference of a metric between two systems.

    Attributes
    ----------
    difference : float
        Metric of the first system less that of the second. Below 0, the first is better, of
        metrics that count errors.
    low, high : float
        Its confidence interval.
    p_value : float
        How surprising so large a difference would be between equally good systems. Between
        ``2 / (resamples + 1)`` and 1.
    """

    difference: float
    low: float
    high: float
    p_value: float


def compare_systems(
    metric: Metric,
    scores: ArrayLike,
    other: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None = None,
    method: Redrawn = "speaker",
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
) -> Comparison:
    """Compare two systems that scored the same trials.

    Both are resampled by the same draws: what makes a list hard makes it hard for both, and
    their difference is known far better than either figure. Two intervals that overlap tell
    nothing.

    Parameters
    ----------
    metric : callable
        As in `confidence_interval`.
    scores, other : (T,) arrays
        Similarities by the first and by the second system.
    labels : (T,) array
        1 for targets, 0 for non-targets.
    speakers : (T, 2) array, optional
        Names or numbers of the two speakers of each trial.
    method : "speaker" or "trial"
        As in `confidence_interval`.
    level, seed, resamples
        As in `confidence_interval`.

    Returns
    -------
    comparison : Comparison
        The difference, percentiles of its resamples d, and the two-sided p-value
        ``2 min(1 + #(d <= 0), 1 + #(d >= 0)) / (1 + resamples)``, at most 1: twice the share of
        resamples on the rarer side of 0, with the 1 of Davison & Hinkley ("Bootstrap methods
        and their application", 1997, eq. 4.11), for no number of resamples proves that it
        cannot happen. It is below ``1 - level`` about where the interval leaves out 0. Between
        systems that differ by noise alone, small values are rarer than they say where speakers
        are resampled.

    Raises
    ------
    ValueError
        As `confidence_interval`.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import equal_error_rate
    >>> labels = [1, 1, 1, 0, 0, 0]
    >>> first, second = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1], [0.9, 0.2, 0.6, 0.1, 0.3, 0.5]
    >>> found = compare_systems(equal_error_rate, first, second, labels, method="trial")
    >>> round(found.difference, 3), found.low <= found.difference <= found.high
    (-0.333, True)
    >>> found.p_value > 0.05  # three trials of a kind prove nothing
    True
    """
    kind = checked_options(method, speakers, level, resamples)
    [comparison] = _compared(
        [metric], scores, other, labels, speakers, kind, level, seed, resamples
    )
    return comparison


def compare_by_metrics(
    metrics: Iterable[Metric],
    scores: ArrayLike,
    other: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None = None,
    method: Redrawn = "speaker",
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
) -> list[Comparison]:
    """Compare two systems by several metrics, sorted and drawn once.

    Each comparison is the one that `compare_systems` makes, of the same draws.

    Parameters
    ----------
    metrics : callables
    scores, other, labels, speakers, method, level, seed, resamples
        As in `compare_systems`.

    Returns
    -------
    comparisons : list of Comparison

    Raises
    ------
    ValueError
        As `compare_systems`.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import equal_error_rate, min_dcf
    >>> labels = [1, 1, 1, 0, 0, 0]
    >>> first, second = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1], [0.9, 0.2, 0.6, 0.1, 0.3, 0.5]
    >>> metrics = [equal_error_rate, min_dcf]
    >>> found = compare_by_metrics(metrics, first, second, labels, method="trial")
    >>> [round(comparison.difference, 3) for comparison in found]
    [-0.333, -0.333]
    """
    kind = checked_options(method, speakers, level, resamples)
    return _compared(metrics, scores, other, labels, speakers, kind, level, seed, resamples)


def _compared(
    metrics: Iterable[Metric],
    scores: ArrayLike,
    other: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None,
    kind: Redrawn,
    level: float,
    seed: int,
    resamples: int,
) -> list[Comparison]:
    metrics = list(metrics)
    first = checked_trials(scores, labels)
    try:
        second = checked_trials(other, labels)
    except ValueError as error:
        raise ValueError(f"Of the second system: {error}") from error
    one, two = (
        resampling_of(SortedTrials.of(*trials), speakers, kind) for trials in (first, second)
    )
    adapted = two.same_draws(one)

    def by_draws_of_one(estimate: Estimator) -> Estimator:
        return lambda draws: estimate(adapted(draws))

    estimators = [estimator_of(metric, one) for metric in metrics]
    estimators += [by_draws_of_one(estimator_of(metric, two)) for metric in metrics]
    rows = resampled(estimators, one, seed, resamples)
    return [
        _comparison(metric(scores, labels) - metric(other, labels), of_one, of_two, level)
        for metric, of_one, of_two in zip(
            metrics, rows[: len(metrics)], rows[len(metrics) :], strict=True
        )
    ]


def _comparison(
    difference: float, of_one: FloatArray, of_two: FloatArray, level: float
) -> Comparison:
    differences = of_one - of_two
    differences[np.isclose(of_one, of_two, rtol=ROUNDING, atol=ROUNDING)] = 0
    low, high = np.quantile(differences, tails(level))
    rarer = min(int(np.sum(differences <= 0)), int(np.sum(differences >= 0)))
    return Comparison(
        difference=float(difference),
        low=float(low),
        high=float(high),
        p_value=min(1.0, 2 * (1 + rarer) / (1 + len(differences))),
    )
