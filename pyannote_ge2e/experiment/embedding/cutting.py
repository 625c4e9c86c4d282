"""Windows of a waveform that comes in stretches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np


def cut_windows(
    stretches: Iterable[np.ndarray], size: int, hop: int, shortest: int = 1
) -> Iterator[tuple[int, np.ndarray]]:
    """Cut overlapping windows that cover all of a waveform, as its stretches come in.

    The windows are those of `pyannote_ge2e.data.trials.windows.windows`, which needs the waveform
    as a whole: at 0, one hop, two hops... and a last one flush with the end when something is left
    over.

    Parameters
    ----------
    stretches : iterable of (sample,) float32 arrays
        Each goes on where the one before ended.
    size, hop : int
        Length of a window, and from one start to the next, in samples.
    shortest : int
        A waveform shorter than a window is one window of its own length, and one that is shorter
        than that is repeated until it is long enough.

    Yields
    ------
    start : int
        First sample of the window.
    window : (size,) float32 array

    Examples
    --------
    >>> stretches = [np.arange(4, dtype=np.float32), np.arange(4, 7, dtype=np.float32)]
    >>> [(start, window.tolist()) for start, window in cut_windows(stretches, 3, 2)]
    [(0, [0.0, 1.0, 2.0]), (2, [2.0, 3.0, 4.0]), (4, [4.0, 5.0, 6.0])]
    >>> [start for start, _ in cut_windows(stretches, 4, 2)]
    [0, 2, 3]
    """
    held = np.zeros(0, np.float32)
    first = start = 0  # of what is held, and of the next window
    for stretch in stretches:
        held = np.concatenate([held, stretch]) if len(held) else stretch
        while start + size <= first + len(held):
            yield start, held[start - first : start - first + size]
            start += hop
        # The last window may yet be flush with the end: keep what it would hold.
        spent = min(start, first + len(held) - size) - first
        if spent > 0:
            held, first = held[spent:], first + spent
    total = first + len(held)
    if total < size:
        yield 0, np.resize(held, max(total, shortest))
    elif start - hop + size < total:
        yield total - size, held[len(held) - size :]
