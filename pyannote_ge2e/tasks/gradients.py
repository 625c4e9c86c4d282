"""Gradient scales: some parameters learn more slowly (arXiv 1710.10467, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from pyannote_ge2e.errors import UserError

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


class GradientScales:
    """Scales for the gradients of some parameters.

    Parameters
    ----------
    scales : mapping of str to float
        Factor by pattern (`fnmatch`) of parameter names; the first that matches counts.
    strict : bool
        Whether a pattern that matches nothing is an error.
    """

    def __init__(self, scales: Mapping[str, float], strict: bool = False) -> None:
        self.scales = dict(scales)
        self.strict = strict
        self._handles: list[RemovableHandle] = []

    def groups(
        self, model: nn.Module, optimizer_class: type[Optimizer], learning_rate: float
    ) -> list[dict[str, Any]]:
        """Parameter groups in which some parameters learn more slowly.

        For an optimiser whose steps do not depend on the gradient's scale (Adam...), the learning
        rate is scaled. For others gradients are, as they are computed, hence before Lightning
        clips them.

        Parameters
        ----------
        model : Module
        optimizer_class : type
        learning_rate : float

        Returns
        -------
        groups : list of dict
            `params` and `lr`.

        Raises
        ------
        UserError
            If a pattern matches no parameter.

        Examples
        --------
        >>> import torch
        >>> scales = GradientScales({"bias": 0.1})
        >>> [group["lr"] for group in scales.groups(nn.Linear(2, 2), torch.optim.Adam, 1.0)]
        [1.0, 0.1]
        >>> [group["lr"] for group in scales.groups(nn.Linear(2, 2), torch.optim.SGD, 1.0)]
        [1.0]
        """
        if self.strict:
            self._check(model)
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if not is_scale_invariant(optimizer_class):
            self._handles = [
                parameter.register_hook(_Times(scale))
                for name, parameter in model.named_parameters()
                if parameter.requires_grad and (scale := scale_of(name, self.scales)) != 1.0
            ]
            return [{"params": list(model.parameters()), "lr": learning_rate}]
        by_scale: dict[float, list[Tensor]] = {1.0: []}
        for name, parameter in model.named_parameters():
            by_scale.setdefault(scale_of(name, self.scales), []).append(parameter)
        return [
            {"params": parameters, "lr": learning_rate * scale}
            for scale, parameters in by_scale.items()
            if parameters
        ]

    def _check(self, model: nn.Module) -> None:
        names = [name for name, _ in model.named_parameters()]
        for pattern in self.scales:
            if not any(fnmatchcase(name, pattern) for name in names):
                modules = sorted({name.split(".")[0] + ".*" for name in names})
                raise UserError(
                    f"gradient_scale: '{pattern}' matches no parameter; try {', '.join(modules)}."
                )


class _Times:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, gradient: Tensor) -> Tensor:
        return gradient * self.scale
