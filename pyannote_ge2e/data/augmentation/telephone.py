"""What a telephone line leaves of speech."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from scipy.signal import firwin
from torch_audiomentations import convolve
from torchaudio.functional import mu_law_decoding, mu_law_encoding, resample

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.transform import Augmentation, Drawn
from pyannote_ge2e.data.augmentation.values import check_choices, check_number
from pyannote_ge2e.errors import UserError

Law = Literal["mu", "a"]

RATE = 8000  # samples a second on the line
LEVELS = 256  # 8 bits a sample
_A = 87.6
_TAPS = 255


class Telephone(Augmentation):
    """Keep what a telephone line carries: a band of frequencies, at 8 kHz, in 8 bits (G.711).

    Values beyond 1 have codes beyond the 8 bits, and are not clipped.

    Parameters
    ----------
    low, high : float
        Bounds of the band, in Hz.
    laws : list of {"mu", "a"}
        How the 8 bits are spread; each chunk draws one: mu-law in North America and Japan, A-law
        elsewhere.
    p : float
        Share of the chunks.
    """

    def __init__(
        self,
        low: float = 300.0,
        high: float = 3400.0,
        laws: Sequence[Law] = ("mu", "a"),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.low = check_number("low", low, least=1, most=RATE / 2 - 1)
        self.high = check_number("high", high, least=1, most=RATE / 2 - 1)
        if self.low >= self.high:
            raise UserError(f"low ({low:g}) should be below high ({high:g}).")
        self.laws = check_choices("laws", laws, list(_LAWS))

    def draw(self, rng: np.random.Generator, chunks: Chunks) -> Drawn:
        """Draw the law of each chunk, by its number: (chunk,)."""
        return {"law": torch.from_numpy(rng.integers(len(self.laws), size=chunks.count))}

    def augment(
        self, samples: torch.Tensor, drawn: Drawn, length: int, sample_rate: int
    ) -> torch.Tensor:
        """Send chunks down the line and back."""
        line = resample(samples, sample_rate, RATE)
        taps = _band(self.low, self.high).to(line)
        line = convolve(line, taps)[..., _TAPS // 2 : _TAPS // 2 + line.shape[-1]]
        coded = torch.stack([_LAWS[law](line) for law in self.laws])
        line = coded[drawn["law"], torch.arange(len(line), device=line.device)]
        return resample(line, RATE, sample_rate)[..., :length]


def mu_law(samples: torch.Tensor) -> torch.Tensor:
    """Round as 8-bit mu-law does."""
    return mu_law_decoding(mu_law_encoding(samples, LEVELS), LEVELS)


def a_law(samples: torch.Tensor) -> torch.Tensor:
    """Round as 8-bit A-law does: evenly below 1/A, in proportion to the value above.

    Examples
    --------
    >>> [round(value, 3) for value in a_law(torch.tensor([0.0, 0.5, 1.0])).tolist()]
    [0.0, 0.502, 1.0]
    """
    scale = 1 + math.log(_A)
    size = samples.abs() * _A
    code = torch.where(size < 1, size, 1 + size.clamp_min(1).log()) / scale
    code = torch.round(code * (LEVELS // 2 - 1)) / (LEVELS // 2 - 1) * scale
    return samples.sign() * torch.where(code < 1, code, (code - 1).exp()) / _A


_LAWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"mu": mu_law, "a": a_law}


@lru_cache(maxsize=16)
def _band(low: float, high: float) -> torch.Tensor:
    taps = firwin(_TAPS, [low, high], pass_zero=False, fs=RATE)
    return torch.from_numpy(taps.astype(np.float32)).view(1, 1, -1)
