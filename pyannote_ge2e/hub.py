"""Pretrained models by name: what `hubconf.py` shows to torch.hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications

from pyannote_ge2e.architectures import DVector, MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.architectures.recipes import RECIPES
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.interop.public import import_public, resemblyzer_weights
from pyannote_ge2e.weights import PRETRAINED, Weights, weights_of

__all__ = [
    "PRETRAINED",
    "Weights",
    "dvector",
    "ge2e",
    "ge2e_mel",
    "harryvolek",
    "resemblyzer",
    "weights_of",
]


def ge2e(
    pretrained: bool = True,
    device: str | torch.device = "cpu",
    window: float | None = None,
    step: float = 0.25,
) -> Model:
    """Speaker embedding from the waveform: SincNet, two LSTM layers, statistics pooling.

    Parameters
    ----------
    pretrained : bool
        Load the weights of `models/GE2E` (see the card there); else initialise them at random.
    device : str or torch.device
        Where to compute.
    window : float, optional
        Duration of the sliding windows that `model({"audio": path})` embeds, in seconds.
        Defaults to that of training chunks.
    step : float
        Step between two of these, as a ratio of their duration.

    Returns
    -------
    model : SincNetLSTM
        In evaluation mode. It takes (batch, channel, sample) waveforms at 16 kHz, or a file, of
        which it gives one embedding for each sliding window.

    Examples
    --------
    >>> model = ge2e(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    model = load_model(weights_of("ge2e")) if pretrained else _untrained(SincNetLSTM())
    return _ready(model, device, window, step)


def ge2e_mel(
    pretrained: bool = True,
    device: str | torch.device = "cpu",
    window: float | None = None,
    step: float = 0.25,
) -> Model:
    """Speaker embedding from log-mel energies: three LSTM layers, mean pooling.

    Parameters
    ----------
    pretrained : bool
        Load the weights of `models/GE2E-mel` (see the card there); else initialise them at random.
    device, window, step
        See `ge2e`.

    Returns
    -------
    model : MelLSTM
        In evaluation mode; takes what that of `ge2e` takes.

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
    return _ready(model, device, window, step)


def resemblyzer(
    pretrained: bool = True,
    checkpoint: str | Path | None = None,
    silence: str | None = None,
    device: str | torch.device = "cpu",
    window: float | None = None,
    step: float = 0.25,
) -> Model:
    """Resemblyzer's speaker embedding, and Real-Time-Voice-Cloning's, with the numbers they give.

    Parameters
    ----------
    pretrained : bool
        Load weights; else initialise them at random.
    checkpoint : str or Path, optional
        Their file. Defaults to that in the installed package (`pip install --no-deps resemblyzer`
        will do), which is not imported.
    silence : {"keep", "energy", "webrtcvad"}, optional
        What is dropped before embedding: nothing; blocks of low energy; or what the original
        drops, which takes `pip install webrtcvad-wheels`.
    device, window, step
        See `ge2e`.

    Returns
    -------
    model : DVector
        In evaluation mode; takes what that of `ge2e` takes.

    Examples
    --------
    >>> model = resemblyzer(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    if pretrained and checkpoint is None:
        checkpoint = resemblyzer_weights()
    return _ready(_public("resemblyzer", pretrained, checkpoint, silence), device, window, step)


def dvector(
    pretrained: bool = True,
    checkpoint: str | Path | None = None,
    silence: str | None = None,
    device: str | torch.device = "cpu",
    window: float | None = None,
    step: float = 0.25,
) -> Model:
    """yistLin/dvector's speaker embedding, from its TorchScript `dvector.pt`.

    Parameters
    ----------
    pretrained : bool
        Load weights; else initialise them at random.
    checkpoint : str or Path
        Their file, of `AttentivePooledLSTMDvector` or `LSTMDvector`. It has to be given.
    silence : {"edges", "keep"}, optional
        What is dropped before embedding: both ends up to 1 % of full scale, or nothing.
    device, window, step
        See `ge2e`.

    Returns
    -------
    model : DVector
        In evaluation mode; takes what that of `ge2e` takes.

    Examples
    --------
    >>> model = dvector(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    return _ready(_public("dvector", pretrained, checkpoint, silence), device, window, step)


def harryvolek(
    pretrained: bool = True,
    checkpoint: str | Path | None = None,
    silence: str | None = None,
    device: str | torch.device = "cpu",
    window: float | None = None,
    step: float = 0.25,
) -> Model:
    """HarryVolek/PyTorch_Speaker_Verification's speaker embedding, and that of its kin.

    Parameters
    ----------
    pretrained : bool
        Load weights; else initialise them at random.
    checkpoint : str or Path
        Their file. It has to be given.
    silence : {"keep", "split", "trim"}, optional
        What is dropped before embedding: nothing; what `librosa.effects.split(top_db=30)` leaves
        out (text-independent); or `trim` (text-dependent).
    device, window, step
        See `ge2e`.

    Returns
    -------
    model : DVector
        In evaluation mode; takes what that of `ge2e` takes.

    Examples
    --------
    >>> model = harryvolek(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    return _ready(_public("harryvolek", pretrained, checkpoint, silence), device, window, step)


def _public(
    recipe: str, pretrained: bool, checkpoint: str | Path | None, silence: str | None
) -> Model:
    if not pretrained:
        lstm = {"hidden_size": 768} if recipe == "harryvolek" else None
        model = DVector(recipe=recipe, lstm=lstm, silence=silence)
        return _untrained(model, RECIPES[recipe].duration)
    if checkpoint is None:
        raise UserError(
            f"Weights of {RECIPES[recipe].project} are not distributed with this package: give "
            "their file, checkpoint=PATH."
        )
    imported = import_public(checkpoint, silence=silence)
    if imported.recipe != recipe:
        raise UserError(f"'{checkpoint}' is of {imported.words}: load it as '{imported.recipe}'.")
    return imported.model


def _untrained(model: Model, duration: float = 2.0) -> Model:
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=duration
    )
    return model


def _ready(model: Any, device: str | torch.device, window: float | None, step: float) -> Model:
    if window is not None and not window > 0:
        raise UserError(f"window must be a number of seconds greater than 0, not {window!r}.")
    if not 0 < step <= 1:
        raise UserError(f"step is a ratio of the window, above 0 and 1 at most, not {step!r}.")
    model.window, model.step = window, step
    return model.to(device).eval()
