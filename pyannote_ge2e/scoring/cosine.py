"""Cosine similarity of verification trials."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyannote_ge2e.scoring.embeddings import (
    as_array,
    checked_pairs,
    pair_blocks,
    pair_similarities,
    precision_of,
    unit_rows,
)


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
    array = as_array(embeddings)
    unit = unit_rows(array, precision_of(array))
    trials = checked_pairs(trials, len(unit))
    scores = np.empty(len(trials), dtype=unit.dtype)
    for block in pair_blocks(trials, unit.shape[1]):
        scores[block] = pair_similarities(unit, unit, trials[block])
    return scores
