"""Differentiable directions and leave-one-out cosines, stable where norms vanish.

Both have a hand-written gradient: the passes over memory that generic differentiation would
add cost as much as the loss itself (`python -m bench loss`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Norms are taken to be at least this (squared norms at least 1e-12): a zero vector keeps a
# finite gradient, and in float32 no direction is left below it anyway.
SMALLEST_NORM = 1e-6


class _Unit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vectors: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        floored = norm.clamp_min(SMALLEST_NORM)
        unit = vectors / floored
        ctx.save_for_backward(unit, floored, norm > SMALLEST_NORM)
        return unit

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # d(x/|x|) keeps what is orthogonal to x; below the floor, x is only scaled.
        unit, floored, norm_moves = ctx.saved_tensors
        along = (gradient * unit).sum(dim=-1, keepdim=True) * norm_moves
        return torch.addcmul(gradient, unit, along, value=-1).div_(floored)


class _LeaveOneOutCosine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, unit: Tensor, total: Tensor) -> Tensor:
        # The others are subtracted as vectors. Expanding |total - unit|² instead is a little
        # cheaper, and wrong in float32 when the other utterances nearly cancel.
        others = total.unsqueeze(-2) - unit
        norm = torch.linalg.vector_norm(others, dim=-1, keepdim=True)
        floored = norm.clamp_min(SMALLEST_NORM)
        cosine = (unit * others).sum(dim=-1, keepdim=True) / floored
        ctx.save_for_backward(unit, others, floored, norm > SMALLEST_NORM, cosine)
        return cosine.squeeze(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        # With u = others: cosine = unit·u/|u|, d cosine/du = (unit - cosine u/|u|)/|u|.
        unit, others, floored, norm_moves, cosine = ctx.saved_tensors
        scale = gradient.unsqueeze(-1) / floored
        along = cosine / floored * norm_moves
        to_others = torch.addcmul(unit, others, along, value=-1).mul_(scale)
        to_unit = torch.mul(others, scale).sub_(to_others)
        return to_unit, to_others.sum(dim=-2)


def unit_vectors(vectors: Tensor) -> Tensor:
    """Scale vectors to unit length; those shorter than 1e-6 are multiplied by 1e6.

    Parameters
    ----------
    vectors : (..., D) tensor

    Returns
    -------
    unit : (..., D) tensor

    Examples
    --------
    >>> unit_vectors(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    return _Unit.apply(vectors)


def leave_one_out_cosine(unit: Tensor, total: Tensor) -> Tensor:
    """Cosine between each unit vector and the sum of the others of its group.

    Parameters
    ----------
    unit : (N, M, D) tensor
        N groups of M unit vectors.
    total : (N, D) tensor
        ``unit.sum(dim=1)``, which the caller has at hand.

    Returns
    -------
    cosine : (N, M) tensor

    Examples
    --------
    >>> unit = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
    >>> leave_one_out_cosine(unit, unit.sum(dim=1))
    tensor([[0.0000, 0.7071, 0.7071]])
    """
    return _LeaveOneOutCosine.apply(unit, total)
