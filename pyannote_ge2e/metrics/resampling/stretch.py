"""Metrics that are decided on a short stretch of the error curve of every resample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyannote_ge2e.metrics.eer import crossing
from pyannote_ge2e.metrics.resampling.bootstrap import Draws, FloatArray, IntArray, Resampling
from pyannote_ge2e.metrics.resampling.grid import Grid

# Resamples computed on the whole curve, to learn which stretch of it decides.
PILOT = 32

# On a grid: the metric of each of R resamples, and the first and the last point of the curve
# that its value depends on, both -1 where the grid is too short to tell.
Solve = Callable[[Grid, Draws], tuple[FloatArray, IntArray, IntArray]]


class OnStretch:
    """A few resamples show which stretch of the curve decides; the others are computed there.

    Where the stretch turns out too short for a resample, that one is computed on the whole
    curve: exact, at the price of the stretch.
    """

    def __init__(self, resampling: Resampling, solve: Solve) -> None:
        self._resampling = resampling
        self._solve = solve
        self._whole = Grid(resampling)
        self._stretch: Grid | None = None

    def __call__(self, draws: Draws) -> FloatArray:
        """(R,) values of the metric."""
        values = np.empty(len(draws))
        start = 0
        if self._stretch is None:
            start = min(PILOT, len(draws))
            values[:start], first, last = self._solve(self._whole, draws[:start])
            end = len(self._resampling.trials.boundaries) - 1
            self._stretch = Grid(
                self._resampling,
                max(0, int(first.min()) - _margin(first)),
                min(end, int(last.max()) + _margin(last)),
            )
        if start < len(draws):
            values[start:], first, _ = self._solve(self._stretch, draws[start:])
            missing = start + np.flatnonzero(first < 0)
            if len(missing):
                values[missing], _, _ = self._solve(self._whole, draws[missing])
        return values


def _margin(points: IntArray) -> int:
    """Far enough for about one resample of thousands to go beyond."""
    return int(np.ptp(points)) // 2 + 1


def crossings(grid: Grid, draws: Draws) -> tuple[FloatArray, IntArray, IntArray]:
    """Equal error rates of resamples, and which stretch of the curve they depend on.

    Parameters
    ----------
    grid : Grid
    draws : Draws
        R resamples.

    Returns
    -------
    rates : (R,) array
    first, last : (R,) integer arrays
        Points of the curve on either side; -1, and a rate of NaN, where the grid is too short.
    """
    coarse = grid.coarse(draws)
    # The block before the first edge with at least as many misses as false alarms.
    block = np.argmax(coarse.miss >= coarse.false_alarm, axis=1) - 1
    rates = np.full(len(draws), np.nan)
    first, last = np.full((2, len(draws)), -1)
    found = np.flatnonzero(block >= 0)
    for some, miss, false_alarm in grid.fine(coarse, found, block[found]):
        rates[found[some]], _ = crossing(miss, false_alarm)
    first[found], last[found] = grid.edges[block[found]], grid.edges[block[found] + 1]
    return rates, first, last
