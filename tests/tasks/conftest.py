"""A small model, and a quiet trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning import Trainer

from pyannote_ge2e import GE2E, SincNetLSTM
from pyannote_ge2e.data.protocol import load_protocol


@pytest.fixture
def small() -> Callable[..., SincNetLSTM]:
    """Makes a small model, always the same."""

    def make(**options: Any) -> SincNetLSTM:
        torch.manual_seed(0)
        return SincNetLSTM(lstm={"hidden_size": 24, "num_layers": 1}, dimension=16, **options)

    return make


@pytest.fixture
def ge2e() -> Callable[..., GE2E]:
    """Makes a GE2E task on a protocol."""

    def make(name: str, **options: Any) -> GE2E:
        settings = {
            "duration": 0.8,
            "min_duration": 0.6,
            "num_classes_per_batch": 4,
            "num_chunks_per_class": 3,
            "batches_per_epoch": 4,
            "seed": 0,
            "num_workers": 0,
        }
        return GE2E(load_protocol(name), **(settings | options))

    return make


@pytest.fixture
def trainer() -> Callable[..., Trainer]:
    """Makes a trainer that writes nothing."""

    def make(**options: Any) -> Trainer:
        settings = {
            "max_epochs": 1,
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
        }
        return Trainer(**(settings | options))

    return make
