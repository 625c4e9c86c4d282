"""Lowest point of error curves in a direction: detection costs and convex hulls of resamples."""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.metrics.resampling.bootstrap import Draws, FloatArray, IntArray
from pyannote_ge2e.metrics.resampling.grid import Coarse, Grid


def lowest(
    grid: Grid, coarse: Coarse, of_misses: FloatArray, of_alarms: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Smallest ``of_misses * miss + of_alarms * false_alarm`` of each resample on a grid.

    Inside a block, misses are at least those of its left end and false alarms at least those
    of its right end: only blocks whose bound is below a cost already found are looked into.

    Parameters
    ----------
    grid : Grid
    coarse : Coarse
        R resamples on this grid.
    of_misses, of_alarms : (R,) arrays
        Not negative.

    Returns
    -------
    cost, miss, false_alarm : (R,) arrays
        The smallest cost, and where it is.
    """
    rows = np.arange(len(coarse.draws))
    a, b = of_misses[:, None], of_alarms[:, None]
    costs = a * coarse.miss + b * coarse.false_alarm
    edge = np.argmin(costs, axis=1)
    best = np.stack([array[rows, edge] for array in (costs, coarse.miss, coarse.false_alarm)])
    bound = a * coarse.miss[:, :-1] + b * coarse.false_alarm[:, 1:]
    # A block without inner points has nothing below its ends.
    bound[:, np.diff(grid.edges) == 1] = np.inf

    def look_into(rows: IntArray, blocks: IntArray) -> None:
        for some, miss, false_alarm in grid.fine(coarse, rows, blocks):
            row = rows[some]
            costs = a[row] * miss + b[row] * false_alarm
            at = np.arange(len(row)), np.argmin(costs, axis=1)
            found = np.stack([costs[at], miss[at], false_alarm[at]])
            # Best last: of several assignments to one row, the last one stays.
            order = np.argsort(-found[0], kind="stable")
            order = order[found[0, order] < best[0, row[order]]]
            best[:, row[order]] = found[:, order]

    # The most promising block of each resample first: after it, few others are left.
    promising = np.argmin(bound, axis=1)
    open_rows = np.flatnonzero(bound[rows, promising] < best[0])
    look_into(open_rows, promising[open_rows])
    bound[rows, promising] = np.inf
    look_into(*np.nonzero(bound < best[0][:, None]))
    return best[0], best[1], best[2]


def lowest_costs(
    of_misses: float, of_alarms: float, grid: Grid, draws: Draws
) -> tuple[FloatArray, IntArray, IntArray]:
    """Minimum detection costs of resamples, and which stretch of the curve they depend on.

    Parameters
    ----------
    of_misses, of_alarms : float
        Normalised cost of a miss and of a false alarm.
    grid : Grid
    draws : Draws
        R resamples.

    Returns
    -------
    costs : (R,) array
    first, last : (R,) integer arrays
        Points of the curve between which it is decided; -1 where the grid is too short to tell.
    """
    coarse = grid.coarse(draws)
    weights = np.full((2, len(draws)), [[of_misses], [of_alarms]])
    cost, _, _ = lowest(grid, coarse, *weights)
    # Left of an edge whose false alarms alone cost as much, nothing is cheaper; right of one
    # whose misses do, neither.
    dear_left = of_alarms * coarse.false_alarm >= cost[:, None]
    dear_right = of_misses * coarse.miss >= cost[:, None]
    known = dear_left[:, 0] & dear_right[:, -1]
    left = np.count_nonzero(dear_left, axis=1) - 1
    right = np.argmax(dear_right, axis=1)
    first, last = grid.edges[np.minimum(left, right)], grid.edges[np.maximum(left, right)]
    return cost, np.where(known, first, -1), np.where(known, last, -1)


def hull_crossings(grid: Grid, draws: Draws) -> FloatArray:
    """Equal error rates on the convex hull of the whole curves of resamples.

    The side of the hull that crosses the diagonal is found between a point on either side of
    it: the lowest point of the curve in the direction of the line through the two replaces one
    of them, until none is below the line.

    Parameters
    ----------
    grid : Grid
        Of the whole curve.
    draws : Draws
        R resamples.

    Returns
    -------
    rates : (R,) array
    """
    everything = grid.coarse(draws)
    size = len(draws)
    # Miss and false alarm rates: accept all, reject all.
    ends = np.zeros((2, 2, size))
    ends[0, 1] = ends[1, 0] = 1
    rows = np.arange(size)
    while len(rows):
        left, right = ends[:, :, rows]
        of_misses, of_alarms = left[1] - right[1], right[0] - left[0]
        line = of_misses * left[0] + of_alarms * left[1]
        cost, miss, false_alarm = lowest(grid, everything[rows], of_misses, of_alarms)
        # Points on the line may come out below it by a rounding error.
        below = cost < line - 1e-15
        rows, miss, false_alarm = rows[below], miss[below], false_alarm[below]
        side = (miss > false_alarm).astype(np.intp)
        ends[side, :, rows] = np.stack([miss, false_alarm], axis=1)
    (miss, false_alarm), (next_miss, next_alarm) = ends
    share = (false_alarm - miss) / (false_alarm - miss + next_miss - next_alarm)
    return miss + share * (next_miss - miss)
