from __future__ import annotations

import random

import numpy as np
import torch

from pyannote_ge2e.experiment.reproducibility import seed_everything


def draws(*key: int) -> tuple[float, float, float]:
    seed_everything(*key)
    return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002


def test_seeds_that_end_in_zeros_have_streams_of_their_own() -> None:
    """The weights a model begins with must not be the dropout of its first epoch."""
    keys = [(0,), (0, 0), (0, 0, 0), (0, 1, 0), (0, 0, 1), (1,), (1, 0, 0)]
    for column in zip(*(draws(*key) for key in keys), strict=True):
        assert len(set(column)) == len(keys)


def test_the_same_seed_gives_the_same_stream() -> None:
    assert draws(3, 1, 4) == draws(3, 1, 4)


def test_the_first_batch_draws_from_another_stream_than_the_model() -> None:
    seed_everything(0)
    first_batch = np.random.SeedSequence([0, 0, 0, 0]).generate_state(3)
    assert torch.initial_seed() not in first_batch
