"""Transforming whole batches in dataset workers, reproducibly."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(sequence: np.random.SeedSequence) -> Iterator[None]:
    """Seed torch, numpy and random from one sequence, and give them back untouched.

    torch-audiomentations draws from the global generators. Without workers they are also the
    model's, whose dropout must not depend on how batches are made.

    Examples
    --------
    >>> before = torch.get_rng_state()
    >>> with seeded(np.random.SeedSequence(1)):
    ...     first = torch.rand(2)
    >>> with seeded(np.random.SeedSequence(1)):
    ...     second = torch.rand(2)
    >>> torch.equal(first, second), torch.equal(before, torch.get_rng_state())
    (True, True)
    """
    torch_seed, numpy_seed, random_seed = sequence.generate_state(3, np.uint32).tolist()
    states = (
        torch.get_rng_state(),
        np.random.get_state(),  # noqa: NPY002 - transforms draw from the global generators
        random.getstate(),
    )
    # The CPU generator only: torch.manual_seed would reach for CUDA too.
    torch.random.default_generator.manual_seed(torch_seed)
    np.random.seed(numpy_seed)  # noqa: NPY002
    random.seed(random_seed)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def augment(
    transform: torch.nn.Module,
    waveforms: torch.Tensor,
    sample_rate: int,
    sequence: np.random.SeedSequence,
) -> torch.Tensor:
    """Apply a torch-audiomentations transform to a batch.

    Parameters
    ----------
    transform : Module
        torch-audiomentations transform, or composition of them.
    waveforms : (batch, 1, sample) float32 tensor
    sample_rate : int
    sequence : numpy SeedSequence
        The same sequence augments in the same way.

    Returns
    -------
    augmented : (batch, 1, sample) float32 tensor
    """
    transform.train()
    with seeded(sequence), torch.no_grad():
        output = transform(samples=waveforms, sample_rate=sample_rate)
    return output if isinstance(output, torch.Tensor) else output.samples
