"""Precision: sums and logarithms need more of it than the weights of a model do."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_single(tensor: Tensor) -> Tensor:
    """Take a tensor to float32, unless it is float64.

    Parameters
    ----------
    tensor : (...) Tensor
        Of any floating-point type.

    Returns
    -------
    tensor : (...) float32 or float64 Tensor
        The same values.

    Examples
    --------
    >>> at_least_single(torch.ones(1, dtype=torch.bfloat16)).dtype
    torch.float32
    >>> at_least_single(torch.ones(1, dtype=torch.float64)).dtype
    torch.float64
    """
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def as_autocast(tensor: Tensor) -> Tensor:
    """Take a tensor to the precision that autocast asks for, if there is any.

    PyTorch looks at an LSTM's input to choose who computes it, and casts it only then: on a CPU
    without arithmetic of 16 bits, the one who knows float32 fails.

    Parameters
    ----------
    tensor : (...) Tensor
        Of any floating-point type.

    Returns
    -------
    tensor : (...) Tensor
        The same values.

    Examples
    --------
    >>> with torch.autocast("cpu", dtype=torch.bfloat16):
    ...     as_autocast(torch.ones(1)).dtype
    torch.bfloat16
    """
    kind = tensor.device.type
    if not torch.is_autocast_enabled(kind):
        return tensor
    return tensor.to(torch.get_autocast_dtype(kind))
