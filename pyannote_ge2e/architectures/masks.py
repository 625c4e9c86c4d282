"""Masks: which audio an embedding may depend on.

A mask comes as `weights`, at any resolution: 0 drops, a positive value keeps, and the larger the
value the more a frame counts. Each layer reads it at its own resolution. Masked-out audio cannot
reach the embedding, since every layer first replaces it by a neutral value, and takes its
statistics over what is kept.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyannote_ge2e.architectures.precision import at_least_single


def weights_of_samples(weights: Tensor, num_samples: int) -> Tensor:
    """Read a mask at the resolution of the waveform.

    Parameters
    ----------
    weights : (batch, any length) Tensor
        Weights; negative ones count as 0.
    num_samples : int
        Number of samples in the waveform.

    Returns
    -------
    weights : (batch, num_samples) float32 Tensor
        Nearest weight of each sample: the mapping that pyannote.audio uses.

    Examples
    --------
    >>> weights_of_samples(torch.tensor([[0.0, 1.0]]), 4)
    tensor([[0., 0., 1., 1.]])
    """
    return _nearest(weights, num_samples, "nearest")


def weights_of_frames(weights: Tensor, num_frames: int) -> Tensor:
    """Read a mask at the resolution of a sequence of frames.

    Parameters
    ----------
    weights : (batch, any length) Tensor
        Weights; negative ones count as 0.
    num_frames : int
        Number of frames.

    Returns
    -------
    weights : (batch, num_frames) float32 Tensor
        Weight at the centre of each frame: a mask of `num_frames` is returned as it is.

    Examples
    --------
    >>> weights_of_frames(torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]), 2)
    tensor([[0., 1.]])
    """
    # "nearest" would read the mask where a frame begins, half a frame early.
    return _nearest(weights, num_frames, "nearest-exact")


def _nearest(weights: Tensor, size: int, mode: str) -> Tensor:
    weights = weights.float().clamp(min=0.0)
    if weights.shape[-1] == size:
        return weights
    return F.interpolate(weights.unsqueeze(1), size=size, mode=mode).squeeze(1)


def keeps_fewer(weights: Tensor, least: int) -> Tensor:
    """Tell the rows of a mask that keep fewer frames than so many.

    Parameters
    ----------
    weights : (..., frame) Tensor
        Weight of each frame.
    least : int
        Number of frames.

    Returns
    -------
    fewer : (..., 1) bool Tensor
        The rows in question.

    Examples
    --------
    >>> keeps_fewer(torch.tensor([[0.0, 0.0], [0.0, 0.5], [1.0, 1.0]]), 2).tolist()
    [[True], [True], [False]]
    """
    return (weights > 0).sum(-1, keepdim=True) < least


def keep_something(weights: Tensor, too_few: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Give rows that keep too few frames one to go on with, and tell which they are.

    What these rows give is to be replaced by NaN at the very end: a NaN any earlier would, by way
    of the gradient, reach the weights of the model and from there every other row.

    Parameters
    ----------
    weights : (..., frame) Tensor
        Weight of each frame.
    too_few : (..., 1) bool Tensor, optional
        Rows that are known to keep too few. Those that keep none are added.

    Returns
    -------
    weights : (..., frame) Tensor
        Weights, with that of the first frame set to 1 in rows that keep too few.
    too_few : (..., 1) bool Tensor
        All rows that keep too few.

    Examples
    --------
    >>> keep_something(torch.tensor([[0.0, 0.0], [0.0, 0.5]]))
    (tensor([[1.0000, 0.0000],
            [0.0000, 0.5000]]), tensor([[ True],
            [False]]))
    """
    empty = keeps_fewer(weights, 1)
    too_few = empty if too_few is None else empty | too_few
    first = torch.arange(weights.shape[-1], device=weights.device) == 0
    return weights.masked_fill(too_few & first, 1.0), too_few


