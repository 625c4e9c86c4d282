"""An augmentation in two halves: drawing, where files are read, and applying, where the batch is.

Drawing is all there is of chance: parameters, and stretches of noise or impulse responses read
from disk. Applying is tensor work that gives the same wherever it is done: in a dataset worker,
in the main process, or, but for rounding, on a GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch_audiomentations.core.transforms_interface import BaseWaveformTransform
from torch_audiomentations.utils.object_dict import ObjectDict

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.values import check_share

Drawn = dict[str, torch.Tensor]


def wrapped(samples: torch.Tensor, length: int) -> torch.Tensor:
    """Cut (batch, 1, sample) waveforms to a length, or repeat them up to it."""
    times = -(-length // samples.shape[-1])
    return (samples.repeat(1, 1, times) if times > 1 else samples)[..., :length]


class DrawnApart:
    """What draws for some chunks of a batch, a share `p` of them."""

    p: float
    p_mode: str

    def rows(self, rng: np.random.Generator, chunks: Chunks) -> np.ndarray:
        """Draw which chunks are augmented: their rows, in order."""
        if self.p_mode == "per_batch":
            return np.arange(chunks.count if rng.random() < self.p else 0)
        return np.flatnonzero(rng.random(chunks.count) < self.p)

    def draw(self, rng: np.random.Generator, chunks: Chunks) -> Drawn:
        """Draw what `augment` needs for chunks that are all augmented.

        Returns
        -------
        drawn : dict of tensors
            On the CPU, of a value for each chunk, or of one for them all.
        """
        raise NotImplementedError


class Augmentation(DrawnApart, BaseWaveformTransform):
    """Base of our transforms of waveforms, which nest in torch-audiomentations' compositions.

    Parameters
    ----------
    p : float
        Share of the chunks that are augmented.
    mode, p_mode : str, optional
        As in torch-audiomentations: with "per_batch", what is drawn holds for the whole batch.

    Attributes
    ----------
    needs_cpu : bool
        Whether it cannot be applied elsewhere.
    """

    supports_multichannel = False
    supports_target = False
    needs_cpu = False

    def __init__(
        self, p: float = 0.5, mode: str = "per_example", p_mode: str | None = None
    ) -> None:
        check_share("p", p)
        super().__init__(mode=mode, p=p, p_mode=p_mode, output_type="dict")

    def augment(
        self, samples: torch.Tensor, drawn: Drawn, length: int, sample_rate: int
    ) -> torch.Tensor:
        """Augment (batch, 1, sample) waveforms: (batch, 1, length)."""
        raise NotImplementedError

    def input_length(self, drawn: Drawn, length: int, sample_rate: int) -> int:
        """Count the samples of which `augment` makes `length`."""
        return length

    # --- torch-audiomentations' interface, for whoever calls a transform without an Augmenter ---

    def randomize_parameters(
        self, samples: torch.Tensor, sample_rate: int | None = None, **_: Any
    ) -> None:
        """Draw from torch's global generator."""
        assert sample_rate is not None
        rng = np.random.default_rng(int(torch.randint(2**62, (1,))))
        drawn = self.draw(rng, Chunks(len(samples), samples.shape[-1], sample_rate))
        for name, value in drawn.items():
            self.transform_parameters[name] = value.to(samples.device)

    def apply_transform(
        self, samples: torch.Tensor, sample_rate: int | None = None, **_: Any
    ) -> ObjectDict:
        """Apply what was drawn."""
        assert sample_rate is not None
        augmented = self.augment(samples, self.transform_parameters, samples.shape[-1], sample_rate)
        return ObjectDict(
            samples=augmented, sample_rate=sample_rate, targets=None, target_rate=None
        )
