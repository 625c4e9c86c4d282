"""The model at the start of a run: built, frozen in part, given weights that fit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pyannote.audio import Model

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import Experiment
from pyannote_ge2e.experiment.extras import modules_named
from pyannote_ge2e.experiment.pretrained import Pretrained
from pyannote_ge2e.tasks import EmbeddingTask


def build_model(experiment: Experiment, task: EmbeddingTask) -> Model:
    """Build the model to train, with its optimiser and with what is frozen.

    Raises
    ------
    UserError
        If `freeze` names a module that the model does not have.
    """
    model = experiment.build_model(task)
    for name in experiment.freeze:
        found = modules_named(model, name)
        if not found:
            known = ", ".join(child for child, _ in model.named_children())
            raise UserError(f"config.yml, freeze: the model has no '{name}'; it has {known}.")
        for module in found:
            module.requires_grad_(False)
    # As pyannote.audio's tutorials do: the recipe belongs to the experiment, not to the model.
    model.configure_optimizers = (  # type: ignore[method-assign]
        lambda: experiment.configure_optimizers(model, task)
    )
    return model


def start_from(model: Model, source: Pretrained) -> None:
    """Give a model the weights to fine-tune.

    Raises
    ------
    UserError
        If they are of another architecture.
    """
    if type(model) is not type(source.model):
        raise UserError(
            f"The pretrained weights are a {type(source.model).__name__} and config.yml asks "
            f"for a {type(model).__name__}: remove 'architecture' from config.yml."
        )
    _check_front_ends(model, source.model)
    try:
        model.load_state_dict(source.model.state_dict())
    except RuntimeError as error:
        raise UserError(
            "The pretrained weights do not fit the architecture in config.yml; remove "
            f"'architecture' from it. {' '.join(str(error).split())}"
        ) from error


def _check_front_ends(model: Model, source: Model) -> None:
    """Check that the network will hear what pretrained weights know.

    Another hop, or another rate, would fit them, or nearly, and mean something else.
    """
    stored = getattr(model.task, "features", None)
    asked = _front_end(model)
    for name, known in _front_end(source).items():
        found = asked.get(name, known)
        if _same(found, known, model.hparams["sample_rate"]):
            continue
        if stored is not None and name in _OF_STORED:
            raise UserError(
                f"The pretrained weights take log-mel energies whose {name} is {known:g}, and that "
                f"of those in '{stored.folder}' is {found:g}: store others with 'emb features', "
                "into another folder."
            )
        raise UserError(
            f"The pretrained weights were trained with '{name}: {known}', and config.yml asks for "
            f"'{name}: {found}': remove it."
        )


# What stored log-mel energies were made with; the rest is up to config.yml.
_OF_STORED = ("sample_rate", "num_mels", "window", "hop")


def _front_end(model: Model) -> dict[str, Any]:
    """Hyper-parameters of what comes before the layers that learn, by name."""
    found = {
        name: model.hparams[name] for name in ("sample_rate", "recipe") if name in model.hparams
    }
    second = model.hparams.get("second") or {}
    for block in ("mel", "sincnet", "sinc"):
        found.update(model.hparams.get(block) or {})
        found.update({f"second: {name}": each for name, each in (second.get(block) or {}).items()})
    return found


def _same(found: Any, known: Any, sample_rate: int) -> bool:
    if isinstance(found, float) and isinstance(known, (int, float)):
        # Windows and hops are whole numbers of samples.
        return math.isclose(found, known, abs_tol=0.5 / sample_rate)
    return bool(found == known)


def check_fit(model: Model, checkpoint: Path, config: Path) -> None:
    """Check that the weights a run goes on with are its own; Lightning would not name the files.

    Raises
    ------
    UserError
        If they do not fit.
    """
    try:
        model.load_state_dict(load_checkpoint(checkpoint)["state_dict"])
    except RuntimeError as error:
        raise UserError(
            f"'{checkpoint}' does not fit the architecture in '{config}': restore the one they "
            f"were trained with. {' '.join(str(error).split())}"
        ) from error
