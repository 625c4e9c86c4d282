"""Log-mel energies of files, stored: in blocks, by several processes, only where it is needed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from pyannote_ge2e.architectures.mel import LogMel
from pyannote_ge2e.data.audio.reader import audio_duration, read_segment
from pyannote_ge2e.data.features.arrays import opened
from pyannote_ge2e.data.features.write import write_rows
from pyannote_ge2e.errors import UserError

__all__ = ["Extraction", "Outcome", "Recording"]

# What is read at once, about: more would take memory, and save no time.
_BLOCK = 60.0  # seconds
# Files that a worker is given at once: of a rerun, most are only looked at.
_TOGETHER = 16
# Dates that differ by less are the same, on file systems that round them.
_SAME_DATE = 1_000_000  # nanoseconds


class Recording(NamedTuple):
    """A file of a protocol, and where its features go."""

    uri: str
    audio: str
    features: Path


class Outcome(NamedTuple):
    """What became of a recording: "stored", "kept" from an earlier run, or why it was left out."""

    uri: str
    what: str


class _Unreadable(Exception):
    """A recording cannot be read: the others can."""


@dataclass
class Extraction(Dataset):
    """Stores the features of recordings; each item is a few of them.

    Parameters
    ----------
    recordings : sequence of Recording
    mel : dict
        `num_mels`, `window` and `hop`: see `LogMel`.
    sample_rate : int
    dtype : {"float16", "float32"}
    """

    recordings: Sequence[Recording]
    mel: dict[str, Any]
    sample_rate: int
    dtype: str
    _front_end: LogMel | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return math.ceil(len(self.recordings) / _TOGETHER)

    def __getitem__(self, item: int) -> list[Outcome]:
        """Store features of some recordings.

        Raises
        ------
        UserError
            If they cannot be written.
        """
        some = self.recordings[item * _TOGETHER : (item + 1) * _TOGETHER]
        return [Outcome(recording.uri, self._store(recording)) for recording in some]

    @property
    def front_end(self) -> LogMel:
        """What computes the features."""
        if self._front_end is None:
            self._front_end = LogMel(self.sample_rate, **self.mel, normalise=False)
        return self._front_end

    def _store(self, recording: Recording) -> str:
        try:
            modified = os.stat(recording.audio).st_mtime_ns
        except OSError as error:
            return f"'{recording.audio}' cannot be read: {error.strerror or error}."
        if self._is_kept(recording.features, modified):
            return "kept"
        dimension = self.front_end.num_mels
        try:
            blocks = self._blocks(recording.audio)
            write_rows(recording.features, blocks, dimension, self.dtype, modified)
        except _Unreadable as error:
            return str(error)
        return "stored"

    def _is_kept(self, path: Path, modified: int) -> bool:
        """Whether features are there, whole, and of the recording as it is now."""
        try:
            # They carry the date of their recording.
            if abs(path.stat().st_mtime_ns - modified) >= _SAME_DATE:
                return False
            with opened(str(path), self.front_end.num_mels) as rows:
                return rows.dtype == np.dtype(self.dtype) and rows.frames > 0
        except (OSError, UserError):
            return False

    @torch.inference_mode()
    def _blocks(self, path: str) -> Iterator[np.ndarray]:
        """Features of a recording, a minute or so at a time."""
        try:
            yield from self._computed(path)
        except (UserError, OSError) as error:
            raise _Unreadable(str(error)) from error

    def _computed(self, path: str) -> Iterator[np.ndarray]:
        hop, window = self.front_end.hop_size, self.front_end.window_size
        total = round(audio_duration(path) * self.sample_rate)
        count = self.front_end.num_frames(total)
        if count < 1:
            raise UserError(
                f"'{path}' is shorter than a window: it lasts {total / self.sample_rate:.3f} s."
            )
        # Blocks begin at whole seconds, which are whole samples at any rate.
        size = self.sample_rate // math.gcd(hop, self.sample_rate)
        size *= max(1, round(_BLOCK * self.sample_rate / (size * hop)))
        for first in range(0, count, size):
            start = first * hop / self.sample_rate
            end = None
            if first + size < count:
                end = start + ((size - 1) * hop + window) / self.sample_rate
            waveform = torch.from_numpy(read_segment(path, start, end, self.sample_rate))
            features = self.front_end.window_features(waveform[None, None])[0].T.numpy()
            yield features if end is None else features[:size]
