"""Error curves of resamples from coarse to fine.

A grid cuts a stretch of the error curve into blocks. The rates at its edges are computed for
all resamples at once; since misses only grow and false alarms only fall, they tell in which
block a crossing lies, and which blocks cannot hold a minimum. Only the blocks that matter are
then computed point by point: the results are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pyannote_ge2e.metrics.resampling.bootstrap import (
    BLOCK,
    Draws,
    FloatArray,
    IntArray,
    Resampling,
)

# Arrays of the size of the result that `Grid.fine` fills on its way.
ARRAYS = 4


@dataclass(frozen=True)
class Coarse:
    """R resamples at the K + 1 edges of a grid.

    Attributes
    ----------
    draws : Draws
    below, above : (R, K + 1) arrays
        Weight of the targets below each edge, and of the non-targets above it.
    miss, false_alarm : (R, K + 1) arrays
        The same as rates.
    """

    draws: Draws
    below: FloatArray
    above: FloatArray
    miss: FloatArray
    false_alarm: FloatArray

    def __getitem__(self, rows: IntArray) -> Coarse:
        return Coarse(*(array[rows] for array in vars(self).values()))


class Grid:
    """Blocks of about as many trials each, between two points of the error curve.

    Parameters
    ----------
    resampling : Resampling
    first, last : int
        Points of the curve; by default its ends.
    blocks : int
        About how many.

    Attributes
    ----------
    edges : (K + 1,) integer array
        Points of the curve: the ends of the blocks. Tied trials are never split.
    """

    def __init__(
        self, resampling: Resampling, first: int = 0, last: int | None = None, blocks: int = 512
    ) -> None:
        boundaries = resampling.trials.boundaries
        last = len(boundaries) - 1 if last is None else last
        start, stop = int(boundaries[first]), int(boundaries[last])
        marks = np.linspace(start, stop, min(blocks, stop - start) + 1).astype(np.intp)
        # The last point up to the mark and the first from it on: where many trials are tied
        # they are a block of their own, and the others stay short.
        before = np.searchsorted(boundaries, marks, side="right") - 1
        after = np.searchsorted(boundaries, marks, side="left")
        self.edges: IntArray = np.unique(np.concatenate([before, after]))
        self._resampling = resampling
        self._count = resampling.counter(self.edges)

    def coarse(self, draws: Draws) -> Coarse:
        """Rates at the edges."""
        below, above = self._count(draws)
        miss, false_alarm = below / draws.targets[:, None], above / draws.others[:, None]
        return Coarse(draws, below, above, miss, false_alarm)

    def fine(
        self, coarse: Coarse, rows: IntArray, blocks: IntArray
    ) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Rates at all points of single blocks of single resamples.

        Parameters
        ----------
        coarse : Coarse
        rows, blocks : (N,) integer arrays
            Pairs of resample and block.

        Yields
        ------
        some : slice
            Of the N pairs.
        miss, false_alarm : (n, P) arrays
            Rates at the points of the blocks, both ends included. Blocks with fewer points
            repeat their last.
        """
        trials = self._resampling.trials
        first, last = self.edges[blocks], self.edges[blocks + 1]
        start, stop = trials.boundaries[first], trials.boundaries[last]
        # A block with two points is known from its edges, however many trials are tied in it.
        width = int(np.max((stop - start)[last - first > 1], initial=0))
        num_points = int(np.max(last - first, initial=1)) + 1
        size = max(1, BLOCK // (ARRAYS * max(width, num_points)))
        for position in range(0, len(rows), size):
            some = slice(position, position + size)
            row, block = rows[some], blocks[some]
            taken = start[some, None] + np.arange(width)
            inside = taken < stop[some, None]
            np.minimum(taken, len(trials.order) - 1, out=taken)
            weights = self._resampling.weights(coarse.draws, row, taken)
            weights *= inside
            end = last[some, None]
            points = np.minimum(first[some, None] + np.arange(num_points), end)
            index = np.minimum(trials.boundaries[points] - start[some, None], width)
            everything = _running_totals(weights, index)
            weights *= trials.is_target[taken]
            targets = _running_totals(weights, index)
            below = coarse.below[row, block, None] + targets
            above = coarse.above[row, block, None] - (everything - targets)
            below = np.where(points == end, coarse.below[row, block + 1, None], below)
            above = np.where(points == end, coarse.above[row, block + 1, None], above)
            of_targets, of_others = coarse.draws.targets[row], coarse.draws.others[row]
            yield some, below / of_targets[:, None], above / of_others[:, None]


def _running_totals(weights: FloatArray, index: IntArray) -> FloatArray:
    """(N, B) weights to their totals before (N, P) positions."""
    totals = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=totals[:, 1:])
    return np.take_along_axis(totals, index, axis=1)
