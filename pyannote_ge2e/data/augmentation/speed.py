"""Faster or slower as a tape is: pitch and formants move with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torchaudio.functional import resample

from pyannote_ge2e.data.augmentation.tempo import By, Tempo

# Zero crossings on each side of torchaudio's low-pass filter.
_CROSSINGS = 6


class Speed(Tempo):
    """Change the speed, as torchaudio's `SpeedPerturbation` does, of each chunk.

    Parameters
    ----------
    factors : list of float
        How many times faster (rounded to a ratio of numbers up to 100); each chunk draws one.
    p : float
        Share of the chunks (or of the speakers) that are changed.
    by : {"chunk", "speaker"}
        With "speaker", all the chunks that a batch holds of a speaker are changed alike: the
        voices of a faster tape are voices of their own.
    """

    def __init__(
        self, factors: Sequence[float] = (0.9, 1.1), p: float = 0.5, by: By = "chunk"
    ) -> None:
        super().__init__(factors, p=p, by=by)

    def context(self, factor: Fraction, sample_rate: int) -> int:
        """Samples that the filter makes of what lies outside of the chunk."""
        return math.ceil(_CROSSINGS * max(1.0, 1 / float(factor))) + 1

    def change(self, samples: torch.Tensor, factor: Fraction, sample_rate: int) -> torch.Tensor:
        """Resample, and call it the same sample rate."""
        return resample(samples, factor.numerator, factor.denominator, _CROSSINGS)
