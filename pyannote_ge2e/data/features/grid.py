"""Seconds and frames: frame `i` of a file begins `i` steps after its start, and lasts a window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["FrameGrid"]

# Of a frame: undoes what binary fractions do to (1.225 - 0.025) / 0.01 and the like.
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class FrameGrid:
    """Where the frames of a file are.

    Parameters
    ----------
    step : float
        From the start of a frame to the next, in seconds.
    window : float
        What a frame is made of, in seconds.

    Examples
    --------
    >>> grid = FrameGrid(step=0.010, window=0.025)
    >>> grid.units(np.array([0.02, 0.025, 2.0])).tolist()
    [0, 1, 198]
    >>> grid.first(1.239), round(grid.seconds(198), 3)
    (123, 1.995)
    """

    step: float
    window: float

    @property
    def rate(self) -> float:
        """Frames in a second."""
        return 1 / self.step

    def units(self, seconds: np.ndarray) -> np.ndarray:
        """Count the frames that so many seconds hold in whole, (U,) int64."""
        steps = (np.asarray(seconds) - self.window) / self.step
        return np.maximum(np.floor(steps + _TOLERANCE).astype(np.int64) + 1, 0)

    def first(self, start: float) -> int:
        """Number of the last frame that begins at `start` seconds or before.

        Before rather than after: what ends with the file would otherwise lack a frame.
        """
        return max(math.floor(start / self.step + _TOLERANCE), 0)

    def seconds(self, frames: int) -> float:
        """Duration of so many frames."""
        return self.window + (frames - 1) * self.step if frames else 0.0
