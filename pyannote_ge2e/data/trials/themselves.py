"""Trials of a recording with itself: lists are taken as they are, and this is told of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["with_themselves"]


def with_themselves(trials: np.ndarray, name: Callable[[int], str], source: str) -> list[str]:
    """Say how many trials compare a recording with itself, and name one.

    Parameters
    ----------
    trials : (T, 2) int array
        Rows of the recordings to compare.
    name : callable
        From a row to what the recording is called.
    source : str
        What lists the trials.

    Returns
    -------
    remarks : list of str
        One, or none where there are no such trials.

    Examples
    --------
    >>> names = ["ann/1", "ann/2"]
    >>> (remark,) = with_themselves(np.array([[0, 1], [1, 1]]), names.__getitem__, "'t.txt'")
    >>> remark.partition(": kept")[0]
    "'t.txt': 1 of 2 trials compares a recording with itself ('ann/2', for one)"
    """
    same = trials[:, 0] == trials[:, 1]
    count = np.count_nonzero(same)
    if not count:
        return []
    verb = "compares" if count == 1 else "compare"
    return [
        f"{source}: {count:,} of {len(same):,} trials {verb} a recording with itself "
        f"('{name(int(trials[np.argmax(same), 0]))}', for one): kept, though the cosine is 1 "
        "whatever the model. Take out what is not meant."
    ]