def silence(waveforms: Tensor, weights: Tensor) -> Tensor:
    """Replace masked-out samples by zeros.

    Parameters
    ----------
    waveforms : (batch, 1, sample) Tensor
        Waveforms; what is masked out may be anything, NaN included.
    weights : (batch, any length) Tensor
        Weights.

    Returns
    -------
    waveforms : (batch, 1, sample) Tensor
        Waveforms, zero wherever the nearest weight is zero.

    Examples
    --------
    >>> silence(torch.ones(1, 1, 4), torch.tensor([[1.0, 0.0]]))
    tensor([[[1., 1., 0., 0.]]])
    """
    kept = weights_of_samples(weights, waveforms.shape[-1]).unsqueeze(1) > 0
    return torch.where(kept, waveforms, torch.zeros_like(waveforms))


def centre(sequences: Tensor, weights: Tensor) -> Tensor:
    """Subtract the mean of what is kept; what is not becomes zero.

    Parameters
    ----------
    sequences : (batch, channel, frame) Tensor
        Sequences.
    weights : (batch, frame) Tensor
        Weight of each frame.

    Returns
    -------
    centred : (batch, channel, frame) Tensor
        Sequences whose weighted mean is zero, in float32 at least.

    Examples
    --------
    >>> centre(torch.tensor([[[1.0, 3.0, 9.0]]]), torch.tensor([[1.0, 1.0, 0.0]]))
    tensor([[[-1.,  1.,  0.]]])
    """
    weights = weights.unsqueeze(1)
    # In float32 at least: half a second is 8000 terms to add.
    sequences = at_least_single(sequences)
    mean = (sequences * weights).sum(-1, keepdim=True) / _total(weights)
    return torch.where(weights > 0, sequences - mean, torch.zeros_like(mean))


def standardise(sequences: Tensor, weights: Tensor, epsilon: float) -> Tensor:
    """Give what is kept a mean of zero and a variance of one; what is not becomes zero.

    Parameters
    ----------
    sequences : (batch, channel, frame) Tensor
        Sequences.
    weights : (batch, frame) Tensor
        Weight of each frame.
    epsilon : float
        Added to the variance.

    Returns
    -------
    standard : (batch, channel, frame) Tensor
        Standardised sequences, in float32 at least.

    Examples
    --------
    >>> standardise(torch.tensor([[[1.0, 5.0, 9.0]]]), torch.tensor([[1.0, 1.0, 0.0]]), 0.0)
    tensor([[[-1.,  1.,  0.]]])
    """
    centred = centre(sequences, weights)
    weights = weights.unsqueeze(1)
    variance = (centred.square() * weights).sum(-1, keepdim=True) / _total(weights)
    return centred * torch.rsqrt(variance + epsilon)


def instance_norm(sequences: Tensor, weights: Tensor, norm: nn.InstanceNorm1d) -> Tensor:
    """Apply an instance norm whose mean and variance are those of what is kept.

    Parameters
    ----------
    sequences : (batch, channel, frame) Tensor
        Sequences.
    weights : (batch, frame) Tensor
        Weight of each frame.
    norm : nn.InstanceNorm1d
        The layer (affine), for its epsilon, scale and shift.

    Returns
    -------
    normalised : (batch, channel, frame) Tensor
        What `norm` gives when all weights are equal. Frames of weight zero take the mean, so
        that the frames beside them see a neutral neighbour.

    Examples
    --------
    >>> norm = nn.InstanceNorm1d(3, affine=True)
    >>> sequences = torch.arange(12.0).reshape(1, 3, 4)
    >>> same = instance_norm(sequences, torch.ones(1, 4), norm)
    >>> torch.allclose(same, norm(sequences))
    True
    """
    standard = standardise(sequences, weights, norm.eps)
    normalised = standard * norm.weight[:, None] + norm.bias[:, None]
    return normalised.to(sequences.dtype)


def _total(weights: Tensor) -> Tensor:
    # An empty mask has nothing to normalise: any finite number will do.
    total = weights.sum(-1, keepdim=True)
    return torch.where(total > 0, total, torch.ones_like(total))
