"""Gradient scales: some parameters learn more slowly (arXiv 1710.10467, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

# Their step does not depend on the gradient's scale.
_SCALE_INVARIANT = frozenset(
    {
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Rprop",
        "SparseAdam",
    }
)


def is_scale_invariant(optimizer_class: type[Optimizer]) -> bool:
    """Tell whether multiplying a gradient leaves an optimiser's steps as they were.

    Examples
    --------
    >>> import torch
    >>> is_scale_invariant(torch.optim.AdamW), is_scale_invariant(torch.optim.SGD)
    (True, False)
    """
    return any(parent.__name__ in _SCALE_INVARIANT for parent in optimizer_class.__mro__)


def scale_of(name: str, scales: Mapping[str, float]) -> float:
    """Scale of a parameter: that of the first pattern that its name matches, else 1.

    Examples
    --------
    >>> scale_of("loss_func.w", {"loss_func.*": 0.01})
    0.01
    """
    return next((scale for pattern, scale in scales.items() if fnmatchcase(name, pattern)), 1.0)


def scaled_groups(
    model: nn.Module, scales: Mapping[str, float], learning_rate: float
) -> list[dict[str, Any]]:
    """Parameter groups with a learning rate multiplied by the scale, one group for each scale."""
    by_scale: dict[float, list[Tensor]] = {1.0: []}
    for name, parameter in model.named_parameters():
        by_scale.setdefault(scale_of(name, scales), []).append(parameter)
    return [
        {"params": parameters, "lr": learning_rate * scale}
        for scale, parameters in by_scale.items()
        if parameters
    ]


def scale_gradients(model: nn.Module, scales: Mapping[str, float]) -> list[RemovableHandle]:
    """Multiply gradients as they are computed, hence before they are clipped.

    Returns
    -------
    handles : list
        One for each parameter that is scaled; `handle.remove()` stops it.
    """
    return [
        parameter.register_hook(_Times(scale))
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (scale := scale_of(name, scales)) != 1.0
    ]


class _Times:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, gradient: Tensor) -> Tensor:
        return gradient * self.scale
