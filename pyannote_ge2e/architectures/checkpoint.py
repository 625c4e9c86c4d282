"""The loss's weights live apart in a checkpoint, so that the model loads without it.

Training puts the parameters of the loss (`loss_func.*`) and of the validation metric
(`validation_metric.*`) beside those of the model. `Model.from_pretrained` knows neither: it
would warn and load everything a second time. They are kept, under the entry that
pyannote.audio owns in the checkpoint, for whoever resumes or fine-tunes.
"""

from __future__ import annotations

from typing import Any

APART = ("loss_func.", "validation_metric.")


def set_loss_apart(checkpoint: dict[str, Any]) -> None:
    """Move the loss's weights out of the model's, in place.

    Calling it again changes nothing.

    Parameters
    ----------
    checkpoint : dict
        Checkpoint with a `state_dict` entry. Tensors whose name starts with `loss_func.` or
        `validation_metric.` move to `checkpoint["pyannote.audio"]["loss"]`, names unchanged.

    Examples
    --------
    >>> checkpoint = {"state_dict": {"lstm.bias": 0, "loss_func.w": 10}, "pyannote.audio": {}}
    >>> set_loss_apart(checkpoint)
    >>> checkpoint
    {'state_dict': {'lstm.bias': 0}, 'pyannote.audio': {'loss': {'loss_func.w': 10}}}
    """
    state = checkpoint["state_dict"]
    loss = {name: state.pop(name) for name in list(state) if name.startswith(APART)}
    if loss:
        checkpoint.setdefault("pyannote.audio", {}).setdefault("loss", {}).update(loss)


def put_loss_back(checkpoint: dict[str, Any]) -> None:
    """Undo `set_loss_apart`, in place.

    Calling it again changes nothing.

    Parameters
    ----------
    checkpoint : dict
        Checkpoint with a `state_dict` entry.

    Examples
    --------
    >>> checkpoint = {"state_dict": {}, "pyannote.audio": {"loss": {"loss_func.w": 10}}}
    >>> put_loss_back(checkpoint)
    >>> checkpoint
    {'state_dict': {'loss_func.w': 10}, 'pyannote.audio': {}}
    """
    loss = checkpoint.get("pyannote.audio", {}).pop("loss", {})
    checkpoint["state_dict"].update(loss)
