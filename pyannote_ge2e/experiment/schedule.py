"""How the learning rate changes: our staircase with a warm-up, or a schedule of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.experiment.sections import Section

if TYPE_CHECKING:
    from torch.optim import Optimizer

# Schedules that torch counts in steps, and that rise before they fall: no warm-up on top.
CYCLES = ("OneCycleLR", "CyclicLR")


@dataclass(frozen=True)
class TrainingLength:
    """How long training is: what turns epochs into steps.

    Parameters
    ----------
    steps_per_epoch : int
        Optimiser steps in one epoch.
    total_steps : int, optional
        Optimiser steps until the last epoch; None when there is no last epoch.
    """

    steps_per_epoch: int
    total_steps: int | None = None


class Stairs:
    """Factor of the initial learning rate: a linear rise, and a staircase down.

    Parameters
    ----------
    warmup : int
        The factor grows linearly from 1 / `warmup` to 1 over so many ticks (steps or epochs).
    every : int
        A stair is so many ticks long; 0 for none.
    gamma : float
        Each stair is this times the last one.

    Examples
    --------
    >>> stairs = Stairs(warmup=2, every=4, gamma=0.5)
    >>> [stairs(tick) for tick in range(9)]
    [0.5, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]
    """

    def __init__(self, warmup: int = 0, every: int = 0, gamma: float = 0.5) -> None:
        self.warmup = warmup
        self.every = every
        self.gamma = gamma

    def __call__(self, tick: int) -> float:
        rise = min(1.0, (tick + 1) / self.warmup) if self.warmup else 1.0
        stair: float = self.gamma ** (tick // self.every) if self.every else 1.0
        return rise * stair


@dataclass(frozen=True)
class SchedulerRecipe:
    """A schedule, checked, not built yet.

    Parameters
    ----------
    section : Section
        Name and parameters of the schedule itself.
    kind : type or None
        A class of torch.optim.lr_scheduler; None for our own stairs.
    learning_rate : float, optional
        The initial rate, if given.
    warmup : dict
        `warmup_steps` or `warmup_epochs`, if given.
    interval : str
        "epoch" or "step": what a torch schedule counts.
    monitor : str, optional
        What ReduceLROnPlateau watches, if given.
    """

    section: Section
    kind: type | None
    learning_rate: float | None
    warmup: Mapping[str, int]
    interval: str = "epoch"
    monitor: str | None = None

    def build(
        self, optimizer: Optimizer, length: Callable[[], TrainingLength], monitor: str
    ) -> dict[str, Any] | None:
        """Build the schedule of an optimiser whose groups have their initial rates.

        Parameters
        ----------
        optimizer : Optimizer
            With one "lr" a group.
        length : callable
            Called when epochs must be turned into steps, and only then.
        monitor : str
            What ReduceLROnPlateau watches unless the file says otherwise.

        Returns
        -------
        dict or None
            Lightning's `lr_scheduler`: "scheduler", "interval", "frequency", and "monitor" for
            ReduceLROnPlateau. None when the rate is constant.

        Raises
        ------
        UserError
            For values that the schedule refuses.
        """
        if self.kind is None:
            return self._stairs(optimizer, length)
        return self._torch(optimizer, length, self.monitor or monitor)

    def _stairs(
        self, optimizer: Optimizer, length: Callable[[], TrainingLength]
    ) -> dict[str, Any] | None:
        from torch.optim.lr_scheduler import LambdaLR

        params = self.section.params
        epochs = int(params.get("every", params.get("step_size", 0)))
        steps = int(params.get("every_steps", 0))
        warmup_epochs = int(self.warmup.get("warmup_epochs", 0))
        warmup_steps = int(self.warmup.get("warmup_steps", 0))
        if not (epochs or steps or warmup_epochs or warmup_steps):
            return None

        interval = "epoch"
        every, warmup = epochs, 0
        if steps or warmup_steps or warmup_epochs:
            interval = "step"
            epoch = length().steps_per_epoch if epochs or warmup_epochs else 0
            every = steps + epochs * epoch
            warmup = warmup_steps + warmup_epochs * epoch
        factor = Stairs(warmup, every, float(params.get("gamma", 0.5)))
        return {"scheduler": LambdaLR(optimizer, factor), "interval": interval, "frequency": 1}

    def _torch(
        self, optimizer: Optimizer, length: Callable[[], TrainingLength], monitor: str
    ) -> dict[str, Any]:
        assert self.kind is not None
        name = self.kind.__name__
        params: dict[str, Any] = {}
        if name in CYCLES:
            params = self._cycle_rates(optimizer)
        if name == "OneCycleLR":
            params.update(self._cycle_length(length))
        scheduler = self.section.build(self.kind, optimizer, **params)
        if self.warmup:
            scheduler = self._after_warmup(optimizer, scheduler, length)

        built = {"scheduler": scheduler, "interval": self.interval, "frequency": 1}
        if name == "ReduceLROnPlateau":
            built["monitor"] = monitor
        return built

    def _cycle_rates(self, optimizer: Optimizer) -> dict[str, list[float]]:
        """Rates of a cycle, group by group: torch would give every group the same."""
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        initial = self.learning_rate
        peaks = {
            name: [float(value) * rate / initial for rate in rates] if initial else rates
            for name in ("base_lr", "max_lr")
            if isinstance(value := self.section.params.get(name), (int, float))
        }
        own = "max_lr" if self.kind and self.kind.__name__ == "OneCycleLR" else "base_lr"
        return {own: rates, **peaks}

    def _cycle_length(self, length: Callable[[], TrainingLength]) -> dict[str, int]:
        """Length of the one cycle: the whole training unless the file says otherwise."""
        params = self.section.params
        if "total_steps" in params or {"epochs", "steps_per_epoch"} <= params.keys():
            return {}
        known = length()
        if "epochs" in params:
            return {"steps_per_epoch": known.steps_per_epoch}
        if known.total_steps is None:
            raise self.section.problem("'epochs' is missing: training has no last epoch.")
        return {"total_steps": known.total_steps}

    def _after_warmup(
        self, optimizer: Optimizer, scheduler: Any, length: Callable[[], TrainingLength]
    ) -> Any:
        from torch.optim.lr_scheduler import LinearLR, SequentialLR

        ticks = int(self.warmup.get("warmup_steps", self.warmup.get("warmup_epochs", 0)))
        if "warmup_epochs" in self.warmup and self.interval == "step":
            ticks *= length().steps_per_epoch
        rise = LinearLR(optimizer, start_factor=1 / (ticks + 1), total_iters=ticks)
        return SequentialLR(optimizer, [rise, scheduler], milestones=[ticks])
