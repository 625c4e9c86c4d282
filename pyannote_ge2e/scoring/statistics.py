"""How similar each file is to those of a cohort that it resembles most: mean and deviation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from pyannote_ge2e.scoring.embeddings import ROUNDING
from pyannote_ge2e.scoring.largest import largest

# Similarities held at once, by all threads together: 64 MB in float32, however large the cohort.
BUFFER = 1 << 24
# Files a thread takes at once: enough for a fast matrix product, few enough for the cache.
ROWS = 256

# (rows of the files, cohort rows left out or None) -> (R, K) similarities to the nearest.
Nearest = Callable[[NDArray, NDArray | None], NDArray]


def cohort_statistics(
    unit: NDArray,
    cohort: NDArray,
    top: int,
    in_cohort: NDArray | None,
    executor: Executor,
    num_workers: int,
    device: str = "cpu",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and population standard deviation of the similarities to the nearest of a cohort.

    Memory is bounded, whatever the number of files.

    Parameters
    ----------
    unit : (F, D) array
        Normalised embeddings.
    cohort : (C, D) array
        Normalised embeddings of the cohort, of the same type.
    top : int
        How many of the cohort count: the most similar ones to each file. All of them when
        there are fewer.
    in_cohort : (F,) integer array, optional
        Row of the cohort not to compare a file with, -1 for none.
    executor : Executor
    num_workers : int
        Its number of threads.
    device : str
        Where similarities are computed and the nearest selected.

    Returns
    -------
    mean, deviation : (F,) float64 arrays
        A deviation of nothing but rounding is 1: dividing by it only centres.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> cohort = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> with ThreadPoolExecutor(1) as executor:
    ...     mean, deviation = cohort_statistics(cohort[:1], cohort, 2, None, executor, 1)
    >>> print(mean, deviation)
    [0.8] [0.2]
    """
    # One thread is enough to keep a device busy.
    num_workers = num_workers if device == "cpu" else 1
    rows = max(1, min(ROWS, BUFFER // (num_workers * len(cohort))))
    idle: SimpleQueue[Nearest] = SimpleQueue()
    for _ in range(num_workers):
        idle.put(_on_cpu(cohort, top, rows) if device == "cpu" else on_device(cohort, top, device))
    mean, deviation = np.full((2, len(unit)), np.nan)

    def work(start: int) -> None:
        block = slice(start, start + rows)
        left_out = None if in_cohort is None else in_cohort[block]
        nearest = idle.get()
        try:
            mean[block], deviation[block] = _moments(
                nearest(unit[block], left_out), some_left_out=left_out is not None
            )
        finally:
            idle.put(nearest)

    # The list makes errors come out.
    list(executor.map(work, range(0, len(unit), rows)))
    deviation[deviation <= ROUNDING * np.finfo(unit.dtype).eps] = 1
    return mean, deviation


def _on_cpu(cohort: NDArray, top: int, rows: int) -> Nearest:
    buffer = np.empty((rows, len(cohort)), dtype=cohort.dtype)

    def nearest(unit: NDArray, left_out: NDArray | None) -> NDArray:
        similarities = np.matmul(unit, cohort.T, out=buffer[: len(unit)])
        if left_out is not None:
            files = np.flatnonzero(left_out >= 0)
            similarities[files, left_out[files]] = -np.inf
        return similarities if top >= len(cohort) else largest(similarities, top)

    return nearest


def on_device(cohort: NDArray, top: int, device: str) -> Nearest:
    """Similarities to the nearest of a cohort, by torch.

    In float64 wherever the device knows it: TF32, which may be allowed for float32, would show
    in the third decimal.

    Parameters
    ----------
    cohort : (C, D) array
        Normalised embeddings.
    top : int
        How many of them count.
    device : str
        What `torch.device` understands.

    Returns
    -------
    nearest : function
        From (R, D) normalised embeddings and, for each, the row of the cohort left out (-1 for
        none; or None) to (R, K) similarities, in no order; what is left out is -inf.

    Examples
    --------
    >>> cohort = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> on_device(cohort, 1, "cpu")(cohort[:1], np.array([0]))
    array([[0.6]])
    """
    import torch

    dtype = torch.float32 if torch.device(device).type == "mps" else torch.float64
    columns = torch.from_numpy(cohort).to(device, dtype).T

    def nearest(unit: NDArray, left_out: NDArray | None) -> NDArray:
        similarities = torch.from_numpy(unit).to(device, dtype) @ columns
        if left_out is not None:
            files = np.flatnonzero(left_out >= 0)
            similarities[files, left_out[files]] = -torch.inf
        if top < len(cohort):
            similarities = similarities.topk(top, dim=1, sorted=False).values
        return similarities.cpu().numpy()

    return nearest


def _moments(similarities: NDArray, some_left_out: bool) -> tuple[NDArray, NDArray]:
    """Mean and population deviation of each row, in float64; -inf is left out."""
    counts: NDArray | int = similarities.shape[1]
    if some_left_out:
        # At most one a row, and only where all of the cohort is used.
        kept = similarities > -np.inf
        counts = kept.sum(axis=1)
        similarities = np.where(kept, similarities, 0)
    mean = similarities.sum(axis=1, dtype=np.float64) / counts
    spread = similarities - mean[:, None]
    if some_left_out:
        spread *= kept
    return mean, np.sqrt(np.einsum("fc,fc->f", spread, spread) / counts)
