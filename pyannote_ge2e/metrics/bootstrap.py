"""Bootstrap resamples of a trial list: how often each speaker, or each trial, was drawn.

Both kinds of resample answer the same three questions about trials that were sorted once: what
single trials weigh, how much weight lies on either side of points of the error curve, and what
the mean of a cost is. None of the answers is an approximation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from pyannote_ge2e.metrics.speakers import numbered_speakers
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
            return _totals_below(_sums(targets, targets_at)), _totals_above(
                _sums(others, others_at)
            )

        return count

    def mean_costs(self, costs: FloatArray) -> Callable[[Draws], tuple[FloatArray, FloatArray]]:
        """Prepare the means over targets and over non-targets of (T,) costs of sorted trials."""
        of_targets, of_others = np.split(costs[self._members], [self._num_targets])

        def means(draws: Draws) -> tuple[FloatArray, FloatArray]:
            targets, others = np.split(draws.counts, [self._num_targets], axis=1)
            return targets @ of_targets / draws.targets, others @ of_others / draws.others

        return means


class SpeakerResampling:
    """Speakers drawn with replacement; every trial follows its two speakers.

    A target counts as often as its speaker was drawn, a non-target as often as the product
    of its two speakers' counts.

    Parameters
    ----------
    trials : SortedTrials
    speakers : (T, 2) array
        Speaker of either side of each trial, in the order of the original list.

    Raises
    ------
    ValueError
        When the speakers contradict the labels.
    """

    def __init__(self, trials: SortedTrials, speakers: ArrayLike) -> None:
        names, sides = numbered_speakers(speakers, len(trials.order))
        is_target = np.empty_like(trials.is_target)
        is_target[trials.order] = trials.is_target
        wrong = (sides[:, 0] == sides[:, 1]) != is_target
        if wrong.any():
            first = int(np.argmax(wrong))
            kind, relation = ("target", "differ") if is_target[first] else ("non-target", "agree")
            one, other = (names[side] for side in sides[first])
            raise ValueError(
                f"Trial {first} is a {kind} but its speakers {relation}: {one!s} and {other!s}."
            )
        self.trials = trials
        # One speaker more, who is in every resample once, is the second one of the targets:
        # the weight of any trial is then the product of two counts.
        self.num_speakers = len(names)
        self.width = len(names) + 1
        self._one = np.ascontiguousarray(sides[trials.order, 0])
        self._other = sides[trials.order, 1]
        self._other[trials.is_target] = self.num_speakers
        self._targets = self._one[trials.is_target]
        self._others = self._one[~trials.is_target], self._other[~trials.is_target]
        self._per_speaker = np.bincount(self._targets, minlength=self.width).astype(np.float64)
        self._per_pair = self._pairs(0, len(self._others[0]))

    def draw(self, rng: np.random.Generator, size: int) -> Draws:
        """Draw (size, S + 1) speaker counts, the last of which is 1."""
        fair = np.full(self.num_speakers, 1 / self.num_speakers)
        draws = Draws(np.empty((0, self.width)), np.empty(0), np.empty(0))
        # Ends soon: any target and any non-target are in one resample of ten, or more.
        while len(draws) < size:
            counts = np.ones((size - len(draws), self.width))
            counts[:, :-1] = rng.multinomial(self.num_speakers, fair, size=len(counts))
            new = Draws(counts, counts @ self._per_speaker, _products(self._per_pair, counts))
            new = new[np.flatnonzero((new.targets > 0) & (new.others > 0))]
            if len(draws) == 0:
                draws = new
            else:
                parts = zip(vars(draws).values(), vars(new).values(), strict=True)
                draws = Draws(*(np.concatenate(pair) for pair in parts))
        return draws

    def same_draws(self, other: Resampling) -> Callable[[Draws], Draws]:
        """Put draws of `other`, the same list in another order, as `self` expects them."""
        return lambda draws: draws

    def weights(self, draws: Draws, rows: IntArray, positions: IntArray) -> FloatArray:
        """(N, B) weights of the sorted trials at `positions` (N, B) in resamples `rows` (N,)."""
        # `take` from the flat array is several times faster than two indices.
        start = rows[:, None] * self.width
        flat = draws.counts.ravel()
        weights = flat.take(start + self._one[positions])
        weights *= flat.take(start + self._other[positions])
        return weights

    def counter(self, points: IntArray) -> Counter:
        """Prepare to count at K increasing points of the error curve."""
        targets_at = np.append(0, self.trials.targets_below[points])
        others_at = self.trials.others_below[points]
        # Targets cost a matrix product; non-targets are weighted one by one between the first
        # and the last point, and enter as a total above.
        interval = np.repeat(np.arange(len(points)), np.diff(targets_at))
        ones = np.ones(len(interval))
        shape = len(points), self.width
        table = csr_array((ones, (interval, self._targets[: len(interval)])), shape=shape)
        table.sum_duplicates()
        above = self._pairs(int(others_at[-1]), len(self._others[0]))

        def count(draws: Draws) -> tuple[FloatArray, FloatArray]:
            targets = table @ draws.counts.T
            others = np.zeros((len(points), len(draws)))
            others[-1] = _products(above, draws.counts)
            by_speaker = np.ascontiguousarray(draws.counts.T)
            for some in _slices(int(others_at[0]), int(others_at[-1]), BLOCK // len(draws)):
                weights = by_speaker.take(self._others[0][some], axis=0)
                weights *= by_speaker.take(self._others[1][some], axis=0)
                cuts = np.clip(others_at, some.start, some.stop) - some.start
                others[:-1] += _sums(weights, cuts)
            return _totals_below(targets), _totals_above(others)

        return count

    def mean_costs(self, costs: FloatArray) -> Callable[[Draws], tuple[FloatArray, FloatArray]]:
        """Prepare the means over targets and over non-targets of (T,) costs of sorted trials."""
        is_target = self.trials.is_target
        per_speaker = np.bincount(self._targets, weights=costs[is_target], minlength=self.width)
        per_pair = self._pairs(0, len(self._others[0]), costs[~is_target])

        def means(draws: Draws) -> tuple[FloatArray, FloatArray]:
            of_targets = draws.counts @ per_speaker
            return of_targets / draws.targets, _products(per_pair, draws.counts) / draws.others

        return means

    def _pairs(self, start: int, stop: int, values: FloatArray | None = None) -> csr_array:
        """Sum, by pair of speakers, of ones (or of values) over a stretch of the non-targets."""
        one, other = (side[start:stop] for side in self._others)
        values = np.ones(stop - start) if values is None else values[start:stop]
        pairs = csr_array((values, (one, other)), shape=(self.width, self.width))
        pairs.sum_duplicates()
        return pairs


def _products(pairs: csr_array, counts: FloatArray) -> FloatArray:
    """Sum over the pairs of their value times the product of their counts: (R, W) to (R,)."""
    totals = np.empty(len(counts))
    for rows in _slices(0, len(counts), max(1, BLOCK // counts.shape[1])):
        by_speaker = np.ascontiguousarray(counts[rows].T)
        totals[rows] = np.einsum("sr,sr->r", pairs @ by_speaker, by_speaker)
    return totals


def _sums(values: FloatArray, cuts: IntArray) -> FloatArray:
    """Sums of (N, R) values between K + 1 increasing cuts: (K, R)."""
    sums = np.zeros((len(cuts) - 1, values.shape[1]))
    full = np.flatnonzero(np.diff(cuts))  # `reduceat` has no empty sums
    if len(full):
        sums[full] = np.add.reduceat(values[: cuts[-1]], cuts[full], axis=0)
    return sums


def _totals_below(sums: FloatArray) -> FloatArray:
    """(K, R) sums between consecutive points to (R, K) totals below the points."""
    return np.cumsum(sums, axis=0).T


def _totals_above(sums: FloatArray) -> FloatArray:
    """(K, R) sums between consecutive points to (R, K) totals above the points."""
    return np.cumsum(sums[::-1], axis=0)[::-1].T


def _slices(start: int, stop: int, size: int) -> Iterator[slice]:
    for position in range(start, stop, size):
        yield slice(position, min(position + size, stop))


def _inverse(order: IntArray) -> IntArray:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse
