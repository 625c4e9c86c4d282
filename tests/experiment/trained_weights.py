"""What an epoch of training leaves: weights, w and b, and the state of the optimiser."""

from __future__ import annotations

from pathlib import Path

import torch

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.experiment.layout import TrainFolder


def weights_of(folder: Path, epoch: int) -> dict:
    checkpoint = load_checkpoint(TrainFolder(folder).weights_of(epoch))
    return {
        **checkpoint["state_dict"],
        **checkpoint["pyannote.audio"]["loss"],
        **{
            f"optimizer.{index}.{name}": value
            for index, state in checkpoint["optimizer_states"][0]["state"].items()
            for name, value in state.items()
        },
    }


def assert_identical(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
