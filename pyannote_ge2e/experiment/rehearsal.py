"""A rehearsal of training: what costs nothing to build is built, so that values are checked too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyannote_ge2e.experiment.schedule import TrainingLength
from pyannote_ge2e.experiment.stored_start import (
    check_frame_grid,
    check_no_waveforms,
    check_takes,
)

if TYPE_CHECKING:
    from pyannote.audio import Model

    from pyannote_ge2e.experiment.config import Experiment
    from pyannote_ge2e.experiment.recipe import Recipe

__all__ = ["rehearse"]


def rehearse(experiment: Experiment) -> None:
    """Build what training will, and check that the parts go together.

    Parameters
    ----------
    experiment : Experiment

    Raises
    ------
    UserError
        For a value that its class refuses, and for parts that contradict each other.
    """
    import torch

    recipe = experiment.recipe
    with torch.random.fork_rng(devices=[]):
        model = experiment.build_model()
    check_takes(model, recipe.architecture.section, recipe.stored)
    _check_duration(recipe, model)
    if recipe.augmentation is not None:
        recipe.augmentation.check_architecture(type(model))
        if recipe.stored is not None:
            check_no_waveforms(recipe.augmentation)
    if recipe.task.section.params.get("frame_grid"):
        check_frame_grid(recipe.task.section, model, recipe.augmentation)
    experiment.build_callbacks()
    rate = experiment.learning_rate
    groups = [{"params": [torch.nn.Parameter(torch.zeros(2, 2))], "lr": rate}]
    optimizer = recipe.optimizer.build(groups, rate)
    recipe.scheduler.build(optimizer, lambda: TrainingLength(100, 1000), "loss/train")


def _check_duration(recipe: Recipe, model: Model) -> None:
    """Check that the shortest training chunk is long enough for the model."""
    num_frames: Any = getattr(model, "num_frames", None)
    for name in ("min_duration", "duration"):
        duration = recipe.task.section.params.get(name)
        if num_frames is None or not isinstance(duration, (int, float)):
            continue
        size = round(duration * recipe.sample_rate)
        networks = getattr(model, "networks", [model])
        if min(network.num_frames(size) for network in networks) < 1:
            architecture = recipe.architecture.kind.__name__
            raise recipe.task.section.problem(
                f"'{name}: {duration}' (seconds) is too short for {architecture}.", name
            )
