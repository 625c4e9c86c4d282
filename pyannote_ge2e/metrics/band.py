"""Confidence band around an error curve, for DET and ROC pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.metrics.resampling.bootstrap import Draws, FloatArray
from pyannote_ge2e.metrics.resampling.drawing import (
    Redrawn,
    checked_options,
    draws_of,
    resampling_of,
)
from pyannote_ge2e.metrics.resampling.grid import Grid
from pyannote_ge2e.metrics.resampling.percentiles import tails
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials

# Short ones: at many false-alarm rates, most blocks are looked into.
BLOCKS = 4096


def error_curve_band(
    scores: ArrayLike,
    labels: ArrayLike,
    false_alarm: ArrayLike,
    speakers: ArrayLike | None = None,
    method: Redrawn = "speaker",
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 300,
) -> tuple[FloatArray, FloatArray]:
    """Confidence interval of the miss rate at each of some false-alarm rates.

    The band holds the curve at each false-alarm rate, taken alone, with the probability asked
    for; all of the curve at once with a smaller one.

    Parameters
    ----------
    scores : (T,) array
        Similarities: higher means more alike.
    labels : (T,) array
        1 for targets, 0 for non-targets.
    false_alarm : (G,) array
        Rates between 0 and 1.
    speakers : (T, 2) array, optional
        Names or numbers of the two speakers of each trial.
    method : "speaker" or "trial"
        As in `confidence_interval`.
    level, seed, resamples
        As in `confidence_interval`.

    Returns
    -------
    low, high : (G,) arrays
        Percentiles of the smallest miss rate with at most so many false alarms, on the curve
        that joins the points of all distinct thresholds by straight lines.

    Raises
    ------
    ValueError
        As `confidence_interval`, or when a false-alarm rate is not between 0 and 1.

    Examples
    --------
    >>> scores, labels = [0.9, 0.4, 0.6, 0.1, 0.3, 0.5], [1, 1, 1, 0, 0, 0]
    >>> low, high = error_curve_band(scores, labels, [0.1, 0.5], method="trial")
    >>> low, high.shape
    (array([0., 0.]), (2,))
    """
    kind = checked_options(method, speakers, level, resamples)
    rates = np.asarray(false_alarm, dtype=np.float64)
    if rates.ndim != 1 or not np.all((rates >= 0) & (rates <= 1)):
        raise ValueError("False-alarm rates must be a list of numbers between 0 and 1.")
    trials = SortedTrials.of(*checked_trials(scores, labels))
    resampling = resampling_of(trials, speakers, kind)
    grid = Grid(resampling, blocks=BLOCKS)
    misses = np.empty((resamples, len(rates)))
    for rows, draws in draws_of(resampling, seed, resamples):
        misses[rows] = misses_at(rates, grid, draws)
    low, high = np.quantile(misses, tails(level), axis=0)
    return low, high


def misses_at(rates: FloatArray, grid: Grid, draws: Draws) -> FloatArray:
    """(R, G) miss rates of resamples at G false-alarm rates, on a grid of the whole curve."""
    coarse = grid.coarse(draws)
    # Alarms fall along the curve: the first edge with no more than asked for ends the block.
    edge = np.stack(
        [np.searchsorted(-row, -rates, side="left") for row in coarse.false_alarm]
    ).ravel()
    misses = np.zeros(len(edge))  # where all may be accepted, none is missed
    found = np.flatnonzero(edge > 0)
    row, column = np.divmod(found, len(rates))
    for some, miss, alarm in grid.fine(coarse, row, edge[found] - 1):
        rate = rates[column[some]]
        pairs = np.arange(len(rate))
        after = np.argmax(alarm <= rate[:, None], axis=1)
        before = after - 1
        fallen = alarm[pairs, before] - alarm[pairs, after]
        share = (alarm[pairs, before] - rate) / fallen
        risen = miss[pairs, after] - miss[pairs, before]
        misses[found[some]] = miss[pairs, before] + share * risen
    return misses.reshape(len(draws), len(rates))
