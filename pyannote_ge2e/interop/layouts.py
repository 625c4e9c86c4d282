"""Which public project a checkpoint comes from, told by the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyannote_ge2e.architectures.recipes import NUM_MELS, RECIPES
from pyannote_ge2e.errors import UserError

_PASE = 256  # features that the PASE fork of HarryVolek's code feeds its LSTM with

EXPECTED = (
    "Resemblyzer or Real-Time-Voice-Cloning (lstm.*, linear.*), yistLin/dvector (lstm.*, "
    "embedding.*), or HarryVolek and its kin (LSTM_stack.*, projection.*)"
)


class _Layout(NamedTuple):
    """What a project calls the three parts of its network."""

    recipe: str
    lstm: str
    projection: str
    attention: str | None = None


_LAYOUTS = (
    _Layout("resemblyzer", "lstm", "linear"),
    _Layout("dvector", "lstm", "embedding"),
    _Layout("dvector", "lstm", "embedding", "linear"),
    _Layout("harryvolek", "LSTM_stack", "projection"),
    _Layout("harryvolek", "LSTM", "projection"),
)


@dataclass(frozen=True)
class Recognised:
    """A public checkpoint, in our words.

    Attributes
    ----------
    recipe : str
        Key of `pyannote_ge2e.architectures.recipes.RECIPES`.
    state : dict of str to Tensor
        Weights, under the names that our architectures give them.
    options : dict
        Of the architecture: `MelLSTM` if it has `features`, else `DVector`.
    loss : dict of str to Tensor
        `w` and `b` of GE2E, if they are in there.
    steps : int or None
        Steps of training, if they are in there.
    """

    recipe: str
    state: dict[str, Tensor]
    options: dict[str, Any]
    loss: dict[str, Tensor]
    steps: int | None

    @property
    def words(self) -> str:
        """What it is, in one line."""
        size = f"{self.options['lstm']['num_layers']} LSTM layers of "
        size += f"{self.options['lstm']['hidden_size']}, {self.options['dimension']}-d embeddings"
        if "features" in self.options:
            size += f" of stored features ({_PASE} a frame, as PASE gives)"
        elif self.options["pooling"] == "attention":
            size += " by attention over frames"
        words = f"{RECIPES[self.recipe].project}: {size}"
        if self.loss:
            words += f", w {self.loss['w'].item():.4g} and b {self.loss['b'].item():.4g} of GE2E"
        return words + (f", after {self.steps:,} steps" if self.steps else "")


def recognise(loaded: Any, source: str) -> Recognised:
    """Tell which project a checkpoint comes from.

    Parameters
    ----------
    loaded : object
        What the file holds.
    source : str
        Where it comes from, named in errors.

    Returns
    -------
    recognised : Recognised

    Raises
    ------
    UserError
        If it is none of those that are known, or not a whole one.

    Examples
    --------
    >>> recognise({"encoder.weight": torch.zeros(2, 2)}, "'model.pt'")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: 'model.pt' is no GE2E checkpoint that is known here: expected \
