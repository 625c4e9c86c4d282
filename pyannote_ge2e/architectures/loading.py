"""Models from checkpoint files, without running any code that a file carries.

A file carries its tensors, and the name of its class. Reading it runs nothing (`load_checkpoint`),
but building the model imports the module that it names (`build_model`): whatever is installed
and importable under that name, whose top level runs before anything can tell that it holds no
model.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications

from pyannote_ge2e.architectures.checkpoint import set_loss_apart
from pyannote_ge2e.architectures.safetensors_file import SUFFIX, read_safetensors
from pyannote_ge2e.errors import UserError

# What a pyannote checkpoint holds beyond tensors and plain Python values.
_SAFE: list[Any] = [Specifications, Problem, Resolution]


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without running any code it might carry, nor importing anything for it.

    Parameters
    ----------
    path : Path
        A pyannote.audio checkpoint, ours or upstream's, stripped or not; or the same as
        safetensors.

    Returns
    -------
    checkpoint : dict
        On the CPU, with the loss kept apart under ``["pyannote.audio"]["loss"]``.

    Raises
    ------
    UserError
        If the file is missing, damaged, or is not a pyannote.audio checkpoint.
    """
    if path.suffix == SUFFIX:
        checkpoint = read_safetensors(path)
    else:
        checkpoint = read_tensors(path, "a pyannote.audio checkpoint")
    if not _is_checkpoint(checkpoint):
        raise UserError(
            f"'{path}' is not a pyannote.audio checkpoint: nothing says its class. If another "
            "project wrote it, 'pyannote-ge2e emb import' may know it."
        )
    set_loss_apart(checkpoint)
    return checkpoint


def read_tensors(path: Path, expected: str) -> Any:
    """Read what `torch.save` wrote, if it is tensors and plain values, without running any code.

    Parameters
    ----------
    path : Path
        File.
    expected : str
        What it should hold, in words, for the error.

    Returns
    -------
    loaded : object
        On the CPU.

    Raises
    ------
    UserError
        If the file is missing, damaged, or holds anything else.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"Cannot read weights '{path}': {error.strerror}.") from error
    try:
        with file, warnings.catch_warnings(), torch.serialization.safe_globals(_SAFE):
            warnings.simplefilter("ignore")  # of TorchScript archives, which are then refused
            _check_sums(file)
            return torch.load(file, map_location="cpu", weights_only=True)
    # Reading arbitrary bytes ends in arbitrary errors: an IndexError, an OSError about a seek...
    except Exception as error:
        raise UserError(f"'{path}' is damaged, or is not {expected}.") from error


def _check_sums(file: BinaryIO) -> None:
    """Compare the content of a zip archive with the sums in it, which torch does not look at.

    Bytes that changed on a disk or on the way would be other weights, and nothing would tell.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            # torch.serialization.set_crc32_options(False) leaves zeros.
            if any(entry.CRC for entry in archive.infolist()) and archive.testzip() is not None:
                raise zipfile.BadZipFile
    file.seek(0)


def _is_checkpoint(loaded: Any) -> bool:
    try:
        entry = loaded["pyannote.audio"]
        names = entry["architecture"]["module"], entry["architecture"]["class"]
        has_all = "specifications" in entry and isinstance(loaded["state_dict"], dict)
    except (KeyError, IndexError, TypeError):
        return False
    return has_all and all(isinstance(name, str) and name for name in names)


def build_model(checkpoint: Mapping[str, Any], source: Path | str) -> Model:
    """Rebuild the model that a checkpoint holds.

    The module of its class is imported by the name that the checkpoint gives.

    Parameters
    ----------
    checkpoint : mapping
        From `load_checkpoint`.
    source : Path or str
        Where it came from, named in errors.

    Returns
    -------
    model : Model
        In evaluation mode on the CPU, with its specifications and no task.

    Raises
    ------
    UserError
        If its class cannot be imported, or the weights do not fit it.
    """
    entry = checkpoint["pyannote.audio"]
    architecture = entry["architecture"]
    name = f"{architecture['module']}.{architecture['class']}"
    try:
        Architecture = getattr(import_module(architecture["module"]), architecture["class"])
    except (ImportError, AttributeError, TypeError) as error:
        raise UserError(
            f"'{source}' holds a {name}, which cannot be imported ({error}). "
            "Install the package that defines it."
        ) from error
    if not (isinstance(Architecture, type) and issubclass(Architecture, Model)):
        raise UserError(f"'{source}' names {name}, which is not a pyannote.audio model.")
    try:
        model = Architecture(**checkpoint.get("hyper_parameters", {}))
        model.specifications = entry["specifications"]
        model.setup()
        model.load_state_dict(checkpoint["state_dict"])
    except (RuntimeError, TypeError, ValueError) as error:
        raise UserError(f"The weights in '{source}' do not fit {name}: {_first(error)}") from error
    return model.eval()


def _first(error: Exception) -> str:
    """What is wrong, on one line: torch lists all tensors that do not fit, below a headline."""
    headline, *rest = [line.strip() for line in str(error).splitlines()] or [repr(error)]
    if not rest:
        return headline
    return rest[0] + (f" (and {len(rest) - 1} more)" if len(rest) > 1 else "")


def load_model(path: Path) -> Model:
    """Model of a checkpoint file: `Model.from_pretrained` that runs no code from the file.

    It does import the module that the file names, which has to be installed: see `build_model`.
    """
    return build_model(load_checkpoint(path), path)
