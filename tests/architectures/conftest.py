from __future__ import annotations

import pytest
import torch
from pyannote.audio.core.task import Problem, Resolution, Specifications

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM

SMALL = {
    "SincNetLSTM": lambda **options: SincNetLSTM(
        lstm={"hidden_size": 16, "num_layers": 2, **options.pop("lstm", {})},
        dimension=12,
        **options,
    ),
    "SincNetLSTM, energies": lambda **options: SincNetLSTM(
        sinc={"stride": 20},
        lstm={"hidden_size": 16, "num_layers": 2, **options.pop("lstm", {})},
        dimension=12,
        **options,
    ),
    "MelLSTM, stem": lambda **options: MelLSTM(
        stem={"channels": 4, "blocks": 2},
        lstm={"hidden_size": 16, "num_layers": 2, "proj_size": 8, **options.pop("lstm", {})},
        dimension=12,
        **options,
    ),
    "MelLSTM": lambda **options: MelLSTM(
        lstm={"hidden_size": 16, "num_layers": 2, "proj_size": 8, **options.pop("lstm", {})},
        dimension=12,
        **options,
    ),
}


@pytest.fixture(autouse=True)
def quiet_and_seeded(monkeypatch):
    monkeypatch.setenv("PYANNOTE_METRICS_ENABLED", "0")
    torch.manual_seed(0)


@pytest.fixture(params=list(SMALL))
def make(request):
    """A function that makes a small model of each architecture in turn."""
    return SMALL[request.param]


@pytest.fixture
def specifications():
    return Specifications(
        problem=Problem.REPRESENTATION,
        resolution=Resolution.CHUNK,
        duration=1.0,
        min_duration=1.0,
        classes=["alice", "bob"],
    )


@pytest.fixture
def save(specifications):
    """Save a model as Lightning and pyannote.audio do, without a trainer."""

    def save(model, path):
        model.specifications = specifications
        checkpoint = {
            "state_dict": model.state_dict(),
            "hyper_parameters": dict(model.hparams),
            "pytorch-lightning_version": "2.6.0",
        }
        model.on_save_checkpoint(checkpoint)
        torch.save(checkpoint, path)
        return path

    return save
