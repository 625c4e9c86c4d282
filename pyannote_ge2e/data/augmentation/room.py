"""Convolving with the impulse responses of rooms."""

from __future__ import annotations

import numpy as np
import torch
from torch_audiomentations import convolve

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.mixing import SILENCE, rms
from pyannote_ge2e.data.augmentation.transform import Augmentation, Drawn
from pyannote_ge2e.errors import UserError


class Room(Augmentation):
    """Base of what convolves each chunk with a response, and keeps its length.

    Parameters
    ----------
    p : float
        Share of the chunks that are convolved.
    keep_level : bool
        Whether a chunk keeps its root mean square.
    align : bool
        Whether the direct sound, the greatest sample of a response, stays where it is in the chunk.
    mode, p_mode : str, optional
        See `Augmentation`.
    """

    def __init__(
        self,
        p: float = 0.5,
        keep_level: bool = True,
        align: bool = True,
        mode: str = "per_example",
        p_mode: str | None = None,
    ) -> None:
        super().__init__(p=p, mode=mode, p_mode=p_mode)
        for name, value in (("keep_level", keep_level), ("align", align)):
            if not isinstance(value, bool):
                raise UserError(f"{name} should be true or false, not {value!r}.")
        self.keep_level = keep_level
        self.align = align

    def responses(self, rng: np.random.Generator, chunks: Chunks) -> list[np.ndarray]:
        """Draw a response, (sample,) float32, for each chunk."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, chunks: Chunks) -> Drawn:
        """Draw responses, (chunk, 1, sample), and the sample where the chunk begins in the sum."""
        drawn = self.responses(rng, chunks)
        direct = [int(np.abs(each).argmax()) if self.align else 0 for each in drawn]
        # What comes later, or earlier, than the chunk is long is not heard in it.
        early = [max(0, first - chunks.length) for first in direct]
        drawn = [
            each[cut : first + chunks.length]
            for each, cut, first in zip(drawn, early, direct, strict=True)
        ]
        direct = [first - cut for first, cut in zip(direct, early, strict=True)]
        # Side by side, with the direct sounds in line.
        before = max(direct)
        after = max(len(each) - first for each, first in zip(drawn, direct, strict=True))
        lined_up = np.zeros((len(drawn), 1, before + after), np.float32)
        for row, each, first in zip(lined_up, drawn, direct, strict=True):
            row[0, before - first : before - first + len(each)] = each
        return {"response": torch.from_numpy(lined_up), "start": torch.tensor(before)}

    def augment(
        self, samples: torch.Tensor, drawn: Drawn, length: int, sample_rate: int
    ) -> torch.Tensor:
        """Convolve with the responses that were drawn."""
        start = int(drawn["start"])
        heard = convolve(samples, drawn["response"])[..., start : start + samples.shape[-1]]
        if self.keep_level:
            heard = heard * (rms(samples) / rms(heard).clamp_min(SILENCE))
        return heard
