"""Rooms that were never measured: reverberation out of noise that dies away."""

from __future__ import annotations

import math

import numpy as np

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.room import Room
from pyannote_ge2e.data.augmentation.values import Range, check_range

# From the direct sound to the first of what follows it, in seconds: a metre or so of detour.
GAP = 0.002
# A decay of 60 dB, in the exponent of an amplitude.
_DECAY = 3 * math.log(10)


class SimulatedRoom(Room):
    """Convolve with simulated impulse responses, one drawn for each chunk: no files needed.

    A direct sound is followed by Gaussian noise that dies away exponentially (Polack's model of
    late reverberation). A chunk keeps its length and its root mean square.

    Parameters
    ----------
    rt60 : [float, float]
        Bounds of the reverberation time, in which the noise falls by 60 dB, in seconds.
    direct_to_reverberant : [float, float]
        Bounds of the energy of the direct sound over that of the noise, in dB.
    p : float
        Share of the chunks that are convolved.
    """

    def __init__(
        self,
        rt60: Range = (0.1, 0.7),
        direct_to_reverberant: Range = (0.0, 15.0),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.rt60 = check_range("rt60", rt60, least=0.01, most=10)
        self.direct_to_reverberant = check_range("direct_to_reverberant", direct_to_reverberant)

    def responses(self, rng: np.random.Generator, chunks: Chunks) -> list[np.ndarray]:
        """Draw a response for each chunk."""
        times = rng.uniform(*self.rt60, chunks.count)
        ratios = rng.uniform(*self.direct_to_reverberant, chunks.count)
        return [
            _response(rng, time, ratio, chunks) for time, ratio in zip(times, ratios, strict=True)
        ]


def _response(rng: np.random.Generator, rt60: float, ratio: float, chunks: Chunks) -> np.ndarray:
    gap = max(1, round(GAP * chunks.sample_rate))
    num_samples = max(1, min(round(rt60 * chunks.sample_rate), chunks.length - gap))
    times = np.arange(num_samples, dtype=np.float32) / np.float32(chunks.sample_rate)
    noise = rng.standard_normal(num_samples, np.float32) * np.exp(
        times * np.float32(-_DECAY / rt60)
    )
    response = np.zeros(gap + num_samples, np.float32)
    response[0] = 1.0
    response[gap:] = noise * np.sqrt(10 ** (-ratio / 10) / np.square(noise).sum())
    return response
