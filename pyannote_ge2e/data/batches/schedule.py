"""Which speakers batch number n holds, without looking at the batches before it."""

from __future__ import annotations

import numpy as np

# Keeps the stream that shuffles speakers apart from the streams that draw batches.
_SHUFFLE = 1


class SpeakerSchedule:
    """Passes over the speakers, each in its own random order.

    A pass cuts every corpus, shuffled, into batches of N speakers; the rest of a corpus waits for
    another pass, so no batch holds a speaker twice. A corpus with fewer than N speakers gives one
    batch with them all. Corpora thus appear in proportion to their speakers, and all speakers are
    seen about equally often.

    Parameters
    ----------
    corpora : list of int arrays
        Classes that may share a batch.
    num_classes : int
        N, speakers in a batch.
    key : sequence of int
        Names the random stream: seed, epoch, rank.

    Examples
    --------
    >>> schedule = SpeakerSchedule([np.arange(5)], 2, key=(0, 0, 0))
    >>> schedule.batches_per_pass, sorted(schedule.speakers(0)) == sorted(schedule.speakers(1))
    (2, False)
    """

    def __init__(self, corpora: list[np.ndarray], num_classes: int, key: tuple[int, ...]) -> None:
        self.corpora = corpora
        self.num_classes = num_classes
        self.key = key
        self.batches_per_pass = sum(max(1, len(corpus) // num_classes) for corpus in corpora)
        self._pass: tuple[int, list[np.ndarray]] = (-1, [])

    @property
    def mean_classes(self) -> float:
        """Speakers in a batch, on average over a pass."""
        counted = (
            len(corpus) // self.num_classes * self.num_classes or len(corpus)
            for corpus in self.corpora
        )
        return sum(counted) / self.batches_per_pass

    def speakers(self, batch: int) -> np.ndarray:
        """Classes in a batch, all different.

        Parameters
        ----------
        batch : int
            Its number in the epoch, from 0.

        Returns
        -------
        classes : (N,) int array
        """
        number, position = divmod(batch, self.batches_per_pass)
        if self._pass[0] != number:
            self._pass = (number, self._shuffle(number))
        return self._pass[1][position]

    def _shuffle(self, number: int) -> list[np.ndarray]:
        sequence = np.random.SeedSequence(self.key, spawn_key=(_SHUFFLE, number))
        rng = np.random.default_rng(sequence)
        batches = []
        for corpus in self.corpora:
            shuffled = rng.permutation(corpus)
            for first in range(0, max(1, len(corpus) - self.num_classes + 1), self.num_classes):
                batches.append(shuffled[first : first + self.num_classes])
        return [batches[position] for position in rng.permutation(len(batches))]
