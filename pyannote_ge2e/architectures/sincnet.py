"""SincNet that listens to the kept part of a waveform only."""

from __future__ import annotations

from pyannote.audio.models.blocks.sincnet import SincNet
from torch import Tensor, nn
from torch.nn import functional as F

from pyannote_ge2e.architectures.masks import (
    instance_norm,
    silence,
    weights_of_frames,
    weights_of_samples,
)


class MaskedSincNet(SincNet):
    """pyannote.audio's SincNet, with masks.

    Layers, weights and their names are upstream's, and without mask so is the result. Upstream's
    instance norms see the whole input, so a mask applied to its output comes too late: masked-out
    audio has already moved the statistics of what is kept.

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
        if weights is None:
            return super().forward(waveforms)

        outputs = instance_norm(
            silence(waveforms, weights),
            weights_of_samples(weights, waveforms.shape[-1]),
            self.wav_norm1d,
        )
        layers = zip(self.conv1d, self.pool1d, self.norm1d, strict=True)
        for layer, (conv1d, pool1d, norm1d) in enumerate(layers):
            assert isinstance(norm1d, nn.InstanceNorm1d)
            outputs = conv1d(outputs)
            if layer == 0:
                outputs = outputs.abs()
            outputs = pool1d(outputs)
            kept = weights_of_frames(weights, outputs.shape[-1])
            outputs = F.leaky_relu(instance_norm(outputs, kept, norm1d))
        return outputs
