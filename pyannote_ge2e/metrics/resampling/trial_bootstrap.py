"""Bootstrap of trials."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyannote_ge2e.metrics.resampling.bootstrap import (
    Counter,
    Draws,
    FloatArray,
    IntArray,
    Resampling,
    sums_between,
    totals_above,
    totals_below,
)
from pyannote_ge2e.metrics.trials import SortedTrials


class TrialResampling:
    """Trials drawn with replacement, targets among targets and non-targets among non-targets.

    How many of each there are is a choice of who made the list, not chance.

    Parameters
    ----------
    trials : SortedTrials
    """

    def __init__(self, trials: SortedTrials) -> None:
        self.trials = trials
        self.width = len(trials.order)
        members = np.flatnonzero(trials.is_target), np.flatnonzero(~trials.is_target)
        self._num_targets = len(members[0])
        # Columns of a draw: targets by increasing score, then non-targets by increasing score.
        self._members = np.concatenate(members)
        self._column_of = _inverse(self._members)

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        """Draw (size, T) trial counts, those of the targets first."""
        counts = np.empty((size, self.width))
        for row in counts:
            for of_class in (row[: self._num_targets], row[self._num_targets :]):
                drawn = rng.integers(len(of_class), size=len(of_class), dtype=np.int32)
                of_class[:] = np.bincount(drawn, minlength=len(of_class))
        num_others = self.width - self._num_targets
        targets, others = np.full((2, size), [[self._num_targets], [num_others]], dtype=np.float64)
        return Draws(counts, targets, others)

    def same_draws(self, other: Resampling) -> Callable[[Draws], Draws]:
        """Put draws of `other`, the same list in another order, as `self` expects them."""
        assert isinstance(other, TrialResampling)
        theirs = other._column_of[_inverse(other.trials.order)]
        columns = theirs[self.trials.order[self._members]]
        return lambda draws: Draws(draws.counts[:, columns], draws.targets, draws.others)

    def weights(self, draws: Draws, rows: IntArray, positions: IntArray) -> FloatArray:
        """(N, B) weights of the sorted trials at `positions` (N, B) in resamples `rows` (N,)."""
        return draws.counts[rows[:, None], self._column_of[positions]]

    def counter(self, points: IntArray) -> Counter:
        """Prepare to count at K increasing points of the error curve."""
        num_targets = self._num_targets
        targets_at = np.append(0, self.trials.targets_below[points])
        others_at = np.append(self.trials.others_below[points], self.width - num_targets)

        def count(draws: Draws) -> tuple[FloatArray, FloatArray]:
            targets, others = draws.counts[:, :num_targets].T, draws.counts[:, num_targets:].T
            return totals_below(sums_between(targets, targets_at)), totals_above(
                sums_between(others, others_at)
            )

        return count

    def mean_costs(self, costs: FloatArray) -> Callable[[Draws], tuple[FloatArray, FloatArray]]:
        """Prepare the means over targets and over non-targets of (T,) costs of sorted trials."""
        of_targets, of_others = np.split(costs[self._members], [self._num_targets])

        def means(draws: Draws) -> tuple[FloatArray, FloatArray]:
            targets, others = np.split(draws.counts, [self._num_targets], axis=1)
            return targets @ of_targets / draws.targets, others @ of_others / draws.others

        return means


def _inverse(order: IntArray) -> IntArray:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse
