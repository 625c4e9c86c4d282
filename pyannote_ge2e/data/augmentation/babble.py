"""Babble made of the training speakers themselves: nothing to download."""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.mixing import Mixture, several_voices
from pyannote_ge2e.data.augmentation.values import Range, check_counts, check_order
from pyannote_ge2e.errors import UserError


class Babble(Mixture):
    """Add several training speakers who talk at once, none of whom is the chunk's own.

    They are drawn among all training speakers, and their speech is read from where chunks are. A
    batch reads as many stretches as it has chunks with babble, each heard behind several of them.

    Parameters
    ----------
    snr_min, snr_max : float
        Bounds of the signal-to-noise ratio, in dB.
    num_voices : [int, int]
        Fewest and most voices.
    p : float
        Share of the chunks to which babble is added.
    """

    def __init__(
        self,
        snr_min: float = 13.0,
        snr_max: float = 20.0,
        num_voices: Range = (3, 7),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.snr = check_order("snr_min", snr_min, "snr_max", snr_max)
        self.num_voices = check_counts("num_voices", num_voices, least=1)

    def noise(self, rng: np.random.Generator, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
        """Read voices, and mix some of them for each chunk.

        Raises
        ------
        UserError
            Where there are no training speakers: outside of a task's batches.
        """
        voices, own = chunks.voices, chunks.speakers
        if voices is None or own is None:
            raise UserError("Babble is made of training speakers: it works in training only.")
        # Twice as many as a chunk hears: half of them may be its own speaker, if there are but two.
        size = max(chunks.count, 2 * self.num_voices[1])
        speakers = _in_turn(rng, voices.num_speakers, size)
        pool = [voices.speech(rng, int(speaker), chunks.length) for speaker in speakers]
        allowed = [np.flatnonzero(speakers != speaker) for speaker in own]
        mixtures = several_voices(rng, pool, allowed, self.num_voices)
        return mixtures, rng.uniform(*self.snr, chunks.count)


def _in_turn(rng: np.random.Generator, num_speakers: int, size: int) -> np.ndarray:
    """Draw `size` speakers, all of them in turn before one comes again."""
    passes = -(-size // num_speakers)
    return np.concatenate([rng.permutation(num_speakers) for _ in range(passes)])[:size]
