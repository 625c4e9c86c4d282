"""Chunks as an augmentation is told of them before they are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np


class Voices(Protocol):
    """The training speakers, whose speech may be heard behind that of another."""

    @property
    def num_speakers(self) -> int: ...

    def speech(self, rng: np.random.Generator, speaker: int, length: int) -> np.ndarray:
        """Read so many samples of a speaker, at random: (length,) float32."""
        ...


@dataclass(frozen=True)
class Chunks:
    """Chunks to be augmented, which need not have been read yet.

    Attributes
    ----------
    count, length, sample_rate : int
        How many, of how many samples, in Hz.
    speakers : (count,) int array, optional
        Whose they are.
    voices : Voices, optional
        The training speakers, among which `speakers` count.
    """

    count: int
    length: int
    sample_rate: int
    speakers: np.ndarray | None = None
    voices: Voices | None = None

    def at(self, rows: np.ndarray) -> Chunks:
        """Only the chunks at `rows`."""
        speakers = None if self.speakers is None else self.speakers[rows]
        return replace(self, count=len(rows), speakers=speakers)
