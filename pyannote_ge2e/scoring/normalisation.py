"""What all score normalisations share: cosine scores, less a mean, by a deviation, per side."""

from __future__ import annotations

from concurrent.futures import Executor
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyannote_ge2e.scoring.embeddings import (
    as_array,
    checked_pairs,
    pair_blocks,
    pair_similarities,
    precision_of,
    unit_rows,
)
from pyannote_ge2e.scoring.statistics import cohort_statistics
from pyannote_ge2e.scoring.threads import worker_threads

ENROLMENT, TEST = 0, 1
NAMES = ("enrolment", "test")


def normalised_scores(
    files: tuple[Any, Any],
    cohort: Any,
    trials: Any,
    top: int | None,
    sides: tuple[int, ...],
    in_cohort: tuple[Any, Any],
    device: str,
) -> NDArray[np.floating]:
    """Mean, over the sides asked for, of cosine scores normalised by the statistics of a side.

    Parameters
    ----------
    files : two (F, D) arrays
        Enrolment and test embeddings.
    cohort : (C, D) array
    trials : (T, 2) integer array
    top : int, optional
        Number of nearest members of the cohort; None for all of them.
    sides : (0,), (1,) or (0, 1)
        Whose statistics count: the enrolment's, the test file's or both.
    in_cohort : two (F,) integer arrays or None
        Rows of the cohort left out of the statistics of each file.
    device : str

    Returns
    -------
    scores : (T,) array

    Raises
    ------
    ValueError
        As `adaptive_snorm`.

    Examples
    --------
    >>> files = np.array([[1.0, 0.0], [0.8, 0.6]])
    >>> cohort = [[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]
    >>> normalised_scores((files, files), cohort, [[0, 1]], 2, (ENROLMENT,), (None, None), "cpu")
    array([1.66666667])
    """
    enrolment = as_array(files[ENROLMENT])
    test = enrolment if files[TEST] is files[ENROLMENT] else as_array(files[TEST])
    cohort = as_array(cohort)
    alike = _same_memory(enrolment, test)
    dtype = precision_of(enrolment, test, cohort)
    first = unit_rows(enrolment, dtype, "" if alike else NAMES[ENROLMENT])
    units = first, first if alike else unit_rows(test, dtype, NAMES[TEST])
    cohort = unit_rows(cohort, dtype, "cohort")
    top = _checked_top(units, cohort, top)
    trials = checked_pairs(trials, len(units[ENROLMENT]), None if alike else len(units[TEST]))
    left_out = [
        None if rows is None else _checked_rows(as_array(rows), name, len(unit), len(cohort))
        for rows, name, unit in zip(in_cohort, NAMES, units, strict=True)
    ]
    if alike:
        # What is said of the files on one side holds on the other.
        given = [rows for rows in left_out if rows is not None]
        left_out = [given[0] if given and rows is None else rows for rows in left_out]

    statistics: dict[int, tuple[NDArray, NDArray]] = {}
    with worker_threads() as (executor, num_workers):
        for side in sides:
            if statistics and alike and left_out[ENROLMENT] is left_out[TEST]:
                statistics[side] = statistics[ENROLMENT]
            else:
                statistics[side] = cohort_statistics(
                    units[side], cohort, top, left_out[side], executor, num_workers, str(device)
                )
        return _combined(units, trials, statistics, executor)


def _combined(
    units: tuple[NDArray, NDArray],
    trials: NDArray,
    statistics: dict[int, tuple[NDArray, NDArray]],
    executor: Executor,
) -> NDArray[np.floating]:
    scores = np.full(len(trials), np.nan, dtype=units[ENROLMENT].dtype)

    def work(block: slice) -> None:
        rows = trials[block].T
        similarities = pair_similarities(*units, trials[block])
        total = sum(
            (similarities - mean[rows[side]]) / deviation[rows[side]]
            for side, (mean, deviation) in statistics.items()
        )
        scores[block] = total / len(statistics)

    # The list makes errors come out.
    list(executor.map(work, pair_blocks(trials, units[ENROLMENT].shape[1])))
    return scores


def _same_memory(one: NDArray, other: NDArray) -> bool:
    """Tell whether two arrays are the same one, or views of the same values."""
    return one is other or one.__array_interface__ == other.__array_interface__


def _checked_top(units: tuple[NDArray, NDArray], cohort: NDArray, top: int | None) -> int:
    """How many members of the cohort count, or an error about these or the cohort."""
    if len(cohort) == 0:
        raise ValueError("The cohort is empty: scores are normalised by at least one embedding.")
    for name, unit in zip(NAMES, units, strict=True):
        if unit.shape[1] != cohort.shape[1]:
            raise ValueError(
                f"The {name} embeddings have dimension {unit.shape[1]}, "
                f"those of the cohort {cohort.shape[1]}."
            )
    if top is None:
        return len(cohort)
    if isinstance(top, bool) or not isinstance(top, Integral) or top < 1:
        raise ValueError(f"Expected top to be a positive integer or None, got {top!r}.")
    return min(int(top), len(cohort))


def _checked_rows(rows: NDArray, name: str, num_files: int, num_cohort: int) -> NDArray:
    """Rows of the cohort to leave out, or an error that says what is wrong with them."""
    if rows.shape != (num_files,) or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(
            f"Expected {name}_in_cohort to be {num_files} integers, "
            f"got {rows.dtype} of shape {rows.shape}."
        )
    outside = (rows < -1) | (rows >= num_cohort)
    if outside.any():
        first = int(np.argmax(outside))
        raise ValueError(
            f"{name}_in_cohort says {rows[first]} for embedding {first}, but the cohort has "
            f"{num_cohort}, counted from 0 (-1: it is not among them)."
        )
    if num_cohort == 1 and (rows == 0).any():
        first = int(np.argmax(rows == 0))
        raise ValueError(
            f"The cohort holds nothing but {name} embedding {first} itself: "
            "nothing is left to normalise its scores by."
        )
    return rows
