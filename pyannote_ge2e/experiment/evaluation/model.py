"""What to evaluate: a validated or trained run, a file of weights, or the name of a model."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem

from pyannote_ge2e.architectures.loading import build_model, load_checkpoint
from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.layout import TrainFolder, ValidateFolder, read_yaml
from pyannote_ge2e.experiment.pretrained import load_pretrained
from pyannote_ge2e.hub import PRETRAINED, weights_of

# What the weights in a folder for the Hugging Face hub are called.
PUBLISHED = "pytorch_model.bin"

Epoch = int | Literal["last"] | None


@dataclass(frozen=True)
class EvaluatedModel:
    """A model, and what its evaluation needs to know of it.

    Attributes
    ----------
    name : str
        What it was called on the command line.
    model : Model
        In evaluation mode, on the CPU.
    digest : str
        SHA-256 of the file of weights; of the weights themselves where there is no file.
    epoch : int or None
        None outside a training run.
    home : Path
        Figures go to `<home>/<protocol>.<subset>`, and in there to a folder for each epoch.
    trained_on : (protocol, subset) or None
        None when nothing tells.
    weights : Path or None
        The file, where there is one.
    config : mapping or None
        Configuration of the run, as it was saved.
    root : Path or None
        Folder of the run.
    """

    name: str
    model: Model
    digest: str
    epoch: int | None
    home: Path
    trained_on: tuple[str, Subset] | None
    weights: Path | None = None
    config: Mapping[str, Any] | None = None
    root: Path | None = None

    def folder(self, protocol: str, subset: str) -> Path:
        """Where the figures go."""
        folder = self.home / f"{protocol}.{subset}"
        return folder if self.epoch is None else folder / f"{self.epoch:04d}"


def find_model(what: str, epoch: Epoch = None, option: str = "WHAT") -> EvaluatedModel:
    """Load the model that the first argument of `emb evaluate` means.

    Parameters
    ----------
    what : str
        A validation folder (its best epoch), a training folder (its last), a folder of `emb
        publish`, a checkpoint, a name of our hub, `owner/repository:entry` (torch.hub),
        `owner/name` (Hugging Face).
    epoch : int or "last", optional
        Another epoch of a folder.
    option : str
        What errors call the word.

    Returns
    -------
    evaluated : EvaluatedModel

    Raises
    ------
    UserError
        If it is none of these, cannot be loaded, or does not embed speech.
    """
    if not what:
        raise UserError(f"{option} is empty: give the name of a model, or its file.")
    path = Path(what).expanduser()
    published = path / PUBLISHED
    if published.is_file() and epoch is None and what not in PRETRAINED:
        found = _of_file(what, published, Path("evaluate", path.resolve().name), None)
    elif path.is_dir() and what not in PRETRAINED:
        run, number = _of_folder(path, epoch)
        found = _of_file(what, run.weights_of(number), path / "evaluate", number)
    elif epoch is not None:
        raise UserError(
            f"--epoch {epoch} chooses among the weights of a folder, and '{what}' is none: "
            "leave --epoch out."
        )
    elif path.is_file():
        found = _of_file(what, path, *_place(path))
    elif what in PRETRAINED:
        found = _of_file(what, weights_of(what), Path("evaluate", what), None)
    else:
        model = load_pretrained(what, option).model
        home = Path("evaluate", re.sub(r"[/:]", "-", what))
        found = EvaluatedModel(what, model, digest_of(model), None, home, None)
    _check(found)
    return found


def _of_folder(path: Path, epoch: Epoch) -> tuple[TrainFolder, int]:
    """Run and epoch that a folder means."""
    # In whole: of '.', neither its name nor what it lies in can be told.
    validated = ValidateFolder(Path(os.path.abspath(path)))
    if validated.params.is_file() or validated.path.parent.name == "validate_equal_error_rate":
        run = TrainFolder.existing(_from_here(validated.run.path))
        number = validated.best_epoch() if epoch is None else epoch
    else:
        run = TrainFolder.existing(path)
        number = "last" if epoch is None else epoch
    epochs = run.epochs()
    if number == "last":
        number = epochs[-1]
    if number not in epochs:
        raise UserError(
            f"'{run.weights}' does not hold epoch {number}: it has {len(epochs)}, "
            f"from {epochs[0]} to {epochs[-1]}."
        )
    return run, number


def _place(path: Path) -> tuple[Path, int | None]:
    """Folder for the figures of a file of weights, and its epoch, if it is part of a run."""
    run = _run_of(path)
    if run is None:
        return Path("evaluate", path.stem), None
    return run.path / "evaluate", int(path.stem)


def _run_of(path: Path) -> TrainFolder | None:
    """Training run that a file of weights is part of, by where it lies."""
    whole = Path(os.path.abspath(path))
    if whole.parent.name != "weights" or not re.fullmatch(r"[0-9]{4,}\.pt", whole.name):
        return None
    return TrainFolder(_from_here(whole.parent.parent))


def _from_here(path: Path) -> Path:
    """Path from the current folder on, if it is in there."""
    whole, here = Path(os.path.abspath(path)), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def _of_file(what: str, path: Path, home: Path, epoch: int | None) -> EvaluatedModel:
    checkpoint = load_checkpoint(path)
    run = _run_of(path)
    return EvaluatedModel(
        what,
        build_model(checkpoint, path),
        hashlib.sha256(path.read_bytes()).hexdigest(),
        epoch,
        home,
        _trained_on(run, checkpoint),
        path,
        _config(run, checkpoint),
        None if run is None else run.path,
    )


def _config(run: TrainFolder | None, checkpoint: Mapping[str, Any]) -> Mapping[str, Any] | None:
    said = checkpoint["pyannote.audio"].get("config")
    if run is not None and run.config.is_file():
        said = read_yaml(run.config)
    return said if isinstance(said, Mapping) else None


def _trained_on(
    run: TrainFolder | None, checkpoint: Mapping[str, Any]
) -> tuple[str, Subset] | None:
    said = checkpoint["pyannote.audio"].get("trained_on")
    if run is not None and run.specs.is_file():
        said = read_yaml(run.specs)
    if not isinstance(said, Mapping) or not isinstance(said.get("protocol"), str):
        return None
    subset = said.get("subset")
    return (said["protocol"], cast(Subset, subset)) if subset in get_args(Subset) else None


def digest_of(model: Model) -> str:
    """Digest of a model that came without a file: its class, its options and its weights."""
    options = {key: repr(value) for key, value in model.hparams.items() if key != "task"}
    made_from = [f"{type(model).__module__}.{type(model).__qualname__}", sorted(options.items())]
    digest = hashlib.sha256(json.dumps(made_from).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _check(found: EvaluatedModel) -> None:
    problem = next(iter(found.model.specifications)).problem
    if problem != Problem.REPRESENTATION:
        kind = problem.name.lower().replace("_", " ")
        raise UserError(f"'{found.name}' is a model for {kind}: expected one that embeds speakers.")
    for name, value in found.model.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(
                f"The weights of '{found.name}' are no numbers (nan or infinite, in '{name}'): "
                "choose another epoch."
            )
