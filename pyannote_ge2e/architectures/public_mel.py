"""From waveforms to the windows of mel energies that a public GE2E project makes of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torchaudio.transforms import MelSpectrogram

from pyannote_ge2e.architectures.masks import keep_something, weights_of_frames
from pyannote_ge2e.architectures.precision import at_least_single
from pyannote_ge2e.architectures.recipes import HOP, NUM_MELS, SAMPLE_RATE, WINDOW, Recipe
from pyannote_ge2e.architectures.speech import listened_to


class Windows(NamedTuple):
    """Windows of several utterances: all that the network sees of them.

    Attributes
    ----------
    frames : (window, frame, mel) Tensor
        Features.
    lengths : list of int
        Number of frames of each window; what follows is filling.
    owners : list of int
        Utterance that each window is of.
    """

    frames: Tensor
    lengths: list[int]
    owners: list[int]


class PublicMel(nn.Module):
    """Front-end of a public project.

    Parameters
    ----------
    recipe : Recipe
        Whose.

    Examples
    --------
    >>> from pyannote_ge2e.architectures.recipes import RECIPES
    >>> mel = PublicMel(RECIPES["resemblyzer"])
    >>> windows = mel(torch.randn(2, 48000))
    >>> windows.frames.shape, windows.owners
    (torch.Size([6, 160, 40]), [0, 0, 0, 1, 1, 1])
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.spectrogram = MelSpectrogram(
            SAMPLE_RATE, win_length=WINDOW, hop_length=HOP, n_mels=NUM_MELS, **recipe.mel
        )

    def num_frames(self, num_samples: int) -> int:
        """Count the frames whose centre is within so many samples."""
        return num_samples // HOP + 1

    def forward(
        self, waveforms: Tensor, weights: Tensor | None = None, step: int | None = None
    ) -> Windows:
        """Cut waveforms into windows.

        Parameters
        ----------
        waveforms : (batch, sample) Tensor
            Waveforms, whose level is set.
        weights : (batch, any length) Tensor, optional
            Mask. Windows are made of the frames that it keeps, put together.
        step : int, optional
            Step between two windows, in frames. Defaults to the recipe's.

        Returns
        -------
        windows : Windows
            One at least of each waveform.
        """
        batch, num_samples = waveforms.shape
        num_frames = self.num_frames(num_samples)
        size, step = self.recipe.size or num_frames, step or self.recipe.step
        many = self.recipe.count(num_samples, size, step)
        features = self._features(waveforms, (many - 1) * step + size)
        counts = [num_frames] * batch
        if weights is not None:
            kept = keep_something(weights_of_frames(weights, num_frames))[0] > 0
            counts = kept.sum(-1).tolist()
            features = _dropped_last(features, kept)

        every = features.unfold(1, size, step).transpose(2, 3)  # (batch, window, frame, mel)
        frames, lengths, owners = [], [], []
        for row, count in enumerate(counts):
            many = self.recipe.count(num_samples - (num_frames - count) * HOP, size, step)
            frames.append(every[row, :many])
            # An utterance may be shorter than a window, if silence does not fill it up.
            lengths += [size if self.recipe.fill_waveform else min(count, size)] * many
            owners += [row] * many
        return Windows(torch.cat(frames), lengths, owners)

    def without_silence(self, waveforms: Tensor, weights: Tensor | None, silence: str) -> Windows:
        """Drop silence, of each waveform on its own, and cut what is left into windows.

        Parameters
        ----------
        waveforms : (batch, sample) Tensor
            Waveforms, whose level is set.
        weights : (batch, sample) Tensor or None
            Mask.
        silence : str
            What to drop: see `listened_to`.
        """
        several = []
        for row, waveform in enumerate(waveforms):
            kept = listened_to(waveform, silence)
            cut = None if weights is None else weights[row : row + 1, kept]
            several.append(self(waveform[None, kept], cut))
        return together(several)

    def _features(self, waveforms: Tensor, needed: int) -> Tensor:
        """Turn (batch, sample) waveforms into (batch, frame, mel) features, `needed` at least."""
        if self.recipe.fill_waveform:
            waveforms = F.pad(waveforms, (0, max(0, needed * HOP - waveforms.shape[1])))
        buffers = dict(self.spectrogram.named_buffers())
        dtype = next(iter(buffers.values())).dtype
        # In float32 at least: energies span more decades than 16 bits hold.
        precise = {name: at_least_single(buffer) for name, buffer in buffers.items()}
        with torch.autocast(waveforms.device.type, enabled=False):
            waveforms = waveforms.to(torch.promote_types(dtype, torch.float32))
            energies = functional_call(self.spectrogram, precise, waveforms)
            features = self.recipe.compress(energies).transpose(1, 2).to(dtype)
        return _filled(features, needed)


def together(several: list[Windows]) -> Windows:
    """Put the windows of single utterances together.

    Parameters
    ----------
    several : list of Windows
        Of one utterance each.

    Returns
    -------
    windows : Windows
        Of all utterances, in that order.

    Examples
    --------
    >>> one, other = Windows(torch.zeros(2, 9, 40), [9, 9], [0, 0]), Windows(
    ...     torch.zeros(1, 5, 40), [5], [0]
    ... )
    >>> together([one, other])[1:]
    ([9, 9, 5], [0, 0, 1])
    """
    longest = max(windows.frames.shape[1] for windows in several)
    return Windows(
        torch.cat([_filled(windows.frames, longest) for windows in several]),
        [length for windows in several for length in windows.lengths],
        [row for row, windows in enumerate(several) for _ in windows.owners],
    )


def _filled(frames: Tensor, size: int) -> Tensor:
    """Add zeros to (batch, frame, mel) frames up to `size` of them."""
    return F.pad(frames, (0, 0, 0, max(0, size - frames.shape[1])))


def _dropped_last(features: Tensor, kept: Tensor) -> Tensor:
    """Move the frames that are kept to the front, then the filling, then zeros."""
    batch, num_frames, _ = features.shape
    rank = torch.ones(batch, num_frames, device=features.device, dtype=torch.long)
    rank[:, : kept.shape[1]] = torch.where(kept, 0, 2)
    rank, order = rank.sort(dim=-1, stable=True)
    features = features.gather(1, order.unsqueeze(-1).expand_as(features))
    return features.masked_fill((rank == 2).unsqueeze(-1), 0.0)
