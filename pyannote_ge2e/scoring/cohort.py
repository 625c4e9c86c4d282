"""A cohort of speakers: one mean embedding each."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from pyannote_ge2e.scoring.embeddings import BLOCK, ROUNDING, as_array, precision_of, unit_rows


def speaker_means(
    embeddings: ArrayLike, speakers: ArrayLike
) -> tuple[NDArray[np.floating], NDArray]:
    """Mean embedding of each speaker.

    Each embedding counts alike, whatever its norm.

    Parameters
    ----------
    embeddings : (F, D) array
        One embedding a file (or utterance).
    speakers : (F,) array
        Who speaks in it.

    Returns
    -------
    means : (S, D) array
        Means of the L2-normalised embeddings, not normalised again; float64 when the
        embeddings are, float32 otherwise.
    names : (S,) array
        Whose they are, sorted.

    Raises
    ------
    ValueError
        When the shapes do not match, an embedding is not finite, or the embeddings of a speaker
        cancel out.

    Examples
    --------
    >>> means, names = speaker_means([[3.0, 0.0], [0.0, 2.0], [5.0, 0.0]], ["b", "a", "a"])
    >>> means
    array([[0.5, 0.5],
           [1. , 0. ]])
    >>> [str(name) for name in names]
    ['a', 'b']
    """
    array, speakers = as_array(embeddings), as_array(speakers)
    unit = unit_rows(array, precision_of(array))
    if speakers.shape != (len(unit),):
        raise ValueError(
            f"Expected one speaker for each of {len(unit)} embeddings, "
            f"got speakers of shape {speakers.shape}."
        )
    names, speaker = np.unique(speakers, return_inverse=True)
    sums = np.zeros((len(names), unit.shape[1]))
    rows = max(1, BLOCK // max(1, unit.shape[1]))
    for start in range(0, len(unit), rows):
        part = unit[start : start + rows].astype(np.float64)
        place = speaker[start : start + rows], np.arange(len(part))
        sums += csr_array((np.ones(len(part)), place), shape=(len(names), len(part))) @ part
    means = sums / np.bincount(speaker, minlength=len(names))[:, None]
    nothing = np.linalg.norm(means, axis=1) <= ROUNDING * np.finfo(unit.dtype).eps
    if nothing.any():
        raise ValueError(
            f"The embeddings of speaker {names[np.argmax(nothing)]} cancel out: "
            "their mean is zero and resembles nothing."
        )
    return means.astype(unit.dtype), names
