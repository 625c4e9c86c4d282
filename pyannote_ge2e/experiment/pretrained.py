"""Weights to start from: a file, a hub name, a repository's entry, a Hugging Face model."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import UnknownSpecificationsError

from pyannote_ge2e.architectures.loading import build_model, load_checkpoint
from pyannote_ge2e.architectures.recipes import RECIPES
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.hugging_face import from_hugging_face
from pyannote_ge2e.hub import PRETRAINED, weights_of
from pyannote_ge2e.interop.public import import_public, resemblyzer_weights

_LOSS_PREFIX = "loss_func."


@dataclass(frozen=True)
class Pretrained:
    """A model to start from, and what its training left beside it.

    Attributes
    ----------
    model : Model
        In evaluation mode, on the CPU.
    config : dict
        Configuration of the experiment it comes from; for a model trained elsewhere, its
        architecture and sample rate, and GE2E with chunks as long as those it was trained on.
    loss : dict of str to Tensor
        The loss's own parameters (GE2E's w and b), by name in the loss.
    """

    model: Model
    config: dict[str, Any]
    loss: dict[str, torch.Tensor] = field(default_factory=dict)


def load_pretrained(name: str, option: str = "--pretrained") -> Pretrained:
    """Load weights to fine-tune, or to evaluate.

    Parameters
    ----------
    name : str
        An existing file; one of our own names, such as ``ge2e``; ``resemblyzer``, for the weights
        of that package; ``owner/repository:entry`` for torch.hub; or ``owner/name`` on the Hugging
        Face hub.
    option : str
        What errors call it.

    Returns
    -------
    pretrained : Pretrained

    Raises
    ------
    UserError
        If `name` is none of these, or cannot be loaded.
    """
    if Path(name).expanduser().is_file():
        return _from_file(Path(name).expanduser())
    if name in PRETRAINED:
        return _from_file(weights_of(name))
    if name == "resemblyzer":
        imported = import_public(resemblyzer_weights())
        return Pretrained(imported.model, _config_of(imported.model), imported.loss)
    if name in RECIPES:
        raise UserError(
            f"{option} '{name}': weights of {RECIPES[name].project} are not distributed with this "
            "package; 'pyannote-ge2e emb import CHECKPOINT' makes a file to give here of theirs."
        )
    if name and Path(name).expanduser().is_dir():
        raise UserError(f"{option}: '{name}' is a folder; give a file of weights.")
    if Path(name).suffix in (".pt", ".bin", ".ckpt"):
        raise UserError(f"{option}: there is no file '{name}'.")
    if re.fullmatch(r"[\w.-]+/[\w.-]+(:[\w.-]+)?:\w+", name):
        repository, _, entry = name.rpartition(":")
        return _from_model(
            _try(name, option, lambda: torch.hub.load(repository, entry, trust_repo=True))
        )
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return _from_model(_try(name, option, lambda: from_hugging_face(name)))
    raise UserError(
        f"{option} '{name}' is neither an existing file, nor one of our names "
        f"({', '.join(PRETRAINED)}, resemblyzer), nor 'owner/repository:entry' (torch.hub), nor "
        "'owner/name' (Hugging Face)."
    )


def _from_file(path: Path) -> Pretrained:
    checkpoint = load_checkpoint(path)
    model = build_model(checkpoint, path)
    entry = checkpoint["pyannote.audio"]
    config = entry.get("config") or _config_of(model)
    loss = {
        key.removeprefix(_LOSS_PREFIX): value
        for key, value in entry.get("loss", {}).items()
        if key.startswith(_LOSS_PREFIX)
    }
    return Pretrained(model, config, loss)


def _try(name: str, option: str, load: Any) -> Model:
    try:
        model = load()
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise UserError(f"{option} '{name}' could not be loaded: {reason}") from error
    if not isinstance(model, Model):
        raise UserError(f"{option} '{name}' did not give a pyannote.audio model.")
    return model


def _from_model(model: Model) -> Pretrained:
    return Pretrained(model.eval(), _config_of(model))


def _config_of(model: Model) -> dict[str, Any]:
    """Configuration that goes on training a model that was trained elsewhere."""
    params = {key: value for key, value in model.hparams.items() if key != "task"}
    sample_rate = params.pop("sample_rate", None)
    params.pop("num_channels", None)
    name = f"{type(model).__module__}.{type(model).__qualname__}"
    config: dict[str, Any] = {"architecture": {"name": name, "params": params}}
    if sample_rate is not None and getattr(model, "takes_waveforms", True):
        config["feature_extraction"] = {"name": "RawAudio", "params": {"sample_rate": sample_rate}}
    config["task"] = {"name": "GE2E", "params": {}}
    with suppress(UnknownSpecificationsError):  # a model that was never trained has none
        config["task"]["params"]["duration"] = float(next(iter(model.specifications)).duration)
    return config
