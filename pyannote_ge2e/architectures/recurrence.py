"""Recurrence over the frames that are kept, as if the others had never been said."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


@torch.no_grad()
def initialise(lstm: nn.LSTM, forget_bias: float = 0.0) -> None:
    """Initialise an LSTM so that what goes in can be told from what comes out.

    With PyTorch's own initialisation, each layer shrinks its input and adds a bias: after three
    layers, embeddings of different voices have a cosine of 0.999999 and the loss hardly moves.

    Input and projection weights are Xavier's, recurrent ones orthogonal, both gate by gate, and
    biases zero save that of the forget gate.

    Parameters
    ----------
    lstm : nn.LSTM
        Layer, changed in place.
    forget_bias : float, optional
        Bias of the forget gate. With 1 the memory is long, which the last frame needs to speak
        for all; over an average it mostly gathers what all voices have in common, and learning
        takes twice as many steps as with 0 (both seen on real speech).

    Examples
    --------
    >>> lstm = nn.LSTM(2, 3)
    >>> initialise(lstm, forget_bias=1.0)
    >>> lstm.bias_ih_l0.tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    for name, parameter in lstm.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
        elif name.startswith("weight_hr"):
            nn.init.xavier_uniform_(parameter)
        else:
            fill = nn.init.xavier_uniform_ if "_ih_" in name else nn.init.orthogonal_
            for gate in parameter.chunk(4):
                fill(gate)
        if name.startswith("bias_ih"):
            _, forget, _, _ = parameter.chunk(4)
            forget.fill_(forget_bias)


def kept_first(frames: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Move the frames of positive weight to the front, in order, and cut off what no row keeps.

    Parameters
    ----------
    frames : (batch, frame, feature) Tensor
        Frames.
    weights : (batch, frame) Tensor
        Weight of each frame.

    Returns
    -------
    frames : (batch, kept, feature) Tensor
        As many as the row that keeps most of them does; others follow in rows that keep fewer.
    weights : (batch, kept) Tensor
        Their weights.

    Examples
    --------
    >>> kept_first(torch.tensor([[[5.0], [6.0], [7.0]]]), torch.tensor([[0.0, 1.0, 2.0]]))
    (tensor([[[6.],
             [7.]]]), tensor([[1., 2.]]))
    """
    kept = weights > 0
    longest = int(kept.sum(-1).max())
    order = kept.sort(dim=-1, descending=True, stable=True).indices[:, :longest]
    frames = frames.gather(1, order.unsqueeze(-1).expand(-1, -1, frames.shape[-1]))
    return frames, weights.gather(1, order)


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
        Weight of each frame. Every row keeps at least one.

    Returns
    -------
    outputs : (batch, kept, hidden) Tensor
        One output a kept frame; zeros follow in rows that keep fewer than the longest.
    weights : (batch, kept) Tensor
        Weight of each output, zero after the last one.

    Examples
    --------
    >>> lstm = nn.LSTM(2, 3, batch_first=True).double()
    >>> frames = torch.randn(1, 5, 2, dtype=torch.float64)
    >>> weights = torch.tensor([[0.0, 1.0, 0.0, 1.0, 1.0]])
    >>> outputs, kept = run_over_kept(lstm, frames, weights)
    >>> torch.allclose(outputs, lstm(frames[:, [1, 3, 4]])[0])
    True
    """
    frames, weights = kept_first(frames, weights)
    lengths = (weights > 0).sum(-1).cpu()
    packed = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
    outputs, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True)
    return outputs, weights
