"""config.yml: what an experiment trains, on what terms, checked before any work starts."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment import legacy, legacy_task
from pyannote_ge2e.experiment.augmentations import AugmentationRecipe, parse_augmentation
from pyannote_ge2e.experiment.config_file import read_config
from pyannote_ge2e.experiment.extras import build_callbacks, parse_callbacks, parse_preprocessors
from pyannote_ge2e.experiment.merge import merge_configs
from pyannote_ge2e.experiment.optimizers import SGD_1X, OptimizerRecipe, parse_optimizer
from pyannote_ge2e.experiment.precomputed import Precomputed, is_precomputed, parse_precomputed
from pyannote_ge2e.experiment.resolve import architectures, resolve, tasks
from pyannote_ge2e.experiment.schedule import SchedulerRecipe, TrainingLength
from pyannote_ge2e.experiment.schedulers import parse_scheduler
from pyannote_ge2e.experiment.sections import Section, nearest, parse_section, problem
from pyannote_ge2e.experiment.stored_start import (
    check_frame_grid,
    check_no_waveforms,
    check_takes,
    filled_in,
    fitted_architecture,
)

if TYPE_CHECKING:
    from lightning.pytorch import Callback
    from pyannote.audio import Model
    from pyannote.database import Protocol

    from pyannote_ge2e.tasks import EmbeddingTask

__all__ = ["Experiment", "merge_configs", "read_config"]

SECTIONS = (
    "feature_extraction",
    "data_augmentation",
    "architecture",
    "task",
    "scheduler",
    "optimizer",
    "preprocessors",
    "callbacks",
    "freeze",
)

# Parameters of classes that are given by the experiment, not by their own section.
_GIVEN_TO_MODELS = ("self", "sample_rate", "num_channels", "task")
_GIVEN_TO_TASKS = (
    *("self", "protocol", "seed", "cache", "num_workers", "augmentation", "metric", "features"),
    "pack",
)

# A step number that no training reaches.
_NEVER = 2**62


class Experiment:
    """What config.yml asks for, resolved and checked: build it with `from_config`.

    Attributes
    ----------
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

    def __init__(
        self,
        config: dict[str, Any],
        *,
        sample_rate: int,
        stored: Precomputed | None = None,
        architecture: tuple[Section, type],
        task: tuple[Section, type],
        augmentation: AugmentationRecipe | None,
        optimizer: OptimizerRecipe,
        scheduler: SchedulerRecipe,
        preprocessors: dict[str, Callable | str],
        callbacks: list[tuple[Section, type]],
        freeze: list[str],
    ) -> None:
        self.config = config
        self.sample_rate = sample_rate
        self.stored = stored
        self.preprocessors = preprocessors
        self.freeze = freeze
        self.gradient_clip = optimizer.gradient_clip
        self.learning_rate = (
            scheduler.learning_rate or optimizer.learning_rate or optimizer.default_learning_rate
        )
        self._architecture, self._architecture_class = architecture
        self._task, self._task_class = task
        self._augmentation = augmentation
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._callbacks = callbacks

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
        source = source if source is not None and Path(source).is_file() else None
        config = {key: deepcopy(value) for key, value in config.items() if value is not None}
        for key in config:
            if key not in SECTIONS:
                raise problem(source, (key,), f"no section '{key}'; {nearest(key, SECTIONS)}")
        for key in ("architecture", "task"):
            if key not in config:
                raise problem(source, (), f"section '{key}:' is missing from config.yml.")

        task = parse_section(config["task"], ("task",), source)
        if legacy_task.is_from_1x(task):
            config.setdefault("optimizer", deepcopy(SGD_1X))
        config.setdefault("optimizer", {"name": "Adam"})
        config.setdefault(
            "feature_extraction", {"name": "RawAudio", "params": {"sample_rate": 16000}}
        )

        features = parse_section(config["feature_extraction"], ("feature_extraction",), source)
        architecture = _parse_architecture(config["architecture"], source)
        stored = None
        if is_precomputed(features.name):
            stored = parse_precomputed(features)
            architecture = fitted_architecture(*architecture, stored), architecture[1]
            config |= filled_in(config, stored, architecture[0])
        augmentation = config.get("data_augmentation")
        optimizer = parse_optimizer(config["optimizer"], source)
        scheduler = parse_scheduler(config.get("scheduler"), source)
        if None not in (optimizer.learning_rate, scheduler.learning_rate):
            raise optimizer.section.problem(
                "the learning rate stands in 'scheduler' too: keep that one.", "lr"
            )
        experiment = cls(
            config,
            sample_rate=legacy.sample_rate(features) if stored is None else stored.sample_rate,
            stored=stored,
            architecture=architecture,
            task=_parse_task(task),
            augmentation=parse_augmentation(augmentation, source) if augmentation else None,
            optimizer=optimizer,
            scheduler=scheduler,
            preprocessors=parse_preprocessors(config.get("preprocessors"), source),
            callbacks=parse_callbacks(config.get("callbacks"), source),
            freeze=_parse_freeze(config.get("freeze"), source),
        )
        experiment._rehearse()
        return experiment

    @property
    def architecture_name(self) -> str:
        """Name of the architecture's class."""
        return self._architecture_class.__name__

    @property
    def task_name(self) -> str:
        """Name of the task's class."""
        return self._task_class.__name__

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
        augmentation = self._augmentation.build(self.sample_rate) if self._augmentation else None
        try:
            task: EmbeddingTask = self._task_class(
                protocol,
                **self._task.params,
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
            if first.rstrip(":") in inspect.signature(self._task_class).parameters:
                raise self._task.problem(str(error), first.rstrip(":")) from error
            raise
        except (TypeError, ValueError) as error:
            raise self._task.problem(str(error)) from error
        return task

    def build_model(self, task: EmbeddingTask | None = None) -> Model:
        """Build the architecture, with fresh weights.

        Raises
        ------
        UserError
            If it refuses a value.
        """
        model: Model = self._architecture.build(
            self._architecture_class, sample_rate=self.sample_rate, task=task
        )
        return model

    def build_callbacks(self) -> list[Callback]:
        """Build the callbacks that the file asks for, and the one that keeps frozen modules so.

        Raises
        ------
        UserError
            If one of them refuses a value.
        """
        return build_callbacks(self._callbacks, self.freeze)

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
        for group in task.parameter_groups(model, self._optimizer.kind, self.learning_rate):
            trained = [parameter for parameter in group["params"] if parameter.requires_grad]
            if trained:
                groups.append({**group, "params": trained})
        optimizer = self._optimizer.build(groups, self.learning_rate)

        monitor = task.val_monitor[0] if task.trials is not None else "loss/train"
        schedule = self._scheduler.build(optimizer, lambda: _training_length(model), monitor)
        if schedule is None:
            return {"optimizer": optimizer}
        if isinstance(schedule["scheduler"], ReduceLROnPlateau):
            schedule["frequency"] = _NEVER
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _rehearse(self) -> None:
        """Build what costs nothing to build, so that values too are checked before work starts."""
        import torch

        with torch.random.fork_rng(devices=[]):
            model = self.build_model()
        check_takes(model, self._architecture, self.stored)
        self._check_duration(model)
        if self._augmentation is not None:
            self._augmentation.check_architecture(type(model))
            if self.stored is not None:
                check_no_waveforms(self._augmentation)
        if self._task.params.get("frame_grid"):
            check_frame_grid(self._task, model, self._augmentation)
        self.build_callbacks()
        groups = [{"params": [torch.nn.Parameter(torch.zeros(2, 2))], "lr": self.learning_rate}]
        optimizer = self._optimizer.build(groups, self.learning_rate)
        self._scheduler.build(optimizer, lambda: TrainingLength(100, 1000), "loss/train")

    def _check_duration(self, model: Model) -> None:
        """Check that the shortest training chunk is long enough for the model."""
        num_frames: Any = getattr(model, "num_frames", None)
        for name in ("min_duration", "duration"):
            duration = self._task.params.get(name)
            if num_frames is None or not isinstance(duration, (int, float)):
                continue
            if num_frames(round(duration * self.sample_rate)) < 1:
                raise self._task.problem(
                    f"'{name}: {duration}' (seconds) is too short for {self.architecture_name}.",
                    name,
                )


def _parse_architecture(value: Any, source: Path | None) -> tuple[Section, type]:
    from pyannote.audio import Model

    section = legacy.translate_architecture(parse_section(value, ("architecture",), source))
    found = resolve(section, architectures(), Model)
    for name, owner in (("sample_rate", "feature_extraction"), ("num_channels", None)):
        if name in section.params:
            way_out = f"set it in '{owner}:'" if owner else "models are mono: remove it"
            raise section.problem(f"'{name}' is not set here; {way_out}.", name)
    section.check(found, given=_GIVEN_TO_MODELS)
    return section, found


def _parse_task(section: Section) -> tuple[Section, type]:
    from pyannote_ge2e.tasks import EmbeddingTask

    section = legacy_task.translate_task(section)
    found = resolve(section, tasks(), EmbeddingTask)
    section = legacy_task.translate_task_params(section, found)
    also = (*legacy_task.TASK_SPELLINGS, "per_turn")
    section.check(found, given=_GIVEN_TO_TASKS, also=also)
    return section, found


def _parse_freeze(value: Any, source: Path | None) -> list[str]:
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise problem(source, ("freeze",), f"freeze: expected names of modules, found {value!r}.")
    return list(names)


def _training_length(model: Model) -> TrainingLength:
    """Steps in an epoch and in the whole training, from the model's trainer."""
    trainer = model.trainer
    total = trainer.estimated_stepping_batches  # this also makes Lightning count the batches
    finite = trainer.max_epochs is not None and trainer.max_epochs > 0
    return TrainingLength(int(trainer.num_training_batches), int(total) if finite else None)
