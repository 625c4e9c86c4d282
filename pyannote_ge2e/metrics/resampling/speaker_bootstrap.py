"""Two-way bootstrap of the speakers of trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from pyannote_ge2e.metrics.resampling.bootstrap import (
    BLOCK,
    Counter,
    Draws,
    FloatArray,
    IntArray,
    Resampling,
    sums_between,
    totals_above,
    totals_below,
)
from pyannote_ge2e.metrics.speakers import numbered_speakers
from pyannote_ge2e.metrics.trials import SortedTrials


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
                others[:-1] += sums_between(weights, cuts)
            return totals_below(targets), totals_above(others)

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


def _slices(start: int, stop: int, size: int) -> Iterator[slice]:
    for position in range(start, stop, size):
        yield slice(position, min(position + size, stop))
