"""Faster or slower, at the same pitch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torchaudio.functional import phase_vocoder

from pyannote_ge2e.data.augmentation.tempo import By, Tempo

# In seconds: long enough to tell the harmonics of a low voice apart.
_WINDOW = 0.032


class TimeStretch(Tempo):
    """Change how fast somebody speaks, by torchaudio's phase vocoder.

    Parameters
    ----------
    factors : list of float
        How many times faster; each chunk draws one.
    p : float
        Share of the chunks (or of the speakers) that are changed.
    by : {"chunk", "speaker"}
        With "speaker", all the chunks that a batch holds of a speaker are changed alike.
    """

    def __init__(
        self, factors: Sequence[float] = (0.9, 1.1), p: float = 0.5, by: By = "chunk"
    ) -> None:
        super().__init__(factors, p=p, by=by)

    def context(self, factor: Fraction, sample_rate: int) -> int:
        """A window: those at the edges are padded."""
        return _window_size(sample_rate)

    def change(self, samples: torch.Tensor, factor: Fraction, sample_rate: int) -> torch.Tensor:
        """Stretch the spectrogram, phases in step."""
        size = _window_size(sample_rate)
        hop = size // 4
        window = torch.hann_window(size, device=samples.device, dtype=samples.dtype)
        spectrogram = torch.stft(
            samples.squeeze(1), size, hop, window=window, pad_mode="constant", return_complex=True
        )
        advance = torch.linspace(0, math.pi * hop, size // 2 + 1, device=samples.device)
        stretched = phase_vocoder(spectrogram, float(factor), advance.unsqueeze(1))
        length = int(samples.shape[-1] / factor)
        return torch.istft(stretched, size, hop, window=window, length=length).unsqueeze(1)


def _window_size(sample_rate: int) -> int:
    return 4 * max(1, round(_WINDOW * sample_rate / 4))
