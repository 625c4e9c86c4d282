"""config.yml: what an experiment trains, on what terms, checked before any work starts."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config_file import read_config
from pyannote_ge2e.experiment.extras import build_callbacks
from pyannote_ge2e.experiment.merge import merge_configs
from pyannote_ge2e.experiment.recipe import Recipe, parse_recipe
from pyannote_ge2e.experiment.rehearsal import rehearse
from pyannote_ge2e.experiment.schedule import TrainingLength

if TYPE_CHECKING:
    from lightning.pytorch import Callback
    from pyannote.audio import Model
    from pyannote.database import Protocol

    from pyannote_ge2e.tasks import EmbeddingTask

__all__ = ["Experiment", "merge_configs", "read_config"]

# A step number that no training reaches.
_NEVER = 2**62


class Experiment:
    """What config.yml asks for, resolved and checked: build it with `from_config`.

    Attributes
    ----------
    recipe : Recipe
        Its sections.
    config : dict
        The configuration, defaults filled in, to be saved next to the weights.
    sample_rate : int
        In hertz.
    stored : Precomputed or None
        Features to start from, in place of audio.
    preprocessors : dict
        Further keys of protocol files, as pyannote.database understands them.
    freeze : list of str
        Modules that are not trained.
    gradient_clip : float
        Greatest L2 norm of the gradient; 0 for no limit.
    learning_rate : float
        The initial one.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.config = recipe.config
        self.sample_rate = recipe.sample_rate
        self.stored = recipe.stored
        self.preprocessors = recipe.preprocessors
        self.freeze = recipe.freeze
        optimizer = recipe.optimizer
        self.gradient_clip = optimizer.gradient_clip
        self.learning_rate = (
            recipe.scheduler.learning_rate
            or optimizer.learning_rate
            or optimizer.default_learning_rate
        )

    @classmethod
    def from_config(cls, config: dict[str, Any], source: Path | None = None) -> Experiment:
        """Resolve and check every section of a configuration.

        Parameters
        ----------
        config : dict
            Sections, as `read_config` or `merge_configs` give them.
        source : Path, optional
            The file they come from: error messages name it, and the line.

        Returns
        -------
        Experiment

        Raises
        ------
        UserError
            For an unknown section, class or parameter (the nearest valid one is named), a value
            that its class refuses, or one of pyannote.audio 1.x that version 4 cannot express.
        """
        experiment = cls(parse_recipe(config, source))
        rehearse(experiment)
        return experiment

    @property
    def architecture_name(self) -> str:
        """Name of the architecture's class."""
        return self.recipe.architecture.kind.__name__

    @property
    def task_name(self) -> str:
        """Name of the task's class."""
        return self.recipe.task.kind.__name__

    def build_task(
        self,
        protocol: Protocol,
        *,
        seed: int,
        num_workers: int,
        cache: Path | None,
        pack: Path | None = None,
    ) -> EmbeddingTask:
        """Build the task, and the augmentation of its training data.

        Parameters
        ----------
        protocol : Protocol
            What to learn from.
        seed : int
            Same seed, same batches.
        num_workers : int
            Processes that prepare them.
        cache : Path, optional
            Where the task keeps its index.
        pack : Path, optional
            Where the task reads its audio: see `emb pack`.

        Raises
        ------
        UserError
            If the task refuses a value, or the noise is not there.
        """
        recipe = self.recipe
        section, kind = recipe.task
        augmentation = recipe.augmentation.build(self.sample_rate) if recipe.augmentation else None
        try:
            task: EmbeddingTask = kind(
                protocol,
                **section.params,
                seed=seed,
                num_workers=num_workers,
                cache=cache,
                augmentation=augmentation,
                **({} if pack is None else {"pack": pack}),
                **({} if self.stored is None else {"features": self.stored.features}),
            )
        except UserError as error:
            # Either about a parameter, which it starts with, or about the protocol.
            first, *_ = str(error).split(" ", 1)
            if first.rstrip(":") in inspect.signature(kind).parameters:
                raise section.problem(str(error), first.rstrip(":")) from error
            raise
        except (TypeError, ValueError) as error:
            raise section.problem(str(error)) from error
        return task

    def build_model(self, task: EmbeddingTask | None = None) -> Model:
        """Build the architecture, with fresh weights.

        Raises
        ------
        UserError
            If it refuses a value.
        """
        section, kind = self.recipe.architecture
        model: Model = section.build(kind, sample_rate=self.sample_rate, task=task)
        return model

    def build_callbacks(self) -> list[Callback]:
        """Build the callbacks that the file asks for, and the one that keeps frozen modules so.

        Raises
        ------
        UserError
            If one of them refuses a value.
        """
        return build_callbacks(self.recipe.callbacks, self.freeze)

    def configure_optimizers(self, model: Model, task: EmbeddingTask) -> dict[str, Any]:
        """Build the optimiser and its schedule, as Lightning wants them.

        Parameters
        ----------
        model : Model
            Set up: its loss has its parameters. Those that need no gradient are left out.
        task : EmbeddingTask
            Its `parameter_groups` scale learning rates.

        Returns
        -------
        dict
            "optimizer", and "lr_scheduler" unless the rate is constant. ReduceLROnPlateau comes
            with a frequency that no run reaches: Lightning would step it after the epoch was
            saved, and a resumed run would lack that step. Whoever saves has to step it before.
        """
        from torch.optim.lr_scheduler import ReduceLROnPlateau

        groups = []
        for group in task.parameter_groups(model, self.recipe.optimizer.kind, self.learning_rate):
            trained = [parameter for parameter in group["params"] if parameter.requires_grad]
            if trained:
                groups.append({**group, "params": trained})
        optimizer = self.recipe.optimizer.build(groups, self.learning_rate)

        monitor = task.val_monitor[0] if task.trials is not None else "loss/train"
        schedule = self.recipe.scheduler.build(optimizer, lambda: _training_length(model), monitor)
        if schedule is None:
            return {"optimizer": optimizer}
        if isinstance(schedule["scheduler"], ReduceLROnPlateau):
            schedule["frequency"] = _NEVER
        return {"optimizer": optimizer, "lr_scheduler": schedule}


def _training_length(model: Model) -> TrainingLength:
    """Steps in an epoch and in the whole training, from the model's trainer."""
    trainer = model.trainer
    total = trainer.estimated_stepping_batches  # this also makes Lightning count the batches
    finite = trainer.max_epochs is not None and trainer.max_epochs > 0
    return TrainingLength(int(trainer.num_training_batches), int(total) if finite else None)
