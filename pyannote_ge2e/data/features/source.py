"""Chunks of stored features, for training batches."""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.data.batches.sources import ChunkSource
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.data.index.index import Index

__all__ = ["FeatureSource"]


class FeatureSource(ChunkSource):
    """Chunks of the stored features of the files of an index, counted in frames.

    Parameters
    ----------
    index : Index
        Its paths may be those of the audio, which is not looked at.
    features : StoredFeatures
    """

    def __init__(self, index: Index, features: StoredFeatures) -> None:
        self.index = index
        self.features = features
        self.rate = features.rate

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the frames that utterances of so many seconds hold in whole."""
        return self.features.units(seconds)

    def empty(self, chunks: int, length: int) -> np.ndarray:
        """Make room for so many chunks of `length` frames: (chunks, dimension, length)."""
        return np.empty((chunks, self.features.dimension, length), np.float32)

    def read(
        self, file: int, start: float, offset: int, length: int, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Read `length` frames from `offset` frames after `start` seconds: (dimension, length).

        Raises
        ------
        UserError
            If the features are missing, damaged, or much shorter than the annotation says.
        """
        path = self.features.file(self.index.database(file), self.index.uri(file))
        chunk = self.features.chunk(path, self.features.grid.first(start) + offset, length)
        if out is None:
            return chunk
        out[...] = chunk
        return out
