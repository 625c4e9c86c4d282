"""SincNet that listens to the kept part of a waveform only."""

from __future__ import annotations

from typing import cast

import torch
from asteroid_filterbanks import Encoder
from pyannote.audio.models.blocks.sincnet import SincNet
from torch import Tensor, nn
from torch.nn import functional as F

from pyannote_ge2e.architectures.masks import (
    instance_norm,
    keeps_fewer,
    silence,
    standardise,
    weights_of_frames,
    weights_of_samples,
)


class MaskedSincNet(SincNet):
    """pyannote.audio's SincNet, with masks.

    Layers, weights and their names are upstream's, and without mask so is the result, up to
    rounding. Upstream's instance norms see the whole input, so a mask applied to its output comes
    too late: masked-out audio has already moved the statistics of what is kept.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate, in Hz. Only 16000 exists.
    stride : int, optional
        Stride of the sinc filters, in samples. Frames are 27 strides apart.

    Examples
    --------
    >>> import torch
    >>> sincnet = MaskedSincNet(stride=10)
    >>> sincnet(torch.randn(2, 1, 16000), weights=torch.ones(2, 100)).shape
    torch.Size([2, 60, 56])
    >>> sincnet.num_frames(16000)
    56
    """

    dimension = 60
    stored_dimension = None
    takes_waveforms = True
    # The last instance norm has no variance to divide by on a single frame.
    min_num_frames = 2

    def forward(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:
        """Turn waveforms into frames.

        Parameters
        ----------
        waveforms : (batch, 1, sample) Tensor
            Waveforms.
        weights : (batch, any length) Tensor, optional
            Mask.

        Returns
        -------
        features : (batch, 60, frame) Tensor
            Features.
        """
        outputs = self._filter(waveforms, weights)
        layers = zip(self.conv1d, self.pool1d, self.norm1d, strict=True)
        for layer, (conv1d, pool1d, norm1d) in enumerate(layers):
            outputs = pool1d(outputs.abs() if layer == 0 else conv1d(outputs))
            if weights is None:
                outputs = norm1d(outputs)
            else:
                kept = weights_of_frames(weights, outputs.shape[-1])
                outputs = instance_norm(outputs, kept, cast(nn.InstanceNorm1d, norm1d))
            outputs = F.leaky_relu(outputs)
        return outputs

    def shortest(self, waveforms: Tensor) -> int:
        """Count the samples that an embedding needs at least."""
        return self.receptive_field_size(self.min_num_frames)

    def keeps_too_little(self, weights: Tensor, waveforms: Tensor) -> Tensor:
        """Tell the (batch, 1) rows of a mask that leave the norms too few frames."""
        weights = weights_of_frames(weights, self.num_frames(waveforms.shape[-1]))
        return keeps_fewer(weights, self.min_num_frames)

    def _filter(self, waveforms: Tensor, weights: Tensor | None) -> Tensor:
        """Normalise waveforms and apply the sinc filters.

        The scale and the shift of the norm go into the filters and a bias, as convolution is
        linear: by way of the waveform, their gradient would more than double the time of a step.
        """
        norm, encoder = self.wav_norm1d, cast(Encoder, self.conv1d[0])
        if weights is None:
            standard = F.instance_norm(waveforms, eps=norm.eps)
        else:
            kept = weights_of_samples(weights, waveforms.shape[-1])
            standard = standardise(silence(waveforms, weights), kept, norm.eps)
        # Inside autocast too: in 16 bits the phases of filters are noise.
        with torch.autocast(waveforms.device.type, enabled=False):
            filters = encoder.get_filters()
            bias = norm.bias * filters.sum(dim=(1, 2))
            standard = standard.to(filters.dtype)
            return F.conv1d(standard, norm.weight * filters, bias, stride=encoder.stride)
