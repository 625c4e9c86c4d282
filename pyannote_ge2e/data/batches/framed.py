"""Chunks of audio cut where frames begin, so that stored features of the same frames are the same.

Frames of a waveform overlap: `n` of them take `(n - 1) * hop + window` samples.
"""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.data.batches.sources import ChunkSource
from pyannote_ge2e.data.features.grid import FrameGrid

__all__ = ["FramedAudio"]


class FramedAudio(ChunkSource):
    """Chunks of another source, a whole number of frames each, counted in frames.

    A chunk begins at a multiple of `hop` from the start of the file. Where several utterances
    make up a chunk, the frames across the seam hold samples of both.

    Parameters
    ----------
    source : ChunkSource
        Of waveforms.
    sample_rate : int
    hop, window : int
        In samples.
    """

    def __init__(self, source: ChunkSource, sample_rate: int, hop: int, window: int) -> None:
        self.source = source
        self.sample_rate = sample_rate
        self.grid = FrameGrid(hop / sample_rate, window / sample_rate)
        self.hop = hop
        self.window = window
        self.rate = sample_rate / hop

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the frames that utterances of so many seconds hold in whole."""
        return self.grid.units(seconds)

    def _samples(self, frames: int) -> int:
        return (frames - 1) * self.hop + self.window

    def empty(self, chunks: int, length: int) -> np.ndarray:
        """Make room for so many chunks of `length` frames: (chunks, 1, sample)."""
        # Zeros: samples between two windows, if a hop is longer, belong to no frame.
        return np.zeros((chunks, 1, self._samples(length)), np.float32)

    def room(self, chunk: np.ndarray, filled: int, length: int) -> np.ndarray:
        """Part of a chunk where the samples of `length` frames belong, after `filled` others."""
        begin = filled * self.hop
        return chunk[:, begin : begin + self._samples(length)]

    def read(
        self, file: int, start: float, offset: int, length: int, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Read the samples of `length` frames from `offset` frames after `start` seconds."""
        first = self.grid.first(start) * self.hop / self.sample_rate
        return self.source.read(file, first, offset * self.hop, self._samples(length), out=out)
