"""Adding something else to speech, at a signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.transform import Augmentation, Drawn

# Far below the rounding of 16 bits: what is weaker is silence.
SILENCE = 1e-8


class Mixture(Augmentation):
    """Base of what adds noise of some kind, at a ratio drawn for each chunk.

    Silence stays silent, whatever is added, and silent noise adds nothing. Sums may exceed 1 and
    are not clipped.
    """

    def noise(self, rng: np.random.Generator, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
        """Draw noise, (chunk, sample) float32, and ratios in dB, (chunk,)."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, chunks: Chunks) -> Drawn:
        """Draw the noise of each chunk, (chunk, 1, sample), and its ratio in dB, (chunk, 1, 1)."""
        noise, snr = self.noise(rng, chunks)
        return {
            "noise": torch.from_numpy(noise).unsqueeze(1),
            "snr": torch.from_numpy(snr.astype(np.float32)).view(-1, 1, 1),
        }

    def augment(
        self, samples: torch.Tensor, drawn: Drawn, length: int, sample_rate: int
    ) -> torch.Tensor:
        """Add the noise that was drawn."""
        noise = drawn["noise"]
        gain = rms(samples) / 10 ** (drawn["snr"] / 20)
        return samples + noise * (gain / rms(noise).clamp_min(SILENCE))


def rms(waveforms: torch.Tensor) -> torch.Tensor:
    """Root mean square of each waveform: (..., sample) to (..., 1)."""
    return waveforms.square().mean(dim=-1, keepdim=True).sqrt()


def unit_power(waveform: np.ndarray) -> np.ndarray:
    """Scale a waveform to a root mean square of 1; silence stays silent."""
    return waveform / max(float(np.sqrt(np.mean(np.square(waveform)))), SILENCE)


def several_voices(
    rng: np.random.Generator,
    pool: Sequence[np.ndarray],
    allowed: Sequence[np.ndarray],
    num_voices: tuple[int, int],
) -> np.ndarray:
    """Mix voices of a pool, equally loud, for each of several chunks.

    Each voice of the pool is heard in several mixtures: reading as many stretches as there are
    chunks is enough.

    Parameters
    ----------
    rng : numpy Generator
    pool : sequence of (sample,) arrays
    allowed : sequence of int arrays
        For each chunk, the voices of the pool that may be heard.
    num_voices : (int, int)
        Fewest and most voices in a mixture.

    Returns
    -------
    mixtures : (chunk, sample) float32 array
    """
    voices = [unit_power(voice) for voice in pool]
    mixtures = np.zeros((len(allowed), len(voices[0])), np.float32)
    for mixture, some in zip(mixtures, allowed, strict=True):
        wanted = int(rng.integers(num_voices[0], num_voices[1] + 1))
        for number in rng.choice(some, min(wanted, len(some)), replace=False):
            mixture += voices[number]
    return mixtures
