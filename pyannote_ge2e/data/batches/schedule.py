"""Which speakers batch number n holds, without looking at the batches before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Keeps the stream that shuffles speakers apart from the streams that draw batches.
_SHUFFLE = 1


class SpeakerSchedule:
    """Passes over the speakers, each in its own random order.

    A pass cuts every corpus, shuffled, into batches of N speakers; the rest of a corpus waits for
    another pass, so no batch holds a speaker twice. A corpus with fewer than N speakers gives one
    batch with them all. Without `shares`, corpora thus appear in proportion to their speakers, and
    all speakers are seen about equally often.

    Parameters
    ----------
    corpora : list of int arrays
        Classes that may share a batch.
    num_classes : int
        N, speakers in a batch.
    key : sequence of int
        Names the random stream: seed, epoch, rank.
    shares : sequence of float, optional
        How often each corpus appears, one number above 0 for each; every one gives a batch of a
        pass at least. A corpus that is asked for more often than it has speakers for is shuffled
        again within the pass.

    Examples
    --------
    >>> schedule = SpeakerSchedule([np.arange(5)], 2, key=(0, 0, 0))
    >>> schedule.batches_per_pass, sorted(schedule.speakers(0)) == sorted(schedule.speakers(1))
    (2, False)
    """

    def __init__(
        self,
        corpora: list[np.ndarray],
        num_classes: int,
        key: tuple[int, ...],
        shares: Sequence[float] | None = None,
    ) -> None:
        self.corpora = corpora
        self.num_classes = num_classes
        self.key = key
        self.batches_of = [max(1, len(corpus) // num_classes) for corpus in corpora]
        if shares is not None:
            unit = sum(self.batches_of) / sum(shares)
            self.batches_of = [max(1, round(unit * share)) for share in shares]
        self.batches_per_pass = sum(self.batches_of)
        self._pass: tuple[int, list[np.ndarray]] = (-1, [])

    @property
    def mean_classes(self) -> float:
        """Speakers in a batch, on average over a pass."""
        sizes = (min(len(corpus), self.num_classes) for corpus in self.corpora)
        counted = (n * size for n, size in zip(self.batches_of, sizes, strict=True))
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
        batches: list[np.ndarray] = []
        for corpus, wanted in zip(self.corpora, self.batches_of, strict=True):
            drawn: list[np.ndarray] = []
            while len(drawn) < wanted:
                shuffled = rng.permutation(corpus)
                for first in range(0, max(1, len(corpus) - self.num_classes + 1), self.num_classes):
                    drawn.append(shuffled[first : first + self.num_classes])
            batches += drawn[:wanted]
        return [batches[position] for position in rng.permutation(len(batches))]
