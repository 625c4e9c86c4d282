"""The `scheduler` section: the learning rate, and how it changes.

Three schedules have names of their own, can start with a linear warm-up, and are written as a
factor of the initial rate, so that resuming gives the same rate to the last bit:

- `Constant` (`ConstantScheduler` in pyannote.audio 1.x);
- `Halving`, `every` so many epochs or `every_steps` so many steps (the GE2E paper halves every
  30 million steps);
- `Step`, which multiplies by `gamma` likewise.

Everything in torch.optim.lr_scheduler can be named as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyannote_ge2e.experiment.legacy import last_word
from pyannote_ge2e.experiment.optimizers import check_rate
from pyannote_ge2e.experiment.resolve import resolve, schedulers
from pyannote_ge2e.experiment.schedule import CYCLES, SchedulerRecipe
from pyannote_ge2e.experiment.sections import Section, nearest, parse_section

_STAIRS = {
    "Constant": (),
    "ConstantScheduler": (),
    "Halving": ("every", "every_steps"),
    "Step": ("every", "every_steps", "step_size", "gamma"),
}
_WARMUP = ("warmup_steps", "warmup_epochs")


def parse_scheduler(value: Any, source: Path | None = None) -> SchedulerRecipe:
    """Read a `scheduler` section.

    Parameters
    ----------
    value : dict, str or None
        `{name, params}`; Constant when there is none.
    source : Path, optional
        The file, for error messages.

    Raises
    ------
    UserError
        For an unknown schedule or parameter.

    Examples
    --------
    >>> recipe = parse_scheduler({"name": "Halving", "params": {"learning_rate": 0.01, "every": 5}})
    >>> recipe.learning_rate, recipe.section.params
    (0.01, {'every': 5})
    """
    section = parse_section(value if value is not None else {}, ("scheduler",), source, "Constant")
    name = last_word(section.name)
    params = dict(section.params)
    rate = params.pop("learning_rate", None)
    if rate is not None:
        rate = check_rate(section, "learning_rate", rate)
    warmup = {key: _count(section, key, params.pop(key)) for key in _WARMUP if key in params}
    if len(warmup) > 1:
        raise section.problem("give 'warmup_steps' or 'warmup_epochs', not both.", "warmup_steps")

    if name in ("DavisKingScheduler", "CyclicScheduler"):
        instead = "ReduceLROnPlateau" if name == "DavisKingScheduler" else "CyclicLR"
        raise section.problem(f"this schedule of pyannote.audio 1.x is gone; use {instead}.")
    if name in _STAIRS:
        return _parse_stairs(section.with_params(params, name=name), rate, warmup)
    return _parse_torch(section.with_params(params), rate, warmup)


def _parse_stairs(
    section: Section, rate: float | None, warmup: Mapping[str, int]
) -> SchedulerRecipe:
    known = _STAIRS[section.name]
    params = dict(section.params)
    for key in params:
        if key not in known:
            hint = nearest(key, ["learning_rate", *_WARMUP, *known])
            raise section.problem(f"no parameter '{key}'; {hint}", key)
    lengths = [key for key in ("every", "every_steps", "step_size") if key in params]
    if known and len(lengths) != 1:
        raise section.problem("give 'every' (epochs) or 'every_steps' (steps): one of the two.")
    for key in lengths:
        _count(section, key, params[key])
    if section.name == "Step":
        params.setdefault("gamma", 0.1)
        gamma = params["gamma"]
        if isinstance(gamma, bool) or not isinstance(gamma, (int, float)) or gamma <= 0:
            raise section.problem(f"'gamma' should be a positive number, not {gamma!r}.", "gamma")
    return SchedulerRecipe(section.with_params(params), None, rate, warmup)


def _parse_torch(
    section: Section, rate: float | None, warmup: Mapping[str, int]
) -> SchedulerRecipe:
    from torch.optim.lr_scheduler import LRScheduler

    own = dict.fromkeys(_STAIRS, LRScheduler)
    kind = resolve(section, {**own, **schedulers()}, LRScheduler)
    name = kind.__name__

    params = dict(section.params)
    interval = params.pop("interval", "step" if name in CYCLES else "epoch")
    if interval not in ("step", "epoch"):
        raise section.problem(f"'interval' is 'step' or 'epoch', not {interval!r}.", "interval")
    monitor = params.pop("monitor", None) if name == "ReduceLROnPlateau" else None

    section = section.with_params(params)
    filled = {"OneCycleLR": ("max_lr",), "CyclicLR": ("base_lr",)}.get(name, ())
    for key in filled:
        if key not in params and rate is None:
            raise section.problem(f"give 'learning_rate' or '{key}'.")
    complete = section.with_params({**dict.fromkeys(filled, rate), **params})
    also = ("learning_rate", "interval", "monitor", *_WARMUP)
    complete.check(kind, given=("optimizer", "last_epoch"), also=also)

    if warmup and name in (*CYCLES, "ReduceLROnPlateau"):
        raise section.problem("this schedule takes no warm-up.", *list(warmup)[:1])
    if "warmup_steps" in warmup and interval == "epoch":
        raise section.problem(
            "it counts epochs: use 'warmup_epochs', or add 'interval: step'.", "warmup_steps"
        )
    if rate is None and filled and isinstance(params.get(filled[0]), (int, float)):
        rate = float(params[filled[0]])
    return SchedulerRecipe(section, kind, rate, warmup, interval, monitor)


def _count(section: Section, name: str, value: Any) -> int:
    """`value` as a whole positive number, or an error that says it should be one."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise section.problem(f"'{name}' should be a whole positive number, not {value!r}.", name)
    return value
