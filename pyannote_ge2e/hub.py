"""Pretrained models by name: what `hubconf.py` shows to torch.hub."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from numbers import Real
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

_SHARED = """device : str or torch.device
        Where to compute: "cpu", "cuda"...
    window : float, optional
        Duration of the sliding windows that `model({"audio": path})` embeds, in seconds.
        Defaults to that of training chunks.
    step : float
        Step between two of these, as a ratio of their duration.

    Returns
    -------
    model : Model
        In evaluation mode. It takes (batch, channel, sample) waveforms at 16 kHz, or a file, of
        which it gives one embedding for each sliding window."""


def _entry(make: Callable[..., Model]) -> Callable[..., Model]:
    """Add what all entries share: options in the signature, and a word on each in its help."""

    @wraps(make)
    def entry(*args: Any, **options: Any) -> Model:
        try:
            given = signature.bind(*args, **options)
        except TypeError as error:  # which does not say of what
            raise TypeError(f"{make.__name__}: {error}") from None
        given.apply_defaults()
        shared = {name: given.arguments.pop(name) for name in added}
        _check(**shared)
        return _ready(make(**given.arguments), **shared)

    signature, added = inspect.signature(make), inspect.signature(_ready).parameters.copy()
    del added["model"]
    signature = signature.replace(parameters=[*signature.parameters.values(), *added.values()])
    entry.__signature__ = signature  # type: ignore[attr-defined]
    assert make.__doc__ is not None
    entry.__doc__ = make.__doc__.replace("{shared}", _SHARED)
    return entry


def _check(device: str | torch.device, window: float | None, step: float) -> None:
    if window is not None and not (isinstance(window, Real) and 0 < window < math.inf):
        raise UserError(f"window must be a number of seconds greater than 0, not {window!r}.")
    if not (isinstance(step, Real) and 0 < step <= 1):
        raise UserError(f"step is a ratio of the window, above 0 and 1 at most, not {step!r}.")
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA fails an assertion
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"device '{device}' cannot be used here ({reason}): try 'cpu'.") from error


def _ready(
    model: Any,
    device: str | torch.device = "cpu",
    window: float | None = None,
    step: float = 0.25,
) -> Model:
    model.window, model.step = window, step
    return model.to(device).eval()


@_entry
def ge2e(pretrained: bool = True) -> Model:
    """Speaker embedding from the waveform: learned sinc filters, LSTM, mean pooling; two of these.

    Filters of 16 ms follow what changes quickly, filters of 64 ms tell harmonics apart.

    Parameters
    ----------
    pretrained : bool
        Load the weights of `models/GE2E` (see the card there); else initialise them at random.
    {shared}

    Examples
    --------
    >>> model = ge2e(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 512])
    """
    if pretrained:
        return load_model(weights_of("ge2e"))
    sinc, lstm = {"stride": 20, "stack": 3}, {"hidden_size": 256, "num_layers": 3}
    long = {"num_filters": 80, "window": 0.064, "filter_size": 1023, "stride": 160, "stack": 3}
    second = {
        "sinc": long,
        "stem": {},
        "lstm": {**lstm, "num_layers": 2, "dropout": 0.1},
        "pooling": "mean",
    }
    return _untrained(SincNetLSTM(sinc=sinc, lstm=lstm, pooling="mean", second=second))


@_entry
def ge2e_mel(pretrained: bool = True) -> Model:
    """Speaker embedding from log-mel energies: LSTM, mean pooling; two of these.

    Windows of 25 ms follow what changes quickly, windows of 64 ms tell harmonics apart.

    Parameters
    ----------
    pretrained : bool
        Load the weights of `models/GE2E-mel` (see the card there); else initialise them at random.
    {shared}

    Examples
    --------
    >>> model = ge2e_mel(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 512])
    """
    if pretrained:
        return load_model(weights_of("ge2e_mel"))
    mel, lstm = {"stack": 3}, {"hidden_size": 256, "num_layers": 3, "proj_size": 0}
    long = {"num_mels": 80, "window": 0.064, "stack": 3}
    second = {
        "mel": long,
        "stem": {},
        "lstm": {**lstm, "num_layers": 2, "dropout": 0.1},
        "pooling": "mean",
    }
    return _untrained(MelLSTM(mel=mel, lstm=lstm, pooling="mean", second=second))


@_entry
def resemblyzer(
    pretrained: bool = True, checkpoint: str | Path | None = None, silence: str | None = None
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
    {shared}

    Examples
    --------
    >>> model = resemblyzer(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    if pretrained and checkpoint is None:
        checkpoint = resemblyzer_weights()
    return _public("resemblyzer", pretrained, checkpoint, silence)


@_entry
def dvector(
    pretrained: bool = True, checkpoint: str | Path | None = None, silence: str | None = None
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
    {shared}

    Examples
    --------
    >>> model = dvector(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    return _public("dvector", pretrained, checkpoint, silence)


@_entry
def harryvolek(
    pretrained: bool = True, checkpoint: str | Path | None = None, silence: str | None = None
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
    {shared}

    Examples
    --------
    >>> model = harryvolek(pretrained=False)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 256])
    """
    return _public("harryvolek", pretrained, checkpoint, silence)


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
