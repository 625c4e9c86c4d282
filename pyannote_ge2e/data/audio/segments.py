"""Stretches of audio as windows want them: one channel, and lengths in samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pyannote_ge2e.data.audio.reader import audio_duration, read_segment

__all__ = ["AudioSegments"]


@dataclass(frozen=True)
class AudioSegments:
    """Reads stretches of audio files, mono.

    Parameters
    ----------
    sample_rate : int
        In Hz; files at another rate are resampled.

    Examples
    --------
    >>> audio = AudioSegments(16000)
    >>> int(audio.units(np.array(0.5))), audio.dimension
    (8000, 1)
    """

    sample_rate: int = 16000

    unit: ClassVar[str] = "samples"
    dimension: ClassVar[int] = 1

    @property
    def rate(self) -> float:
        """Samples in a second."""
        return float(self.sample_rate)

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the samples of so many seconds, to the nearest."""
        return np.rint(np.asarray(seconds) * self.sample_rate).astype(np.int64)

    def duration(self, path: str) -> float:
        """Duration of a file, in seconds."""
        return audio_duration(path)

    def segment(self, path: str, start: float, end: float) -> np.ndarray:
        """Read from `start` to `end` seconds, or what the file holds of it: (1, samples)."""
        return read_segment(path, start, end, self.sample_rate)[None]
