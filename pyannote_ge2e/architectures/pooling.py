"""Pooling: from as many vectors as there are frames to one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyannote_ge2e.architectures.masks import keep_something, weights_of_frames
from pyannote_ge2e.architectures.options import pick
from pyannote_ge2e.architectures.precision import at_least_single


class Pooling(nn.Module):
    """Base of all poolings: reads the weights, and computes in float32 at least.

    Parameters
    ----------
    num_features : int
        Size of each frame.
    bidirectional : bool, optional
        Whether the second half of the features comes from a recurrence that ran backwards.
    """

    def __init__(self, num_features: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.num_features = num_features
        self.bidirectional = bidirectional

    @property
    def dimension(self) -> int:
        """Size of the pooled vector."""
        return self.num_features

    def forward(self, sequences: Tensor, weights: Tensor | None = None) -> Tensor:
        """Pool.

        Parameters
        ----------
        sequences : (batch, feature, frame) Tensor
            Sequences.
        weights : (batch, any length) or (batch, speaker, any length) Tensor, optional
            Non-negative weights, at any scale. Without a positive one the result is NaN.

        Returns
        -------
        pooled : (batch, dimension) or (batch, speaker, dimension) Tensor
            One vector, or one vector a speaker: in float32 inside autocast, in the precision of
            the sequences elsewhere.
        """
        batch, _, num_frames = sequences.shape
        if weights is None:
            weights = sequences.new_ones(batch, num_frames)
        speakers = weights.shape[1:-1]
        weights = weights_of_frames(weights.flatten(0, -2), num_frames)
        weights, empty = keep_something(weights.unflatten(0, (batch, -1)))
        device, precise = sequences.device.type, at_least_single(sequences)
        with torch.autocast(device, enabled=False):
            pooled = self.pool(precise, weights.to(precise.dtype)).masked_fill(empty, torch.nan)
        if not torch.is_autocast_enabled(device):
            pooled = pooled.to(sequences.dtype)
        return pooled.reshape(batch, *speakers, self.dimension)

    def pool(self, sequences: Tensor, weights: Tensor) -> Tensor:
        """Pool (batch, feature, frame) sequences with (batch, speaker, frame) weights."""
        raise NotImplementedError


def _average(sequences: Tensor, weights: Tensor) -> Tensor:
    shares = weights / weights.sum(-1, keepdim=True)
    return shares @ sequences.transpose(1, 2)


class MeanPooling(Pooling):
    """Weighted mean over frames.

    Examples
    --------
    >>> MeanPooling(2)(torch.tensor([[[1.0, 3.0], [0.0, 4.0]]]))
    tensor([[2., 2.]])
    """

    def pool(self, sequences: Tensor, weights: Tensor) -> Tensor:
        """Pool (batch, feature, frame) sequences with (batch, speaker, frame) weights."""
        return _average(sequences, weights)


class StatsPooling(Pooling):
    """Weighted mean and unbiased standard deviation over frames.

    The same figures as pyannote.audio's `StatsPool`, save that a single frame has a standard
    deviation of (almost) 0 there where it would be NaN, and that the scale of the weights is of
    no consequence.

    Examples
    --------
    >>> StatsPooling(1)(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[2., 1.]])
    """

    @property
    def dimension(self) -> int:
        """Size of the pooled vector."""
        return 2 * self.num_features

    def pool(self, sequences: Tensor, weights: Tensor) -> Tensor:
        """Pool (batch, feature, frame) sequences with (batch, speaker, frame) weights."""
        mean = _average(sequences, weights)
        # Differences first: the mean of squares minus the squared mean cancels in float32.
        deviations = (sequences.unsqueeze(1) - mean.unsqueeze(-1)).square()
        shares = (weights / weights.sum(-1, keepdim=True)).unsqueeze(2)
        # https://en.wikipedia.org/wiki/Weighted_arithmetic_mean, "reliability weights"
        freedom = (1 - shares.square().sum(-1)).clamp(min=1e-8)
        variance = (deviations * shares).sum(-1) / freedom
        # The square root has no gradient at 0.
        return torch.cat([mean, variance.clamp(min=1e-10).sqrt()], dim=-1)


class LastPooling(Pooling):
    """Last frame that is kept; for the half that ran backwards, the first.

    Examples
    --------
    >>> LastPooling(1)(torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([[1.0, 1.0, 0.0]]))
    tensor([[2.]])
    """

    def pool(self, sequences: Tensor, weights: Tensor) -> Tensor:
        """Pool (batch, feature, frame) sequences with (batch, speaker, frame) weights."""
        kept = (weights > 0).long()
        first = kept.argmax(-1)
        last = kept.shape[-1] - 1 - kept.flip(-1).argmax(-1)
        if self.bidirectional:
            forwards, backwards = sequences.chunk(2, dim=1)
            return torch.cat([_at(forwards, last), _at(backwards, first)], dim=-1)
        return _at(sequences, last)


def _at(sequences: Tensor, frame: Tensor) -> Tensor:
    index = frame.unsqueeze(-1).expand(-1, -1, sequences.shape[1])
    return sequences.transpose(1, 2).gather(1, index)


class AttentionPooling(Pooling):
    """Mean weighted by a learned attention over frames.

    A frame `h` counts in proportion to `weight * exp(v . tanh(W h + b))`.

    References
    ----------
    F. A. Rezaur Rahman Chowdhury, Q. Wang, I. Lopez Moreno, L. Wan, "Attention-based models for
    text-dependent speaker verification", ICASSP 2018 (the non-linear scoring function).

    Examples
    --------
    >>> AttentionPooling(8)(torch.randn(2, 8, 50)).shape
    torch.Size([2, 8])
    """

    def __init__(self, num_features: int, bidirectional: bool = False) -> None:
        super().__init__(num_features, bidirectional)
        self.score = nn.Sequential(
            nn.Linear(num_features, 128), nn.Tanh(), nn.Linear(128, 1, bias=False)
        )

    def pool(self, sequences: Tensor, weights: Tensor) -> Tensor:
        """Pool (batch, feature, frame) sequences with (batch, speaker, frame) weights."""
        frames = sequences.transpose(1, 2)
        scores = self.score(frames.to(next(self.score.parameters()).dtype)).transpose(1, 2)
        return (scores.to(frames.dtype) + weights.log()).softmax(-1) @ frames


POOLINGS: dict[str, type[Pooling]] = {
    "mean": MeanPooling,
    "stats": StatsPooling,
    "last": LastPooling,
    "attention": AttentionPooling,
}


def make_pooling(name: str, num_features: int, bidirectional: bool = False) -> Pooling:
    """Make a pooling by name.

    Parameters
    ----------
    name : {"mean", "stats", "last", "attention"}
        Name of the pooling.
    num_features : int
        Size of each frame.
    bidirectional : bool, optional
        Whether the second half of the features comes from a recurrence that ran backwards.

    Returns
    -------
    pooling : Pooling
        The layer.

    Raises
    ------
    UserError
        When there is no such pooling.

    Examples
    --------
    >>> make_pooling("stats", 256).dimension
    512
    """
    return pick(POOLINGS, name, "pooling")(num_features, bidirectional)
