"""What is compared: recordings of one speaker, of any number."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.embedder import Embedder
from pyannote_ge2e.experiment.embedding.recordings import Recording, find_recordings

Place = str | os.PathLike[str]
Side = Place | Sequence[Place]


def recordings_of(side: Side) -> list[Recording]:
    """Recordings of a file, of several, or in a folder.

    Raises
    ------
    UserError
        If there are none.
    """
    places = [side] if isinstance(side, (str, os.PathLike)) else list(side)
    if not places:
        raise UserError("Expected at least one recording on either side.")
    # Each place on its own, and files by their whole paths: the same name in two folders is no
    # obstacle here.
    every = [recording for place in places for recording in find_recordings([place])]
    return list({os.path.abspath(recording.path): recording for recording in every}.values())


def embed_sides(embedder: Embedder, sides: Sequence[Sequence[Recording]]) -> list[np.ndarray]:
    """Embed the recordings of each side.

    Returns
    -------
    embeddings : list of (F, dimension) float32 arrays, each of unit length

    Raises
    ------
    UserError
        Naming the first recording that cannot be read or holds no speech.
    """
    every = [recording for side in sides for recording in side]
    found: dict[int, np.ndarray] = {}
    for done in embedder.embed(every):
        if done.problem is not None:
            raise UserError(done.problem)
        found[done.row] = done.embeddings[0]
    rows = iter(range(len(every)))
    return [np.stack([found[next(rows)] for _ in side]) for side in sides]


def unit_mean(embeddings: np.ndarray) -> np.ndarray:
    """Mean of (F, D) embeddings, of unit length: (D,).

    Examples
    --------
    >>> unit_mean(np.array([[1.0, 0.0], [0.0, 1.0]])).round(4)
    array([0.7071, 0.7071])
    """
    mean = embeddings.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def absolute(model: str) -> str:
    """Name of a model that means the same from any folder."""
    return os.path.abspath(Path(model).expanduser()) if Path(model).expanduser().exists() else model
