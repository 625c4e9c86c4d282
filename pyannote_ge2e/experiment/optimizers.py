"""The `optimizer` section: anything in torch.optim, and where gradients are clipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.experiment.resolve import optimizers, resolve
from pyannote_ge2e.experiment.sections import Section, parse_section

if TYPE_CHECKING:
    from torch.optim import Optimizer

# Gradients are clipped at this L2 norm unless told otherwise (arXiv 1710.10467, section 3.1).
GRADIENT_CLIP = 3.0

# The optimiser of pyannote.audio 1.x, for experiments written for it.
SGD_1X = {"name": "SGD", "params": {"momentum": 0.9, "nesterov": True}}

_LEARNING_RATES = ("lr", "learning_rate")


@dataclass(frozen=True)
class OptimizerRecipe:
    """An optimiser, checked, not built yet.

    Parameters
    ----------
    section : Section
        Name and parameters, without the learning rate.
    kind : type
        The class in torch.optim.
    gradient_clip : float
        Greatest L2 norm of the gradient; 0 for no limit.
    learning_rate : float, optional
        When this section gives it; `scheduler` usually does.
    """

    section: Section
    kind: type
    gradient_clip: float
    learning_rate: float | None

    @property
    def default_learning_rate(self) -> float:
        """0.01 for plain gradient descent, as in the GE2E paper; 0.001 for adaptive steps."""
        return 0.01 if self.kind.__name__ in ("SGD", "ASGD") else 0.001

    def build(self, groups: Iterable[dict[str, Any]], learning_rate: float) -> Optimizer:
        """Build the optimiser.

        Parameters
        ----------
        groups : iterable of dict
            Parameter groups, each with its own "lr" if it differs.
        learning_rate : float
            For groups that have none.

        Raises
        ------
        UserError
            For values that the optimiser refuses.
        """
        optimizer: Optimizer = self.section.build(self.kind, list(groups), lr=learning_rate)
        return optimizer


def parse_optimizer(value: Any, source: Path | None = None) -> OptimizerRecipe:
    """Read an `optimizer` section.

    Parameters
    ----------
    value : dict, str or None
        `{name, params}`; Adam when there is none. `params` are those of the class in torch.optim,
        plus `gradient_clip`.
    source : Path, optional
        The file, for error messages.

    Raises
    ------
    UserError
        For an unknown optimiser or parameter.

    Examples
    --------
    >>> recipe = parse_optimizer({"name": "SGD", "params": {"momentum": 0.9, "gradient_clip": 5}})
    >>> recipe.kind.__name__, recipe.section.params, recipe.gradient_clip
    ('SGD', {'momentum': 0.9}, 5.0)
    """
    from torch.optim import Optimizer

    section = parse_section(value if value is not None else {}, ("optimizer",), source, "Adam")
    kind = resolve(section, optimizers(), Optimizer)

    params = dict(section.params)
    clip = params.pop("gradient_clip", GRADIENT_CLIP)
    if clip is None:
        clip = 0.0
    if isinstance(clip, bool) or not isinstance(clip, (int, float)) or clip < 0:
        raise section.problem(
            f"'gradient_clip' should be a number, or 0 for no limit, not {clip!r}.", "gradient_clip"
        )

    given = [name for name in _LEARNING_RATES if name in params]
    if len(given) > 1:
        raise section.problem("'lr' and 'learning_rate' say the same thing: keep one.", "lr")
    rate = check_rate(section, given[0], params.pop(given[0])) if given else None

    section = section.with_params(params)
    section.check(kind, given=("params", "self"), also=("gradient_clip", "learning_rate"))
    return OptimizerRecipe(section, kind, float(clip), rate)


def check_rate(section: Section, name: str, rate: Any) -> float:
    """A learning rate as a positive number.

    Raises
    ------
    UserError
        If it is not one; `auto`, the search of 1.x, among them.
    """
    if rate == "auto":
        message = f"'{name}: auto' of pyannote.audio 1.x is gone; give a number such as 0.01."
        raise section.problem(message, name)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or rate <= 0:
        raise section.problem(f"'{name}' should be a positive number, not {rate!r}.", name)
    return float(rate)
