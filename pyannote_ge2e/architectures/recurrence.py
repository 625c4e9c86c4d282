"""Recurrence over the frames that are kept, as if the others had never been said."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_over_kept(lstm: nn.LSTM, frames: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Run an LSTM over the frames of positive weight.

    Kept frames are moved to the front, in order, and what follows them is not run over: the
    others move the state in neither direction.

    Parameters
    ----------
    lstm : nn.LSTM
        Layer, with `batch_first=True`.
    frames : (batch, frame, feature) Tensor
        Frames.
    weights : (batch, frame) Tensor
        Weight of each frame.

    Returns
    -------
    outputs : (batch, kept, hidden) Tensor
        One output a kept frame; zeros follow in rows that keep fewer than the longest.
    weights : (batch, kept) Tensor
        Weight of each output, zero after the last one.

    Examples
    --------
    >>> import torch
    >>> lstm = nn.LSTM(2, 3, batch_first=True)
    >>> frames, weights = torch.randn(1, 5, 2), torch.tensor([[0.0, 1.0, 0.0, 1.0, 1.0]])
    >>> outputs, kept = run_over_kept(lstm, frames, weights)
    >>> torch.allclose(outputs, lstm(frames[:, [1, 3, 4]])[0])
    True
    """
    kept = weights > 0
    # A sequence cannot be empty: a row that keeps nothing runs over one frame, of weight zero.
    lengths = kept.sum(-1).clamp(min=1)
    order = kept.sort(dim=-1, descending=True, stable=True).indices[:, : int(lengths.max())]
    frames = frames.gather(1, order.unsqueeze(-1).expand(-1, -1, frames.shape[-1]))
    packed = pack_padded_sequence(frames, lengths.cpu(), batch_first=True, enforce_sorted=False)
    outputs, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True)
    return outputs, weights.gather(1, order)
