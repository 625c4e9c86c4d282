"""A whole file by blocks, of which memory holds one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from pyannote_ge2e.data.audio.opening import Source, opened
from pyannote_ge2e.data.audio.resampling import ratio, read_resampled

__all__ = ["opened_blocks"]


@contextmanager
def opened_blocks(
    path: str, sample_rate: int = 16000, block: float = 30.0
) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """Open a file to read it from its start to its end, so many seconds at a time.

    Put end to end, the blocks are what `read_segment` gives of the whole file, which may be longer
    than memory.

    Parameters
    ----------
    path : str
        Audio file.
    sample_rate : int, optional
        Rate of the blocks, in Hz. A file at another rate is resampled.
    block : float, optional
        Length of a block, in seconds.

    Yields
    ------
    samples : int
        Samples in all, as the header gives them.
    blocks : iterator of (samples,) float32 arrays
        Raises `UserError` as `read_segment` does, where the file is damaged.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated or not audio.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "ten_seconds.flac")
    >>> soundfile.write(path, np.zeros(80000), 8000)
    >>> with opened_blocks(path, 16000, block=4.0) as (samples, blocks):
    ...     print(samples, [len(block) for block in blocks])
    160000 [64000, 64000, 32000]
    """
    with opened(path) as source:
        up, down = ratio(source.rate, sample_rate)
        size = max(round(block * source.rate) // down, 1) * down
        forward = _Overlapping(source)
        stretches = ((n, min(size, source.frames - n)) for n in range(0, source.frames, size))
        yield (
            -(-source.frames * up // down),
            (read_resampled(forward, path, *stretch, sample_rate) for stretch in stretches),
        )


class _Overlapping:
    """A source read forward by stretches that overlap a little, each of its samples decoded once.

    What comes of a seek in a lossy file may differ from what comes of reading on.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rate, self.frames, self.integers = source.rate, source.frames, source.integers
        self._first = 0
        self._held = np.empty(0, np.float32)

    def read(self, first: int, count: int) -> np.ndarray:
        kept = self._held[first - self._first :]
        missing = count - len(kept)
        if missing > 0:
            more = self.source.read(first + len(kept), missing)
            kept = np.concatenate([kept, more]) if len(kept) else more
        self._first, self._held = first, kept
        return kept[:count]

    def close(self) -> None:
        self.source.close()
