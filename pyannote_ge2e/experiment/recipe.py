"""The sections of config.yml, resolved and checked one by one, before anything is built of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pyannote_ge2e.experiment import legacy, legacy_task
from pyannote_ge2e.experiment.augmentations import AugmentationRecipe, parse_augmentation
from pyannote_ge2e.experiment.extras import parse_callbacks, parse_preprocessors
from pyannote_ge2e.experiment.optimizers import SGD_1X, OptimizerRecipe, parse_optimizer
from pyannote_ge2e.experiment.precomputed import Precomputed, is_precomputed, parse_precomputed
from pyannote_ge2e.experiment.resolve import architectures, resolve, tasks
from pyannote_ge2e.experiment.schedule import SchedulerRecipe
from pyannote_ge2e.experiment.schedulers import parse_scheduler
from pyannote_ge2e.experiment.sections import Section, nearest, parse_section, problem
from pyannote_ge2e.experiment.stored_start import filled_in, fitted_architecture

__all__ = ["Chosen", "Recipe", "parse_recipe"]

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


class Chosen(NamedTuple):
    """A class that config.yml names, and the section that holds its parameters."""

    section: Section
    kind: type


@dataclass(frozen=True)
class Recipe:
    """What the sections of config.yml ask for.

    Attributes
    ----------
    config : dict
        The configuration, defaults filled in.
    sample_rate : int
        In hertz.
    stored : Precomputed or None
        Features to start from, in place of audio.
    architecture, task : Chosen
    augmentation : AugmentationRecipe or None
    optimizer : OptimizerRecipe
    scheduler : SchedulerRecipe
    preprocessors : dict
        Further keys of protocol files, as pyannote.database understands them.
    callbacks : list of (Section, type)
    freeze : list of str
        Modules that are not trained.
    """

    config: dict[str, Any]
    sample_rate: int
    stored: Precomputed | None
    architecture: Chosen
    task: Chosen
    augmentation: AugmentationRecipe | None
    optimizer: OptimizerRecipe
    scheduler: SchedulerRecipe
    preprocessors: dict[str, Callable | str]
    callbacks: list[tuple[Section, type]]
    freeze: list[str]


def parse_recipe(config: dict[str, Any], source: Path | None = None) -> Recipe:
    """Resolve and check every section of a configuration.

    Parameters
    ----------
    config : dict
        Sections, by name.
    source : Path, optional
        The file they come from: error messages name it, and the line.

    Returns
    -------
    Recipe

    Raises
    ------
    UserError
        For an unknown section, class or parameter (the nearest valid one is named), or one of
        pyannote.audio 1.x that version 4 cannot express.
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
    config.setdefault("feature_extraction", {"name": "RawAudio", "params": {"sample_rate": 16000}})

    features = parse_section(config["feature_extraction"], ("feature_extraction",), source)
    architecture = _parse_architecture(config["architecture"], source)
    stored = None
    if is_precomputed(features.name):
        stored = parse_precomputed(features)
        architecture = Chosen(fitted_architecture(*architecture, stored), architecture.kind)
        config |= filled_in(config, stored, architecture.section)
    augmentation = config.get("data_augmentation")
    optimizer = parse_optimizer(config["optimizer"], source)
    scheduler = parse_scheduler(config.get("scheduler"), source)
    if None not in (optimizer.learning_rate, scheduler.learning_rate):
        raise optimizer.section.problem(
            "the learning rate stands in 'scheduler' too: keep that one.", "lr"
        )
    return Recipe(
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


def _parse_architecture(value: Any, source: Path | None) -> Chosen:
    from pyannote.audio import Model

    section = legacy.translate_architecture(parse_section(value, ("architecture",), source))
    found = resolve(section, architectures(), Model)
    for name, owner in (("sample_rate", "feature_extraction"), ("num_channels", None)):
        if name in section.params:
            way_out = f"set it in '{owner}:'" if owner else "models are mono: remove it"
            raise section.problem(f"'{name}' is not set here; {way_out}.", name)
    section.check(found, given=_GIVEN_TO_MODELS)
    return Chosen(section, found)


def _parse_task(section: Section) -> Chosen:
    from pyannote_ge2e.tasks import EmbeddingTask

    section = legacy_task.translate_task(section)
    found = resolve(section, tasks(), EmbeddingTask)
    section = legacy_task.translate_task_params(section, found)
    also = (*legacy_task.TASK_SPELLINGS, "per_turn")
    section.check(found, given=_GIVEN_TO_TASKS, also=also)
    return Chosen(section, found)


def _parse_freeze(value: Any, source: Path | None) -> list[str]:
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise problem(source, ("freeze",), f"freeze: expected names of modules, found {value!r}.")
    return list(names)
