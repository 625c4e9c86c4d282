"""Where the stored features of a protocol are, and how to read a stretch of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import ClassVar

import numpy as np

from pyannote_ge2e.data.batches.sources import ROUNDING
from pyannote_ge2e.data.features.arrays import opened
from pyannote_ge2e.data.features.grid import FrameGrid
from pyannote_ge2e.errors import UserError

__all__ = ["StoredFeatures"]


@dataclass(frozen=True)
class StoredFeatures:
    """Features of every file of a protocol, on disk.

    Parameters
    ----------
    path : str
        A folder that holds `<database>/<uri>.npy`; or where the features of a file are, with
        {uri} and maybe {database} in it.
    dimension : int
        Features in a frame.
    step : float
        From one frame to the next, in seconds.
    window : float
        What a frame is made of, in seconds.

    Raises
    ------
    UserError
        If `path` has anything but these two names in braces.

    Examples
    --------
    >>> features = StoredFeatures("/feats", dimension=40)
    >>> features.file("VoxCeleb", "id10001/a/00001")
    '/feats/VoxCeleb/id10001/a/00001.npy'
    >>> StoredFeatures("/feats/{uri}.npy", dimension=40).folder.as_posix()
    '/feats'
    """

    path: str
    dimension: int
    step: float = 0.010
    window: float = 0.025

    unit: ClassVar[str] = "frames"

    def __post_init__(self) -> None:
        try:
            names = {name for _, name, *_ in Formatter().parse(self.path) if name is not None}
        except ValueError:
            names = {""}
        if names and not {"uri"} <= names <= {"uri", "database"}:
            raise UserError(
                f"'{self.path}' should be a folder, or hold {{uri}} and at most {{database}} too."
            )

    @property
    def grid(self) -> FrameGrid:
        """Where the frames of a file are."""
        return FrameGrid(self.step, self.window)

    @property
    def rate(self) -> float:
        """Frames in a second."""
        return 1 / self.step

    @property
    def template(self) -> str:
        """Where the features of a file are, with {database} and {uri}."""
        path = str(Path(self.path).expanduser())
        return path if "{" in path else str(Path(path, "{database}", "{uri}.npy"))

    @property
    def folder(self) -> Path:
        """Folder of them all, where `features.yml` lies."""
        # What comes before the first brace is a folder, up to its last slash.
        return Path(self.template.partition("{")[0] + "x").parent

    def file(self, database: str, uri: str) -> str:
        """Path of the features of a file."""
        return self.template.format(database=database, uri=uri)

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the frames that so many seconds hold in whole, (U,) int64."""
        return self.grid.units(seconds)

    def duration(self, path: str) -> float:
        """Duration of a file of features, in seconds."""
        with opened(path, self.dimension) as rows:
            return self.grid.seconds(rows.frames)

    def chunk(self, path: str, first: int, count: int) -> np.ndarray:
        """Read exactly `count` frames from frame `first` on.

        Returns
        -------
        chunk : (dimension, count) float32 array

        Raises
        ------
        UserError
            If the file is missing, damaged, or much shorter than that.
        """
        with opened(path, self.dimension) as rows:
            there = min(count, rows.frames - first)
            if rows.frames < 1 or (count - there) * self.step > ROUNDING:
                raise UserError(
                    f"'{path}' is too short: it holds {rows.frames} frames "
                    f"({self.grid.seconds(rows.frames):.3f} s) and frames {first} to "
                    f"{first + count} were wanted. Is it of another recording than the annotation?"
                )
            # Of a chunk of several utterances, a piece may lie beyond the end altogether.
            frames = rows.read(min(first, rows.frames - 1), max(there, 1))
        missing = count - frames.shape[1]
        return np.pad(frames, ((0, 0), (0, missing)), "edge") if missing else frames

    def segment(self, path: str, start: float, end: float) -> np.ndarray:
        """Read from `start` to `end` seconds, or what the file holds of it.

        Returns
        -------
        segment : (dimension, frames) float32 array
            One frame at least.

        Raises
        ------
        UserError
            If the file is missing or damaged, or holds nothing of the segment.
        """
        first = self.grid.first(start)
        with opened(path, self.dimension) as rows:
            count = min(max(int(self.units(np.array(end - start))), 1), rows.frames - first)
            if count < 1:
                raise UserError(
                    f"'{path}' holds nothing from {start:.3f} to {end:.3f} s: it has "
                    f"{rows.frames} frames ({self.grid.seconds(rows.frames):.3f} s)."
                )
            return rows.read(first, count)
