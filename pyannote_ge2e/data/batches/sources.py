"""Where the chunks of a batch come from: audio files, or something faster that holds the same."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from pyannote_ge2e.data.audio.reader import audio_duration, read_chunk, read_segment
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.errors import UserError

__all__ = ["AudioSource", "ChunkSource", "WaveformSource"]

# Annotations that round up end a little after the file does; more than this is a broken file.
ROUNDING = 0.1  # seconds
# Less of a file than that is as good as none of it.
_NOTHING = 1e-3  # seconds


class ChunkSource(Protocol):
    """Reads chunks of the files of an index; travels to workers, whatever their start method.

    Lengths are counted in units of its own: samples for audio, frames for features.

    Attributes
    ----------
    rate : float
        Units in a second.
    """

    rate: float

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the whole units that utterances of so many seconds hold, (U,) int64."""
        ...

    def empty(self, chunks: int, length: int) -> np.ndarray:
        """Make room for so many chunks of `length` units: (chunks, channel, length) float32."""
        ...

    def room(self, chunk: np.ndarray, filled: int, length: int) -> np.ndarray:
        """Part of a chunk where `length` units belong, after `filled` others."""
        return chunk[:, filled : filled + length]

    def read(
        self, file: int, start: float, offset: int, length: int, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Read `length` units from `offset` units after `start` seconds: (channel, length).

        `file` is a row of the index. With `out`, that is where they are written.
        """
        ...


class WaveformSource(ChunkSource):
    """Chunks of waveforms, mono, counted in samples: wherever they are read from."""

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the whole samples that utterances of so many seconds hold."""
        # The small constant undoes what binary fractions do to 2.0 - 0.1 and the like.
        return np.floor(seconds * self.rate + 0.05).astype(np.int64)

    def empty(self, chunks: int, length: int) -> np.ndarray:
        """Make room for so many chunks of `length` samples: (chunks, 1, length)."""
        return np.empty((chunks, 1, length), np.float32)


class AudioSource(WaveformSource):
    """Chunks of audio files, mono.

    Parameters
    ----------
    index : Index
    sample_rate : int
        In Hz; files at another rate are resampled.
    """

    def __init__(self, index: Index, sample_rate: int = 16000) -> None:
        self.index = index
        self.sample_rate = sample_rate
        self.rate = float(sample_rate)

    def read(
        self, file: int, start: float, offset: int, length: int, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Read `length` samples from `offset` samples after `start` seconds: (1, length).

        Raises
        ------
        UserError
            If the file is missing, damaged, or much shorter than its annotation says.
        """
        out = np.empty((1, length), np.float32) if out is None else out
        out[0] = self._chunk(self.index.path(file), start + offset / self.sample_rate, length)
        return out

    def _chunk(self, path: str, start: float, length: int) -> np.ndarray:
        try:
            return read_chunk(path, start, length, self.sample_rate)
        except UserError:
            end, wanted = audio_duration(path), start + length / self.sample_rate
            if wanted > end + ROUNDING:
                raise
            there = np.empty(0, np.float32)
            # Of a chunk of several utterances, a piece may lie beyond the end altogether.
            if end - start > _NOTHING:
                there = read_segment(path, start, wanted, self.sample_rate)[:length]
            return np.pad(there, (0, length - len(there)))
