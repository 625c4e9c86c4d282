"""From the word on the command line to the precision that Lightning computes in."""

from __future__ import annotations

from typing import Literal

import torch

from pyannote_ge2e.errors import UserError

Precision = Literal["single", "bf16", "fp16"]
Plan = Literal["32-true", "bf16-mixed", "16-mixed"]

_PLANS: dict[Precision, Plan] = {"single": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def find_precision(name: Precision, device: torch.device) -> Plan:
    """Precision by name.

    Mixed precision computes products in 16 bits, and keeps the weights, what poolings sum and the
    loss in float32.

    Parameters
    ----------
    name : {"single", "bf16", "fp16"}
        bf16 is for recent GPUs and for CPUs that compute in it; fp16, with a scaled loss, for
        older GPUs.
    device : torch.device
        Where to compute.

    Returns
    -------
    plan : str
        As Lightning calls it.

    Raises
    ------
    UserError
        If the device cannot train in it.

    Examples
    --------
    >>> find_precision("bf16", torch.device("cpu"))
    'bf16-mixed'
    """
    if name == "fp16" and device.type != "cuda":
        raise UserError("Precision 'fp16' needs an NVIDIA GPU: use --precision bf16, or single.")
    return _PLANS[name]
