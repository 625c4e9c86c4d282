"""Convolutions over bands and time, between a front-end and the LSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvolutionalStem(nn.Module):
    """Residual convolutions that hear the same pattern wherever in the spectrum it is.

    An LSTM has to learn each harmonic and each formant anew in every band that voices may put it
    in, for which small corpora hold too few voices. Consecutive windows that a front-end stacks
    come as channels, one frame after another keeps its place, and each block but the first halves
    the bands.

    Parameters
    ----------
    num_bands : int
        Bands of a window.
    stack : int, optional
        Windows of a frame.
    channels : int, optional
        Channels of each convolution.
    blocks : int, optional
        Residual blocks of two convolutions of 3 x 3.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016,
    figure 2. Before a network over time: J. Thienpondt, B. Desplanques, K. Demuynck, "Integrating
    frequency translational invariance in TDNNs and frequency positional information in 2D ResNets
    to enhance speaker verification", Interspeech 2021, section 3.

    Examples
    --------
    >>> stem = ConvolutionalStem(num_bands=80, stack=3)
    >>> stem.dimension
    320
    >>> stem(torch.randn(2, 240, 50)).shape
    torch.Size([2, 320, 50])
    """

    def __init__(self, num_bands: int, stack: int = 1, channels: int = 32, blocks: int = 3) -> None:
        super().__init__()
        self.stack = stack
        self.entry = nn.Conv2d(stack, channels, 3, stride=(2, 1), padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, stride=1 if block == 0 else 2) for block in range(blocks)
        )
        for _ in range(blocks):
            num_bands = (num_bands + 1) // 2
        self.dimension = channels * num_bands

    def forward(self, features: Tensor, kept: Tensor | None = None) -> Tensor:
        """Turn frames into frames.

        Parameters
        ----------
        features : (batch, stack * num_bands, frame) Tensor
            Those of the earliest of the stacked windows come first.
        kept : (batch, frame) bool Tensor, optional
            Frames that there are. Others are taken for what lies beyond the ends.

        Returns
        -------
        features : (batch, dimension, frame) Tensor
            As many frames.
        """
        there = None if kept is None else kept[:, None, None]
        batch, _, num_frames = features.shape  # `unflatten` would be traced as it is, in numbers
        maps = _without(features.reshape(batch, self.stack, -1, num_frames), there)
        maps = _without(F.relu(self.norm(self.entry(maps))), there)
        for block in self.blocks:
            maps = block(maps, there)
        return maps.flatten(1, 2)

    def train(self, mode: bool = True) -> ConvolutionalStem:
        """Set training mode: frozen, the means and variances stay as well."""
        return super().train(mode and self.entry.weight.requires_grad)


class ResidualBlock(nn.Module):
    """Two convolutions and what they add to.

    Parameters
    ----------
    channels : int
    stride : int
        Over bands; with 2 half of them are left.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        strides = (stride, 1)
        self.first = nn.Conv2d(channels, channels, 3, strides, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Conv2d(channels, channels, 1, strides, bias=False)

    def forward(self, maps: Tensor, there: Tensor | None) -> Tensor:
        """Transform (batch, channel, band, frame) maps, of which some frames are there."""
        inner = _without(F.relu(self.first_norm(self.first(maps))), there)
        return _without(F.relu(self.second_norm(self.second(inner)) + self.shortcut(maps)), there)


def _without(maps: Tensor, there: Tensor | None) -> Tensor:
    """Zero the frames that are not there, as convolutions take what lies beyond the ends."""
    return maps if there is None else torch.where(there, maps, torch.zeros_like(maps))
