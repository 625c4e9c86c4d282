"""Masks over bands and over time, on the frames that a network makes of waveforms."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import nn

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.transform import Drawn, DrawnApart
from pyannote_ge2e.data.augmentation.values import check_choices, check_count, check_share

Fill = Literal["mean", "zero"]


class SpecAugment(DrawnApart, nn.Module):
    """Mask bands and stretches of time (Park et al., arXiv 1904.08779, without time warping).

    Masks are drawn as torchaudio's `FrequencyMasking` and `TimeMasking` with `iid_masks` draw
    them: a width, then a place, for each chunk. They act on log-mel energies (of single windows:
    before `stack` joins them) or, in SincNetLSTM, on what SincNet makes of them.

    Parameters
    ----------
    frequency_masks, time_masks : int
        Masks of each kind.
    frequency_width : int
        Bands that a mask covers at most.
    time_width : int
        Frames that a mask covers at most.
    time_share : float
        Share of the frames that a mask covers at most.
    fill : {"mean", "zero"}
        What is put there: the mean of the chunk, or zero, which is the mean of each band when the
        front-end takes it away.
    p : float
        Share of the chunks that are masked.

    Examples
    --------
    >>> augmentation = SpecAugment(frequency_masks=1, time_masks=1, p=1.0)
    >>> augmentation(torch.ones(2, 40, 100)).shape
    torch.Size([2, 40, 100])
    """

    p_mode = "per_example"

    def __init__(
        self,
        frequency_masks: int = 2,
        frequency_width: int = 8,
        time_masks: int = 2,
        time_width: int = 20,
        time_share: float = 0.2,
        fill: Fill = "mean",
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.frequency_masks = check_count("frequency_masks", frequency_masks)
        self.frequency_width = check_count("frequency_width", frequency_width)
        self.time_masks = check_count("time_masks", time_masks)
        self.time_width = check_count("time_width", time_width)
        self.time_share = check_share("time_share", time_share)
        (self.fill,) = check_choices("fill", fill, ["mean", "zero"])
        self.p = check_share("p", p)

    def draw(self, rng: np.random.Generator, chunks: Chunks) -> Drawn:
        """Draw width and place of each mask, as shares: (chunk, mask, 2), each kind."""
        return {
            name: torch.from_numpy(rng.random((chunks.count, masks, 2), np.float32))
            for name, masks in (("frequency", self.frequency_masks), ("time", self.time_masks))
        }

    def mask(self, features: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        """Mask (batch, dimension, frame) features."""
        _, dimension, num_frames = features.shape
        time_width = min(self.time_width, int(self.time_share * num_frames))
        bands = _masks(drawn["frequency"], min(self.frequency_width, dimension), dimension)
        frames = _masks(drawn["time"], time_width, num_frames)
        filling = features.new_zeros(())
        if self.fill == "mean":
            filling = features.detach().mean(dim=(1, 2), keepdim=True).to(features.dtype)
        return torch.where(bands.unsqueeze(2) | frames.unsqueeze(1), filling, features)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Draw from torch's global generator, and mask; in evaluation mode, do nothing."""
        if not self.training:
            return features
        rng = np.random.default_rng(int(torch.randint(2**62, (1,))))
        chunks = Chunks(len(features), features.shape[-1], 0)
        rows = torch.from_numpy(self.rows(rng, chunks)).to(features.device)
        drawn = self.draw(rng, chunks.at(rows.cpu().numpy()))
        drawn = {name: value.to(features.device) for name, value in drawn.items()}
        return features.index_copy(0, rows, self.mask(features[rows], drawn))


def _masks(drawn: torch.Tensor, width: int, size: int) -> torch.Tensor:
    """Tell what is masked of `size` bands or frames: (batch, size) bool."""
    widths = drawn[..., 0] * width
    first = (drawn[..., 1] * (size - widths)).long()
    last = first + widths.long()
    place = torch.arange(size, device=drawn.device)
    inside = (place >= first.unsqueeze(-1)) & (place < last.unsqueeze(-1))
    return inside.any(dim=1)
