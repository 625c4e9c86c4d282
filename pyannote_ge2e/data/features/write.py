"""Writing features as they come, block after block: whole files or none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from pyannote_ge2e.data.files import replacing

__all__ = ["write_rows"]


def write_rows(
    path: Path,
    blocks: Iterable[np.ndarray],
    dimension: int,
    dtype: str = "float32",
    modified: int | None = None,
) -> int:
    """Write a `.npy` file, atomically, never more than a block of it in memory.

    Parameters
    ----------
    path : Path
    blocks : iterable of (frames, dimension) arrays
    dimension : int
    dtype : {"float32", "float16"}
    modified : int, optional
        Date that the file is given, in nanoseconds since 1970.

    Returns
    -------
    frames : int
        How many there were in all.

    Raises
    ------
    UserError
        If it cannot be written. What `blocks` raises is passed on.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "a.npy"
    >>> write_rows(path, (np.ones((length, 2)) for length in (1000, 7)), 2, "float16")
    1007
    >>> np.load(path).shape, np.load(path).dtype
    ((1007, 2), dtype('float16'))
    """
    frames = 0
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            _write_header(file, frames, dimension, dtype)
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype).data)
                frames += len(block)
            # numpy leaves room for a shape to grow: the header keeps its length.
            file.seek(0)
            _write_header(file, frames, dimension, dtype)
        if modified is not None:
            os.utime(temporary, ns=(modified, modified))
    return frames


def _write_header(file: BinaryIO, frames: int, dimension: int, dtype: str) -> None:
    descr = npy.dtype_to_descr(np.dtype(dtype))
    header = {"descr": descr, "fortran_order": False, "shape": (frames, dimension)}
    npy.write_array_header_1_0(file, header)
