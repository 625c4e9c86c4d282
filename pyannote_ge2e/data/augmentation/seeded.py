"""Chance that comes back: seeded for a while, and given back as it was found."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch


def child(sequence: np.random.SeedSequence, number: int) -> np.random.SeedSequence:
    """Sequence of its own for part `number` of what `sequence` seeds.

    `SeedSequence.spawn` counts its calls; this does not, so that asking twice gives the same.

    Examples
    --------
    >>> sequence = np.random.SeedSequence(1)
    >>> child(sequence, 0).generate_state(1) == child(sequence, 0).generate_state(1)
    array([ True])
    """
    return np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, number))


def seed_words(sequence: np.random.SeedSequence) -> list[int]:
    """Words that `seeded` takes, plain numbers that travel with a batch."""
    words: list[int] = sequence.generate_state(3, np.uint32).tolist()
    return words


@contextmanager
def seeded(words: Sequence[int], device: torch.device | None = None) -> Iterator[None]:
    """Seed torch, numpy and random, and give them back untouched.

    torch-audiomentations draws from the global generators. They are also the model's, whose
    dropout must not depend on how batches are made.

    Parameters
    ----------
    words : three int
        See `seed_words`.
    device : torch.device, optional
        A GPU whose generator is seeded too.

    Examples
    --------
    >>> before = torch.get_rng_state()
    >>> with seeded([1, 2, 3]):
    ...     first = torch.rand(2)
    >>> with seeded([1, 2, 3]):
    ...     second = torch.rand(2)
    >>> torch.equal(first, second), torch.equal(before, torch.get_rng_state())
    (True, True)
    """
    torch_seed, numpy_seed, random_seed = words
    states = (
        torch.get_rng_state(),
        np.random.get_state(),  # noqa: NPY002 - transforms draw from the global generators
        random.getstate(),
    )
    with _seeded_device(torch_seed, device):
        # The CPU generator only: torch.manual_seed would reach for CUDA too, in workers as well.
        torch.random.default_generator.manual_seed(torch_seed)
        np.random.seed(numpy_seed)  # noqa: NPY002
        random.seed(random_seed)
        try:
            yield
        finally:
            torch.set_rng_state(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            random.setstate(states[2])


@contextmanager
def _seeded_device(seed: int, device: torch.device | None) -> Iterator[None]:
    if device is None or device.type != "cuda":
        yield
        return
    state = torch.cuda.get_rng_state(device)
    with torch.cuda.device(device):
        torch.cuda.manual_seed(seed)
    try:
        yield
    finally:
        torch.cuda.set_rng_state(state, device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread, as dataset workers do: sums split over threads round differently.

    Examples
    --------
    >>> with one_thread():
    ...     print(torch.get_num_threads())
    1
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
