"""Pretrained models by name: what `hubconf.py` shows to torch.hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.errors import UserError


@dataclass(frozen=True)
class Weights:
    """A file of the repository, and what it must hold.

    Attributes
    ----------
    path : str
        Relative to the repository.
    sha256 : str
    """

    path: str
    sha256: str


_RUN = "train/X.SpeakerVerification.SO762_LS251.train"

PRETRAINED = {
    "ge2e": Weights(
        f"models/GE2E/{_RUN}/weights/0012.pt",
        "2ad8ea209f306c458f32d1bbc6d054d32ef209da3ec3bdea6abad17c68f345d9",
    ),
    "ge2e_mel": Weights(
        f"models/GE2E-mel/{_RUN}/weights/0020.pt",
        "8a9dad3417031dc5004347b9084d976730133ea68ea48444769ecbd45ac9f4cc",
    ),
}


def weights_of(name: str) -> Path:
    """Path of the weights of a name, once checked.

    Parameters
    ----------
    name : str
        Key of `PRETRAINED`.

    Returns
    -------
    path : Path

    Raises
    ------
    UserError
        If the name is unknown, or the file is missing or damaged.
    """
    if name not in PRETRAINED:
        known = ", ".join(PRETRAINED)
        raise UserError(f"There are no pretrained weights named '{name}' (known: {known}).")
    weights = PRETRAINED[name]
    path = Path(__file__).parents[1] / weights.path
    if not path.is_file():
        raise UserError(
            f"The weights '{weights.path}' are part of the repository, not of an installation: "
            "clone it, or use torch.hub."
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != weights.sha256:
        raise UserError(f"'{path}' is damaged: its SHA-256 differs. Clone the repository again.")
    return path


def ge2e(pretrained: bool = True, device: str | torch.device = "cpu") -> Model:
    """Speaker embedding from the waveform: SincNet, two LSTM layers, statistics pooling.

    Parameters
    ----------
    pretrained : bool
        Load the weights of `models/GE2E` (see the card there); else initialise them at random.
    device : str or torch.device

    Returns
    -------
    model : SincNetLSTM
        In evaluation mode; takes (batch, channel, sample) waveforms at 16 kHz.

    Examples
    --------
    >>> model = ge2e(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    model = load_model(weights_of("ge2e")) if pretrained else _untrained(SincNetLSTM())
    return model.to(device).eval()


def ge2e_mel(pretrained: bool = True, device: str | torch.device = "cpu") -> Model:
    """Speaker embedding from log-mel energies: three LSTM layers, mean pooling.

    Parameters
    ----------
    pretrained : bool
        Load the weights of `models/GE2E-mel` (see the card there); else initialise them at random.
    device : str or torch.device

    Returns
    -------
    model : MelLSTM
        In evaluation mode; takes (batch, channel, sample) waveforms at 16 kHz.

    Examples
    --------
    >>> model = ge2e_mel(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    if pretrained:
        model = load_model(weights_of("ge2e_mel"))
    else:
        lstm = {"hidden_size": 256, "num_layers": 3, "proj_size": 0}
        model = _untrained(MelLSTM(mel={"stack": 3}, lstm=lstm, pooling="mean", dimension=256))
    return model.to(device).eval()


def _untrained(model: Model) -> Model:
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=2.0
    )
    return model
