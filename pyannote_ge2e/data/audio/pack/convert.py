"""From an audio file to 16-bit samples, a block at a time."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable

import numpy as np

from pyannote_ge2e.data.audio.blocks import opened_blocks
from pyannote_ge2e.data.audio.pack.layout import FULL_SCALE, ROW
from pyannote_ge2e.errors import UserError

__all__ = ["convert", "source_state", "to_int16"]


def to_int16(block: np.ndarray) -> tuple[np.ndarray, int]:
    """Round samples to 16 bits, and count those that are louder than full scale.

    Parameters
    ----------
    block : (S,) float32 array

    Returns
    -------
    samples : (S,) little-endian int16 array
    clipped : int

    Examples
    --------
    >>> to_int16(np.array([0.5, -1.0, 1.0, 1.5], np.float32))
    (array([ 16384, -32768,  32767,  32767], dtype=int16), 1)
    """
    scaled = block * np.float32(FULL_SCALE)
    clipped = int(np.count_nonzero(np.abs(block) > 1.0))
    np.rint(scaled, out=scaled)
    np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled)
    return scaled.astype("<i2"), clipped


def source_state(path: str) -> tuple[int, int]:
    """Size in bytes and modification time in nanoseconds, which tell whether a file changed.

    Raises
    ------
    OSError
        When there is none.
    """
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def convert(
    path: str, sample_rate: int, sink: Callable[[int], Callable[[np.ndarray], None]]
) -> np.ndarray:
    """Read a file from its start to its end, and give its samples away.

    Parameters
    ----------
    path : str
        Audio file.
    sample_rate : int
    sink : callable
        Called with the number of samples in all; gives what is called with each block of them,
        (S,) int16 arrays.

    Returns
    -------
    row : () array of ROW
        All but where the samples are.

    Raises
    ------
    UserError
        When the file cannot be read, or changed meanwhile.
    """
    clipped = checksum = samples = 0
    try:
        before = source_state(path)
        with opened_blocks(path, sample_rate) as (total, blocks):
            give = sink(total)
            for pcm, loud in map(to_int16, blocks):
                checksum = zlib.crc32(pcm.data, checksum)
                clipped += loud
                samples += len(pcm)
                give(pcm)
        changed = source_state(path) != before
    except OSError as error:
        raise UserError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    if changed:
        raise UserError(f"'{path}' changed while it was read: pack it once it is settled.")
    row = np.zeros((), ROW)
    row["samples"], row["clipped"], row["checksum"] = samples, clipped, checksum
    row["size"], row["mtime_ns"] = before
    return row