one of Resemblyzer or Real-Time-Voice-Cloning (lstm.*, linear.*), yistLin/dvector (lstm.*, \
embedding.*), or HarryVolek and its kin (LSTM_stack.*, projection.*), and found encoder.weight.
    """
    state, loss, steps = _unwrapped(loaded)
    if isinstance(loaded, Mapping) and "pyannote.audio" in loaded:
        raise UserError(f"{source} is a pyannote.audio checkpoint already: use it as it is.")
    found = {name.split(".")[0] for name in state}
    layout = next((each for each in _LAYOUTS if found == set(each[1:]) - {None}), None)
    if layout is None:
        raise UserError(
            f"{source} is no GE2E checkpoint that is known here: expected one of {EXPECTED}, "
            f"and found {_some(state) or 'no tensor by name'}."
        )
    weights = {_our_name(name, layout): value.float() for name, value in state.items()}
    options = _options(weights, layout, source)
    _check(weights, options, layout, source)
    return Recognised(layout.recipe, weights, options, loss, steps)


def _unwrapped(loaded: Any) -> tuple[dict[str, Tensor], dict[str, Tensor], int | None]:
    """Weights of the network, those of the loss, and steps of training."""
    steps: int | None = None
    loss: Mapping[str, Any] = {}
    if isinstance(loaded, Mapping) and isinstance(loaded.get("model_state"), Mapping):
        steps = loaded["step"] if isinstance(loaded.get("step"), int) else None
        loaded = loaded["model_state"]
    elif isinstance(loaded, Mapping) and isinstance(loaded.get("speech_embedder"), Mapping):
        loss = loaded.get("ge2e_loss") or {}
        loaded = loaded["speech_embedder"]
    state = dict(loaded) if isinstance(loaded, Mapping) else {}
    state = {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    if "similarity_weight" in state and "similarity_bias" in state:
        loss = {"w": state.pop("similarity_weight"), "b": state.pop("similarity_bias")}
    whole = isinstance(loss, Mapping) and all(
        isinstance(loss.get(name), Tensor) and loss[name].numel() == 1 for name in "wb"
    )
    # Our loss has numbers where some have tensors of one element.
    return state, {name: loss[name].float().reshape(()) for name in "wb"} if whole else {}, steps


def _our_name(name: str, layout: _Layout) -> str:
    first, _, rest = name.partition(".")
    ours = {layout.lstm: "lstm", layout.projection: "projection", layout.attention: "attention"}
    return f"{ours[first]}.{rest}"


def _options(weights: Mapping[str, Tensor], layout: _Layout, source: str) -> dict[str, Any]:
    """Sizes of the network, from the shapes of its weights."""
    sizes = [weights.get(f"lstm.{name}_l0") for name in ("weight_ih", "weight_hh")]
    projection = weights.get("projection.weight")
    if any(matrix is None or matrix.dim() != 2 for matrix in (*sizes, projection)):
        raise UserError(f"{source} lacks a matrix of {layout.lstm} or of {layout.projection}.")
    inputs, hidden = (matrix.shape[1] for matrix in sizes if matrix is not None)
    options: dict[str, Any] = {
        "lstm": {
            "hidden_size": hidden,
            "num_layers": sum(name.startswith("lstm.weight_ih_l") for name in weights),
        },
        "pooling": "attention" if layout.attention else "last",
        "dimension": len(projection) if projection is not None else 0,
    }
    if layout.recipe == "harryvolek" and inputs == _PASE:
        options["lstm"]["proj_size"] = 0
        options["features"] = {"dimension": _PASE, "normalise": False, "name": "PASE"}
    elif inputs != NUM_MELS:
        raise UserError(
            f"{source} takes {inputs} features a frame, and {RECIPES[layout.recipe].project} "
            f"{NUM_MELS} mel bands: how its features are made is not known here."
        )
    return options


def _check(
    weights: Mapping[str, Tensor], options: Mapping[str, Any], layout: _Layout, source: str
) -> None:
    """Compare names and shapes with those of a whole network, and values with numbers."""
    lstm, dimension = options["lstm"], options["dimension"]
    inputs = options.get("features", {}).get("dimension", NUM_MELS)
    expected = {
        f"lstm.{name}": tuple(value.shape)
        for name, value in torch.nn.LSTM(
            inputs, lstm["hidden_size"], lstm["num_layers"], device="meta"
        ).named_parameters()
    }
    expected |= {
        "projection.weight": (dimension, lstm["hidden_size"]),
        "projection.bias": (dimension,),
    }
    if layout.attention:
        expected |= {"attention.weight": (1, dimension), "attention.bias": (1,)}
    for name in [*expected, *weights]:
        theirs = _their_name(name, layout)
        if name not in weights:
            raise UserError(f"{source} is not whole: it lacks '{theirs}'.")
        if name not in expected:
            raise UserError(f"{source} has '{theirs}', which no such network has.")
        if tuple(weights[name].shape) != expected[name]:
            raise UserError(
                f"{source} has '{theirs}' of shape {tuple(weights[name].shape)}, where "
                f"{expected[name]} was expected."
            )
        if not weights[name].isfinite().all():
            raise UserError(f"{source} has values in '{theirs}' that are no numbers.")


def _their_name(name: str, layout: _Layout) -> str:
    first, _, rest = name.partition(".")
    return f"{getattr(layout, first)}.{rest}"


def _some(state: Mapping[str, Tensor]) -> str:
    names = list(state)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")
