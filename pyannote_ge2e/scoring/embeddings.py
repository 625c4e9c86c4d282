"""Embeddings and trials as every score needs them: checked, normalised, taken in pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Values worked on at once: 4 MB in float32, within the cache.
BLOCK = 1 << 20
# What is within so many units in the last place of 1 is rounding, where it should be zero.
ROUNDING = 10


def as_array(values: Any) -> NDArray:
    """Array of numbers, from an array, a list or a tensor on any device.

    Parameters
    ----------
    values : array_like or torch.Tensor

    Returns
    -------
    array : array
        float64 stays float64; anything else a tensor may hold is taken to float32.

    Examples
    --------
    >>> as_array([[1.0, 2.0]])
    array([[1., 2.]])
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        # numpy has no bfloat16.
        if values.dtype.is_floating_point and values.dtype.itemsize < 4:
            values = values.float()
    return np.asarray(values)


def precision_of(*arrays: NDArray) -> np.dtype:
    """Precision to score arrays in: float64 when one of them is, float32 otherwise.

    Examples
    --------
    >>> precision_of(np.zeros(1, dtype=np.float16), np.zeros(1, dtype=np.float32))
    dtype('float32')
    """
    return np.dtype(np.float64 if any(a.dtype == np.float64 for a in arrays) else np.float32)


def unit_rows(embeddings: NDArray, dtype: np.dtype, what: str = "") -> NDArray[np.floating]:
    """Normalised copy of embeddings, or an error that says what is wrong with them.

    Parameters
    ----------
    embeddings : (F, D) array
        Of any norm. A zero embedding stays zero.
    dtype : float32 or float64
        Precision of the copy.
    what : str
        What they are, for the message: "enrolment", "test", "cohort". Default: nothing.

    Returns
    -------
    unit : (F, D) array

    Raises
    ------
    ValueError
        When the shape is wrong or an embedding is not finite.

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]), np.dtype(float))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    name = f"{what} embedding".strip()
    if embeddings.ndim != 2:
        raise ValueError(f"Expected {name}s of shape (file, dimension), got {embeddings.shape}.")
    unit = np.empty(embeddings.shape, dtype=dtype)
    rows = max(1, BLOCK // max(1, unit.shape[1]))
    for start in range(0, len(unit), rows):
        part = unit[start : start + rows]
        part[:] = embeddings[start : start + rows]
        # The largest value first: the square of 1e20 is beyond float32, that of 1e-30 below.
        largest = np.abs(part).max(axis=1, keepdims=True, initial=0)
        finite = np.isfinite(largest)
        if not finite.all():
            first = start + int(np.argmin(finite))
            raise ValueError(f"{name[0].upper()}{name[1:]} {first} is not finite.")
        part /= np.where(largest > 0, largest, 1)
        norms = np.linalg.norm(part, axis=1, keepdims=True)
        part /= np.where(norms > 0, norms, 1)
    return unit


def checked_pairs(trials: ArrayLike, num_enrolment: int, num_test: int | None = None) -> NDArray:
    """Trials as an array, or an error that says what is wrong with them.

    Parameters
    ----------
    trials : (T, 2) integer array
        Rows to compare.
    num_enrolment : int
        How many rows the first column chooses from.
    num_test : int, optional
        How many the second does. Default: both choose from the same rows.

    Returns
    -------
    trials : (T, 2) array

    Raises
    ------
    ValueError
        When the shape is wrong, or a trial is not of integers or points outside.

    Examples
    --------
    >>> checked_pairs([[0, 1]], 2)
    array([[0, 1]])
    """
    trials = as_array(trials)
    if trials.ndim != 2 or trials.shape[1] != 2:
        raise ValueError(f"Expected trials of shape (trial, 2), got {trials.shape}.")
    if not np.issubdtype(trials.dtype, np.integer):
        raise ValueError(f"Expected trials of integers, got {trials.dtype}.")
    limits = num_enrolment, num_enrolment if num_test is None else num_test
    if len(trials) == 0 or all(
        column.min() >= 0 and column.max() < limit
        for column, limit in zip(trials.T, limits, strict=True)
    ):
        return trials
    first = int(np.argmax(((trials < 0) | (trials >= limits)).any(axis=1)))
    one, other = trials[first]
    if num_test is None:
        raise ValueError(
            f"Trial {first} compares embeddings {one} and {other}, "
            f"but there are {num_enrolment}, counted from 0."
        )
    raise ValueError(
        f"Trial {first} compares enrolment embedding {one} and test embedding {other}, "
        f"but there are {num_enrolment} and {num_test}, counted from 0."
    )


def pair_similarities(one: NDArray, other: NDArray, trials: NDArray) -> NDArray[np.floating]:
    """Cosine similarities of pairs of normalised embeddings, all at once: for blocks of trials.

    Parameters
    ----------
    one, other : (E, D), (F, D) arrays
        Normalised.
    trials : (T, 2) integer array
        Rows of `one` and of `other`.

    Returns
    -------
    similarities : (T,) array
        Between -1 and 1.

    Examples
    --------
    >>> unit = np.array([[1.0, 0.0], [0.6, 0.8]])
    >>> pair_similarities(unit, unit, np.array([[0, 1], [1, 1]]))
    array([0.6, 1. ])
    """
    # `take` gathers rows faster than an index does; "clip" spares it a check made before.
    rows, other_rows = (column.astype(np.intp) for column in trials.T)
    similarities = np.vecdot(
        one.take(rows, axis=0, mode="clip"), other.take(other_rows, axis=0, mode="clip")
    )
    # Rounding may lead a few units in the last place beyond.
    return np.clip(similarities, -1, 1, out=similarities)


def pair_blocks(trials: NDArray, dimension: int) -> list[slice]:
    """Slices of the trials whose embeddings fit into the cache together.

    Examples
    --------
    >>> pair_blocks(np.zeros((6000, 2), dtype=int), dimension=256)
    [slice(0, 4096, None), slice(4096, 8192, None)]
    """
    rows = max(1, BLOCK // max(1, dimension))
    return [slice(start, start + rows) for start in range(0, len(trials), rows)]
