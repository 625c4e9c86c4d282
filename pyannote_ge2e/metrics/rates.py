"""Misses and false alarms at thresholds that were fixed before, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.metrics.figures import Figure
from pyannote_ge2e.metrics.resampling.drawing import (
    Redrawn,
    checked_options,
    draws_of,
    resampling_of,
)
from pyannote_ge2e.metrics.resampling.percentiles import tails
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials


@dataclass(frozen=True)
class ErrorRates:
    """Errors of accepting the trials that score a threshold or more.

    Attributes
    ----------
    threshold : float
    false_alarm : Figure
        Share of non-targets that are accepted.
    miss : Figure
        Share of targets that are not.
    """

    threshold: float
    false_alarm: Figure
    miss: Figure


def error_rates_at(
    thresholds: Sequence[float],
    scores: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None = None,
    method: Redrawn = "speaker",
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
) -> list[ErrorRates]:
    """Misses and false alarms at thresholds, with the intervals of the same draws.

    A threshold that was chosen on these very trials makes slightly fewer errors on them than on
    others: as many as the trials are few.

    Parameters
    ----------
    thresholds : sequence of float
    scores, labels, speakers, method, level, seed, resamples
        As in `confidence_interval`.

    Returns
    -------
    rates : list of ErrorRates
        One for each threshold.

    Raises
    ------
    ValueError
        As `confidence_interval`.

    Examples
    --------
    >>> scores, labels = [0.9, 0.4, 0.6, 0.1, 0.3, 0.5], [1, 1, 1, 0, 0, 0]
    >>> [rates] = error_rates_at([0.45], scores, labels, method="trial")
    >>> round(rates.false_alarm.value, 3), round(rates.miss.value, 3)
    (0.333, 0.333)
    """
    kind = checked_options(method, speakers, level, resamples)
    trials = SortedTrials.of(*checked_trials(scores, labels))
    resampling = resampling_of(trials, speakers, kind)
    values, means = [], []
    for threshold in thresholds:
        wrong = ((trials.scores >= threshold) != trials.is_target).astype(np.float64)
        values.append((wrong[trials.is_target].mean(), wrong[~trials.is_target].mean()))
        means.append(resampling.mean_costs(wrong))
    drawn = np.empty((len(means), 2, resamples))
    for columns, draws in draws_of(resampling, seed, resamples):
        for row, mean in enumerate(means):
            drawn[row, :, columns] = mean(draws)
    low, high = np.quantile(drawn, tails(level), axis=-1)
    figures = [
        [Figure(*map(float, each)) for each in zip(value, lowest, highest, strict=True)]
        for value, lowest, highest in zip(values, low, high, strict=True)
    ]
    return [
        ErrorRates(float(threshold), false_alarm=of_alarms, miss=of_misses)
        for threshold, (of_misses, of_alarms) in zip(thresholds, figures, strict=True)
    ]
