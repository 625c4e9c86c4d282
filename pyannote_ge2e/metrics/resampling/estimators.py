"""Metrics of resamples: the fast way of those that have one, a plain one of all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from pyannote_ge2e.metrics.cllr import cllr, cllr_costs, cllr_of_hull, min_cllr
from pyannote_ge2e.metrics.dcf import (
    act_dcf,
    bayes_threshold,
    check_costs,
    dcf_of_error_rates,
    min_dcf,
)
from pyannote_ge2e.metrics.eer import equal_error_rate, hull_equal_error_rate
from pyannote_ge2e.metrics.hull import hull_points
from pyannote_ge2e.metrics.resampling.bootstrap import Draws, FloatArray, Resampling
from pyannote_ge2e.metrics.resampling.grid import Grid
from pyannote_ge2e.metrics.resampling.lowest import hull_crossings, lowest_costs
from pyannote_ge2e.metrics.resampling.stretch import OnStretch, crossings
from pyannote_ge2e.metrics.trials import SortedTrials

Metric = Callable[[Any, Any], float]

# Resamples to the metric of each: (R,).
Estimator = Callable[[Draws], FloatArray]


def estimator_of(metric: Metric, resampling: Resampling) -> Estimator:
    """How to compute a metric of resamples.

    Parameters
    ----------
    metric : callable
        A metric of this package, plain or as `functools.partial` with its options by name, or
        any other ``metric(scores, labels) -> float``.
    resampling : Resampling

    Raises
    ------
    ValueError
        When an option of the metric is out of range.
    """
    plain, given = _parts(metric)
    for known, way in _WAYS:
        if plain is known:
            bound = signature(plain).bind_partial(**given)
            bound.apply_defaults()
            return way(resampling, bound.arguments)
    return _of_lists(metric, resampling)


def is_optimistic(metric: Metric) -> bool:
    """Whether a metric takes the best of many thresholds or maps, chosen on the trials themselves.

    It is then too low on a sample of the population, and too low once more on a resample.

    Examples
    --------
    >>> is_optimistic(partial(min_dcf, p_target=0.05)), is_optimistic(act_dcf)
    (True, False)
    """
    plain, _ = _parts(metric)
    return any(plain is best for best in (min_dcf, hull_equal_error_rate, min_cllr))


def _parts(metric: Metric) -> tuple[Metric, Mapping[str, Any]]:
    if isinstance(metric, partial) and not metric.args:
        return metric.func, metric.keywords
    return metric, {}


def _equal_error_rate(resampling: Resampling, options: Mapping[str, Any]) -> Estimator:
    return OnStretch(resampling, crossings)


def _hull_equal_error_rate(resampling: Resampling, options: Mapping[str, Any]) -> Estimator:
    return partial(hull_crossings, Grid(resampling))


def _min_dcf(resampling: Resampling, options: Mapping[str, Any]) -> Estimator:
    return OnStretch(resampling, partial(lowest_costs, *_weights(options)))


def _act_dcf(resampling: Resampling, options: Mapping[str, Any]) -> Estimator:
    of_misses, of_alarms = _weights(options)
    trials = resampling.trials
    accepted = trials.scores >= bayes_threshold(**options)
    wrong = accepted != trials.is_target
    means = resampling.mean_costs(wrong.astype(np.float64))

    def estimate(draws: Draws) -> FloatArray:
        miss, false_alarm = means(draws)
        return of_misses * miss + of_alarms * false_alarm

    return estimate


def _cllr(resampling: Resampling, options: Mapping[str, Any]) -> Estimator:
    trials = resampling.trials
    means = resampling.mean_costs(cllr_costs(trials.scores, trials.is_target))
    return lambda draws: np.add(*means(draws)) / 2


def _weights(options: Mapping[str, Any]) -> tuple[float, float]:
    """Normalised costs of a miss and of a false alarm."""
    check_costs(**options)
    one, none = np.float64(1), np.float64(0)
    of_misses = dcf_of_error_rates(one, none, **options)
    return float(of_misses), float(dcf_of_error_rates(none, one, **options))


def _min_cllr(resampling: Resampling, options: Mapping[str, Any]) -> Estimator:
    def of_trials(trials: SortedTrials) -> float:
        corners = hull_points(trials)
        miss, false_alarm = trials.error_rates()
        return cllr_of_hull(miss[corners], false_alarm[corners])

    return partial(_one_by_one, resampling, of_trials)


def _of_lists(metric: Metric, resampling: Resampling) -> Estimator:
    def of_trials(trials: SortedTrials) -> float:
        return metric(trials.scores, trials.is_target.astype(np.int64))

    return partial(_one_by_one, resampling, of_trials)


def _one_by_one(
    resampling: Resampling, of_trials: Callable[[SortedTrials], float], draws: Draws
) -> FloatArray:
    """Metric of each resample by repeating trials as often as they were drawn."""
    trials = resampling.trials
    everything = np.arange(len(trials.order))[None]
    values = np.empty(len(draws))
    for row in range(len(draws)):
        times = resampling.weights(draws, np.array([row]), everything)[0].astype(np.intp)
        values[row] = of_trials(trials.repeated(times))
    return values


_WAYS: list[tuple[Metric, Callable[[Resampling, Mapping[str, Any]], Estimator]]] = [
    (equal_error_rate, _equal_error_rate),
    (hull_equal_error_rate, _hull_equal_error_rate),
    (min_dcf, _min_dcf),
    (act_dcf, _act_dcf),
    (cllr, _cllr),
    (min_cllr, _min_cllr),
]
