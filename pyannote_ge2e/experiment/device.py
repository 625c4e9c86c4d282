"""From the word on the command line to a torch device."""

from __future__ import annotations

import torch

from pyannote_ge2e.errors import UserError


def find_device(name: str = "auto") -> torch.device:
    """Device by name.

    Parameters
    ----------
    name : str
        "auto" (a GPU when there is one), "cpu", "cuda", "cuda:1", "mps".

    Returns
    -------
    device : torch.device

    Raises
    ------
    UserError
        If the name is unknown or this machine has no such device.

    Examples
    --------
    >>> find_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(
            f"Unknown device '{name}'. Choose auto, cpu, cuda, cuda:<number> or mps."
        ) from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise UserError("A GPU was asked for, and torch sees none here. Use --device cpu.")
        if (device.index or 0) >= count:
            raise UserError(f"There is no '{name}': this machine has {count} GPU(s), from cuda:0.")
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("Device 'mps' needs an Apple GPU, and there is none. Use --device cpu.")
    elif device.type not in ("cpu", "cuda", "mps"):
        raise UserError(f"Unknown device '{name}'. Choose auto, cpu, cuda, cuda:<number> or mps.")
    return device
