"""Cosine similarity of verification trials."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Values gathered at once for either side of the trials: 4 MB in float32, within the cache.
BLOCK = 1 << 20


def cosine_scores(embeddings: ArrayLike, trials: ArrayLike) -> NDArray[np.floating]:
    """Cosine similarity of the two embeddings of each trial.

    Parameters
    ----------
    embeddings : (F, D) array
        One embedding a file, of any norm. A zero embedding scores 0 with any other.
    trials : (T, 2) integer array
        Rows of `embeddings` to compare.

    Returns
    -------
    scores : (T,) array
        Between -1 and 1; float64 when the embeddings are, float32 otherwise.

    Raises
    ------
    ValueError
        When a shape is wrong, an embedding is not finite, or a trial points outside the
        embeddings.

    Examples
    --------
    >>> cosine_scores([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [[0, 1], [0, 2]])
    array([1., 0.])
    """
    embeddings = np.asarray(embeddings)
    if embeddings.dtype != np.float64:
        embeddings = embeddings.astype(np.float32)
    trials = np.asarray(trials)
    _check(embeddings, trials)

    # The largest value first: the square of 1e20 is beyond float32, that of 1e-30 below.
    largest = np.abs(embeddings).max(axis=1, keepdims=True, initial=0)
    unit = embeddings / np.where(largest > 0, largest, 1)
    norms = np.linalg.norm(unit, axis=1, keepdims=True)
    unit /= np.where(norms > 0, norms, 1)
    scores = np.empty(len(trials), dtype=unit.dtype)
    rows = max(1, BLOCK // max(1, unit.shape[1]))
    for start in range(0, len(trials), rows):
        one, other = trials[start : start + rows].T
        np.einsum("td,td->t", unit[one], unit[other], out=scores[start : start + rows])
    # Rounding may lead a few units in the last place beyond.
    return np.clip(scores, -1, 1, out=scores)


def _check(embeddings: NDArray, trials: NDArray) -> None:
    if embeddings.ndim != 2:
        raise ValueError(f"Expected embeddings of shape (file, dimension), got {embeddings.shape}.")
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        raise ValueError(f"Embedding {int(np.argmin(finite))} is not finite.")
    if trials.ndim != 2 or trials.shape[1] != 2:
        raise ValueError(f"Expected trials of shape (trial, 2), got {trials.shape}.")
    if not np.issubdtype(trials.dtype, np.integer):
        raise ValueError(f"Expected trials of integers, got {trials.dtype}.")
    outside = ((trials < 0) | (trials >= len(embeddings))).any(axis=1)
    if outside.any():
        first = int(np.argmax(outside))
        one, other = trials[first]
        raise ValueError(
            f"Trial {first} compares embeddings {one} and {other}, "
            f"but there are {len(embeddings)}, counted from 0."
        )
