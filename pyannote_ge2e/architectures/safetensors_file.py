"""Checkpoints as safetensors: the same tensors, and what builds the model, as text beside them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pyannote.audio.core.task import Problem, Resolution, Specifications
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pyannote_ge2e.errors import UserError

SUFFIX = ".safetensors"
_ENTRY = "pyannote.audio"


def write_safetensors(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint: its weights, class, options and specifications, and nothing else.

    Parameters
    ----------
    checkpoint : dict
        As `Model.from_pretrained` takes it.
    path : Path

    Raises
    ------
    UserError
        If its options are no plain values.
    """
    entry = checkpoint[_ENTRY]
    specifications = asdict(entry["specifications"])
    for name in ("problem", "resolution"):
        specifications[name] = specifications[name].name
    said = {
        "architecture": entry["architecture"],
        "specifications": specifications,
        "hyper_parameters": checkpoint["hyper_parameters"],
    }
    try:
        text = json.dumps(said)
    except TypeError as error:
        raise UserError(f"safetensors holds plain options only: {error}.") from error
    tensors = {name: each.detach().cpu().clone() for name, each in checkpoint["state_dict"].items()}
    path.write_bytes(save(tensors, metadata={"format": "pt", _ENTRY: text}))


def read_safetensors(path: Path) -> dict[str, Any]:
    """Read what `write_safetensors` wrote, as a checkpoint.

    Raises
    ------
    UserError
        If the file is missing, damaged, or does not say its class.
    """
    if not path.is_file():
        raise UserError(f"Cannot read weights '{path}': there is no such file.")
    try:
        with safe_open(path, "pt") as file:
            said = json.loads((file.metadata() or {})[_ENTRY])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        values = dict(said["specifications"])
        values["problem"] = Problem[values["problem"]]
        values["resolution"] = Resolution[values["resolution"]]
        if values.get("warm_up") is not None:
            values["warm_up"] = tuple(values["warm_up"])
        return {
            "state_dict": state,
            "hyper_parameters": said["hyper_parameters"],
            _ENTRY: {
                "architecture": said["architecture"],
                "specifications": Specifications(**values),
            },
        }
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"'{path}' is damaged, or is not a model that 'emb export --to safetensors' wrote."
        ) from error
