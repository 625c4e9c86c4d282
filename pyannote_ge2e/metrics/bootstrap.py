"""Bootstrap resamples of a trial list, as weights on trials that were sorted once.

A *draw* is an array with one row a resample. Both kinds of resample turn draws into trial
weights (how often each trial is in the resample) and into error curves, or a stretch of them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from pyannote_ge2e.metrics.trials import SortedTrials

FloatArray = NDArray[np.float64]


class Resampling(Protocol):
    """What the two kinds of resample have in common. `width` is the length of a draw's rows."""

    width: int

    def draw(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw `size` resamples, each with at least a target and a non-target."""

    def weights(self, draw: FloatArray) -> FloatArray:
        """(R, T) number of times that each of the sorted trials is in each resample."""

    def error_rates(self, draw: FloatArray, first: int, last: int) -> tuple[FloatArray, FloatArray]:
        """(R, last - first + 1) miss and false-alarm rates at points `first` to `last`."""


class TrialResampling:
    """Trials drawn with replacement, targets among targets and non-targets among non-targets.

    How many of each there are is a choice of who made the list, not chance.
    """

    def __init__(self, trials: SortedTrials) -> None:
        self.width = len(trials.order)
        self._trials = trials
        self._members = (np.flatnonzero(trials.is_target), np.flatnonzero(~trials.is_target))

    def draw(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw (size, T) trial weights, those of the targets first."""
        weights = np.empty((size, len(self._trials.order)))
        for row in weights:
            for of_class in np.split(row, [len(self._members[0])]):
                drawn = rng.integers(len(of_class), size=len(of_class), dtype=np.int32)
                of_class[:] = np.bincount(drawn, minlength=len(of_class))
        return weights

    def weights(self, draw: FloatArray) -> FloatArray:
        """(R, T) number of times that each of the sorted trials is in each resample."""
        weights = np.empty_like(draw)
        weights[:, np.concatenate(self._members)] = draw
        return weights

    def error_rates(self, draw: FloatArray, first: int, last: int) -> tuple[FloatArray, FloatArray]:
        """(R, last - first + 1) miss and false-alarm rates at points `first` to `last`."""
        num_targets, num_others = map(len, self._members)
        counts = (self._trials.targets_below, self._trials.others_below)
        below = []
        for weights, count in zip(np.split(draw, [num_targets], axis=1), counts, strict=True):
            start, stop = count[first], count[last]
            within = _running_totals(weights[:, start:stop])[:, count[first : last + 1] - start]
            below.append(weights[:, :start].sum(axis=1, keepdims=True) + within)
        return below[0] / num_targets, (num_others - below[1]) / num_others


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
        names, sides = _numbered(speakers, len(trials.order))
        same = sides[:, 0] == sides[:, 1]
        is_target = np.empty_like(trials.is_target)
        is_target[trials.order] = trials.is_target
        if (same != is_target).any():
            wrong = int(np.argmax(same != is_target))
            kind, relation = ("target", "differ") if is_target[wrong] else ("non-target", "agree")
            one, other = names[sides[wrong, 0]], names[sides[wrong, 1]]
            raise ValueError(
                f"Trial {wrong} is a {kind} but its speakers {relation}: {one!s} and {other!s}."
            )
        self._trials = trials
        self.width = self._num_speakers = len(names)
        self._sides = sides[trials.order]
        # Trials by speaker and by pair of speakers, among the lowest so many: see `_totals`.
        self._tables: dict[int, tuple[FloatArray, csr_array]] = {}

    def draw(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw (size, S) speaker counts."""
        fair = np.full(self._num_speakers, 1 / self._num_speakers)
        counts = np.empty((0, self._num_speakers))
        # Ends soon: any target and any non-target are in one resample of ten, or more.
        while len(counts) < size:
            drawn = rng.multinomial(self._num_speakers, fair, size=size - len(counts))
            targets, others = self._totals(drawn.astype(np.float64), stop=len(self._sides))
            counts = np.concatenate([counts, drawn[(targets > 0) & (others > 0)]])
        return counts

    def weights(self, draw: FloatArray) -> FloatArray:
        """(R, T) number of times that each of the sorted trials is in each resample."""
        one, other = draw[:, self._sides[:, 0]], draw[:, self._sides[:, 1]]
        return np.where(self._trials.is_target, one, one * other)

    def error_rates(self, draw: FloatArray, first: int, last: int) -> tuple[FloatArray, FloatArray]:
        """(R, last - first + 1) miss and false-alarm rates at points `first` to `last`.

        Only trials between these points are weighted one by one. Those below enter as totals.
        """
        trials = self._trials
        start, stop = int(trials.boundaries[first]), int(trials.boundaries[last])
        sides, is_target = self._sides[start:stop], trials.is_target[start:stop]
        targets, others = self._totals(draw, stop=len(self._sides))
        targets_before, others_before = self._totals(draw, stop=start)

        weights = draw[:, sides[is_target, 0]]
        at = trials.targets_below[first : last + 1] - trials.targets_below[first]
        targets_below = targets_before[:, None] + _running_totals(weights)[:, at]

        weights = draw[:, sides[~is_target, 0]] * draw[:, sides[~is_target, 1]]
        at = trials.others_below[first : last + 1] - trials.others_below[first]
        others_below = others_before[:, None] + _running_totals(weights)[:, at]

        others = others[:, None]
        return targets_below / targets[:, None], (others - others_below) / others

    def _totals(self, counts: FloatArray, stop: int) -> tuple[FloatArray, FloatArray]:
        """Weight of all targets, and of all non-targets, among the `stop` lowest trials."""
        if stop not in self._tables:
            one, other = self._sides[:stop].T
            is_target = self._trials.is_target[:stop]
            trials_of = np.bincount(one[is_target], minlength=self._num_speakers)
            pairs = csr_array(
                (np.ones(stop - is_target.sum()), (one[~is_target], other[~is_target])),
                shape=(self._num_speakers, self._num_speakers),
            )
            self._tables[stop] = trials_of.astype(np.float64), pairs
        per_speaker, per_pair = self._tables[stop]
        return counts @ per_speaker, ((per_pair @ counts.T) * counts.T).sum(axis=0)


def _running_totals(weights: FloatArray) -> FloatArray:
    """(R, T) weights to (R, T + 1) totals before each trial and after the last."""
    totals = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=totals[:, 1:])
    return totals


def _numbered(speakers: ArrayLike, num_trials: int) -> tuple[list, NDArray[np.intp]]:
    """Sorted speakers (S,) and where in them each side of each trial is (T, 2)."""
    speakers = np.asarray(speakers)
    if speakers.shape != (num_trials, 2):
        raise ValueError(
            f"Expected the two speakers of each of the {num_trials} trials, "
            f"got an array of shape {speakers.shape}."
        )
    flat = speakers.ravel().tolist()
    # Sorted, so that the order of the trials does not change the draw. A dictionary is
    # several times faster than `np.unique` on a million strings.
    try:
        names = sorted(set(flat))
    except TypeError as error:
        raise ValueError(
            f"Speakers must be all names or all numbers, to put them in order ({error})."
        ) from error
    number = {name: position for position, name in enumerate(names)}
    sides = np.fromiter((number[name] for name in flat), dtype=np.intp, count=len(flat))
    return names, sides.reshape(-1, 2)
