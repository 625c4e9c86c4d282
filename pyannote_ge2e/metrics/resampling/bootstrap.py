"""Bootstrap resamples of a trial list: how often each speaker, or each trial, was drawn.

Both kinds of resample answer the same three questions about trials that were sorted once: what
single trials weigh, how much weight lies on either side of points of the error curve, and what
the mean of a cost is. None of the answers is an approximation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pyannote_ge2e.metrics.trials import SortedTrials

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Numbers handled at once: 8 MB an array, whatever the number of trials and resamples.
BLOCK = 1 << 20


@dataclass(frozen=True)
class Draws:
    """Resamples, one a row.

    Attributes
    ----------
    counts : (R, width) array
        How often each speaker (or trial) was drawn.
    targets, others : (R,) arrays
        Weight of all targets and of all non-targets: neither is ever 0.
    """

    counts: FloatArray
    targets: FloatArray
    others: FloatArray

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, rows: slice | IntArray) -> Draws:
        return Draws(self.counts[rows], self.targets[rows], self.others[rows])


# Resamples to two (R, K) arrays: weight of the targets below each of K points of the error curve,
# and of the non-targets above it.
Counter = Callable[[Draws], tuple[FloatArray, FloatArray]]


class Resampling(Protocol):
    """What the two kinds of resample have in common. `width` is the length of a draw's rows."""

    trials: SortedTrials
    width: int

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        """Draw `size` resamples, each with at least a target and a non-target."""

    def same_draws(self, other: Resampling) -> Callable[[Draws], Draws]:
        """Put draws of `other`, the same list in another order, as `self` expects them."""

    def weights(self, draws: Draws, rows: IntArray, positions: IntArray) -> FloatArray:
        """(N, B) weights of the sorted trials at `positions` (N, B) in resamples `rows` (N,)."""

    def counter(self, points: IntArray) -> Counter:
        """Prepare to count at K increasing points of the error curve."""

    def mean_costs(self, costs: FloatArray) -> Callable[[Draws], tuple[FloatArray, FloatArray]]:
        """Prepare the means over targets and over non-targets of (T,) costs of sorted trials."""


def sums_between(values: FloatArray, cuts: IntArray) -> FloatArray:
    """Sums of (N, R) values between K + 1 increasing cuts: (K, R)."""
    sums = np.zeros((len(cuts) - 1, values.shape[1]))
    full = np.flatnonzero(np.diff(cuts))  # `reduceat` has no empty sums
    if len(full):
        sums[full] = np.add.reduceat(values[: cuts[-1]], cuts[full], axis=0)
    return sums


def totals_below(sums: FloatArray) -> FloatArray:
    """(K, R) sums between consecutive points to (R, K) totals below the points."""
    return np.cumsum(sums, axis=0).T


def totals_above(sums: FloatArray) -> FloatArray:
    """(K, R) sums between consecutive points to (R, K) totals above the points."""
    return np.cumsum(sums[::-1], axis=0)[::-1].T
