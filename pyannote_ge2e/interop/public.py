"""Public GE2E checkpoints in: from a file of another project to a pyannote.audio model."""

from __future__ import annotations

import importlib.util
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from torch import Tensor

from pyannote_ge2e.architectures import DVector, MelLSTM
from pyannote_ge2e.architectures.loading import read_tensors
from pyannote_ge2e.architectures.recipes import RECIPES
from pyannote_ge2e.architectures.safetensors_file import SUFFIX
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.interop.layouts import EXPECTED, recognise
from pyannote_ge2e.interop.torchscript import is_torchscript, torchscript_state


@dataclass(frozen=True)
class Imported:
    """A model that another project trained.

    Attributes
    ----------
    model : DVector or MelLSTM
        In evaluation mode, on the CPU.
    recipe : str
        Key of `pyannote_ge2e.architectures.recipes.RECIPES`.
    words : str
        What it is, in one line.
    loss : dict of str to Tensor
        `w` and `b` of GE2E, if they are in there.
    """

    model: Model
    recipe: str
    words: str
    loss: dict[str, Tensor] = field(default_factory=dict)


def import_public(path: Path | str, silence: str | None = None) -> Imported:
    """Load a checkpoint of Resemblyzer, Real-Time-Voice-Cloning, yistLin/dvector or HarryVolek's.

    No code that the file carries is run, TorchScript included.

    Parameters
    ----------
    path : Path or str
        The file.
    silence : str, optional
        What the model drops before it embeds: see `DVector`. Defaults to the project's way.

    Returns
    -------
    imported : Imported

    Raises
    ------
    UserError
        If the file is missing, damaged, or of no kind that is known.
    """
    path = Path(path).expanduser()
    found = recognise(_read(path), f"'{path}'")
    model: Model
    if "features" in found.options:
        if silence is not None:
            raise UserError(f"'{path}' takes features, not audio: there is no silence to drop.")
        model = MelLSTM(**found.options)
    else:
        model = DVector(recipe=found.recipe, silence=silence, **found.options)
    # What is missing is the window and the mel bands of the front-end, which are made anew.
    model.load_state_dict(found.state, strict=False)
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION,
        resolution=Resolution.CHUNK,
        duration=RECIPES[found.recipe].duration,
    )
    model.setup()
    return Imported(model.eval(), found.recipe, found.words, found.loss)


def save_public(imported: Imported, path: Path | str) -> None:
    """Write an imported model as a pyannote.audio checkpoint, whole or not at all.

    Parameters
    ----------
    imported : Imported
        From `import_public`.
    path : Path or str
        File to write: it must not exist.

    Raises
    ------
    UserError
        If it exists, or cannot be written.
    """
    path = Path(path).expanduser()
    if path.exists():
        raise UserError(f"'{path}' exists already, and is left as it is: give another name.")
    if path.suffix == SUFFIX:
        raise UserError(
            f"'{path}' would be read as safetensors, which is not what is written: let its name "
            "end in .pt, and 'emb export' make the other of it."
        )
    checkpoint: dict[str, Any] = {
        "state_dict": dict(imported.model.state_dict()),
        "hyper_parameters": dict(imported.model.hparams),
        "pytorch-lightning_version": pytorch_lightning.__version__,
    }
    imported.model.on_save_checkpoint(checkpoint)
    entry = checkpoint["pyannote.audio"]
    entry["imported"] = imported.words
    if imported.loss:
        entry["loss"] = {f"loss_func.{name}": value for name, value in imported.loss.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"Cannot write '{path}': {reason}.") from error
    finally:
        with suppress(OSError):  # it was renamed, or could not be made
            temporary.unlink()


def resemblyzer_weights() -> Path:
    """Find the weights in an installed `resemblyzer`, without importing it.

    Importing it fails with setuptools of today, and takes librosa and webrtcvad.

    Returns
    -------
    path : Path
        Its `pretrained.pt`.

    Raises
    ------
    UserError
        If it is not installed, or comes without.
    """
    spec = importlib.util.find_spec("resemblyzer")
    folders = [] if spec is None else spec.submodule_search_locations or []
    for folder in folders:
        path = Path(folder) / "pretrained.pt"
        if path.is_file():
            return path
    raise UserError(
        "Resemblyzer's weights come with its package, which is not installed: "
        "'pip install --no-deps resemblyzer' (its dependencies are not needed), or give the path "
        "of a pretrained.pt."
    )


def _read(path: Path) -> Any:
    if not is_torchscript(path):
        return read_tensors(path, f"a checkpoint of {EXPECTED}")
    try:
        return torchscript_state(path)
    except Exception as error:  # so many kinds of damage, so many kinds of error
        raise UserError(
            f"'{path}' is a damaged TorchScript archive, or not one of tensors."
        ) from error
