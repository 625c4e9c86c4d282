"""From a file to the windows whose embeddings make up its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from pyannote_ge2e.data.audio.segments import AudioSegments

Windows = list[torch.Tensor]


class SegmentReader(Protocol):
    """Reads stretches of files: of their audio, or of what was computed from it.

    Attributes
    ----------
    unit : str
        What lengths are counted in: "samples", "frames".
    rate : float
        Units in a second.
    dimension : int
        Numbers in a unit: 1 for audio.
    """

    @property
    def unit(self) -> str: ...

    @property
    def rate(self) -> float: ...

    @property
    def dimension(self) -> int: ...

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the units of so many seconds, int64."""
        ...

    def duration(self, path: str) -> float:
        """Duration of a file, in seconds."""
        ...

    def segment(self, path: str, start: float, end: float) -> np.ndarray:
        """Read from `start` to `end` seconds, or what there is of it: (dimension, unit)."""
        ...


def windows(
    waveform: np.ndarray, duration_samples: int, step_samples: int, min_samples: int = 1
) -> np.ndarray:
    """Cut a waveform, or features, into overlapping windows that cover all of it.

    Parameters
    ----------
    waveform : (..., T) float32 array
    duration_samples, step_samples : int
        Length of a window, and from one start to the next.
    min_samples : int
        A waveform shorter than that is repeated until it is long enough.

    Returns
    -------
    windows : (W, ..., duration_samples) float32 array
        At 0, one step, two steps... and a last one flush with the end when something is left over.
        A waveform shorter than a window is one window of its own length.

    Examples
    --------
    >>> windows(np.arange(6, dtype=np.float32), 4, 1).shape
    (3, 4)
    >>> windows(np.arange(6, dtype=np.float32), 4, 3).tolist()
    [[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0]]
    >>> windows(np.arange(2, dtype=np.float32), 4, 3, min_samples=3).tolist()
    [[0.0, 1.0, 0.0]]
    """
    total = waveform.shape[-1]
    if total < duration_samples:
        repeated = np.arange(max(total, min_samples)) % total
        return waveform[None, ..., repeated].astype(np.float32)
    starts = np.arange(0, total - duration_samples + 1, max(1, step_samples))
    if starts[-1] + duration_samples < total:
        starts = np.append(starts, total - duration_samples)
    every = np.lib.stride_tricks.sliding_window_view(waveform, duration_samples, axis=-1)
    return np.moveaxis(every[..., starts, :], -2, 0).astype(np.float32, order="C")


class FileWindows(Dataset):
    """Windows of files, one file an item.

    Parameters
    ----------
    paths : sequence of F str
    segments : sequence of F lists of (start, end)
        Parts to cut windows from, in seconds.
    duration, step : float
        Length of a window in seconds, and the step as a ratio of it.
    reader : SegmentReader, optional
        Defaults to audio at 16 kHz.
    min_length : int
        Least that the model can take, in units of the reader.
    """

    def __init__(
        self,
        paths: Sequence[str],
        segments: Sequence[Sequence[tuple[float, float]]],
        duration: float,
        step: float = 0.25,
        reader: SegmentReader | None = None,
        min_length: int = 1,
    ) -> None:
        self.paths = paths
        self.segments = segments
        self.reader: SegmentReader = AudioSegments() if reader is None else reader
        self.length = int(self.reader.units(np.array(duration)))
        self.step = max(1, round(step * duration * self.reader.rate))
        self.min_length = min_length

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, item: int) -> tuple[int, Windows]:
        """Row of the file, and its windows: one (W, dimension, unit) tensor for each length."""
        by_length: dict[int, list[np.ndarray]] = {}
        for start, end in self.segments[item]:
            read = self.reader.segment(self.paths[item], start, end)
            cut = windows(read, self.length, self.step, self.min_length)
            by_length.setdefault(cut.shape[-1], []).append(cut)
        return item, [torch.from_numpy(np.concatenate(cuts)) for cuts in by_length.values()]


def collate_windows(items: Sequence[tuple[int, Windows]]) -> dict[str, Any]:
    """Put the windows of several files together, those of one length in one tensor.

    Returns
    -------
    batch : dict
        `files`, (F,) int64; `windows`, list of (W, dimension, unit); `owners`, list of (W,) int64:
        position in `files` of each window's file.
    """
    by_length: dict[int, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}
    for position, (_, file_windows) in enumerate(items):
        for cut in file_windows:
            cuts, owners = by_length.setdefault(cut.shape[2], ([], []))
            cuts.append(cut)
            owners.append(torch.full((len(cut),), position))
    return {
        "files": torch.tensor([item for item, _ in items]),
        "windows": [torch.cat(cuts) for cuts, _ in by_length.values()],
        "owners": [torch.cat(owners) for _, owners in by_length.values()],
    }
