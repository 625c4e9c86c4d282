"""Rows of a `.npy` file: its header is parsed, and no more read than what is asked for."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from tokenize import TokenError
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from pyannote_ge2e.data.protocol import MissingFile
from pyannote_ge2e.errors import UserError

__all__ = ["MissingFeatures", "Rows", "opened"]

_AGAIN = "Remove it and extract it again."  # what is there and looks whole is kept
_HEADER, _LONGER = 128, 1 << 16  # bytes: what numpy writes, and what others may


class MissingFeatures(MissingFile):
    """A file has no stored features."""


class Rows(NamedTuple):
    """The rows of an open file: `frames` of `dimension` numbers."""

    path: str
    file: BinaryIO
    frames: int
    dimension: int
    dtype: np.dtype
    offset: int

    def read(self, first: int, count: int) -> np.ndarray:
        """Read `count` rows from row `first` on, as columns: (dimension, count) float32.

        Raises
        ------
        UserError
            If some of it is no number.
        """
        size = self.dimension * self.dtype.itemsize
        self.file.seek(self.offset + first * size)
        rows = np.frombuffer(self.file.read(count * size), self.dtype)
        if len(rows) < count * self.dimension:  # it was cut since it was opened
            raise UserError(f"'{self.path}' is cut short. {_AGAIN}")
        columns = rows.reshape(count, self.dimension).T.astype(np.float32, order="C")
        # Of float32: numpy takes ten times as long for float16.
        if not np.isfinite(columns).all():
            row = first + int(np.isfinite(columns).all(axis=0).argmin())
            raise UserError(
                f"'{self.path}' holds features that are no numbers (nan or infinite), the first "
                f"of them in frame {row}. {_AGAIN}"
            )
        return columns


@contextmanager
def opened(path: str, dimension: int) -> Iterator[Rows]:
    """Open a file of features and check what its header says.

    Parameters
    ----------
    path : str
        A `.npy` file, (frames, dimension), float32 or float16.
    dimension : int
        Expected number of features in a frame.

    Yields
    ------
    rows : Rows

    Raises
    ------
    MissingFeatures
        If there is no such file.
    UserError
        If it is no such array, or is cut short.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "a.npy")
    >>> np.save(path, np.arange(8, dtype=np.float32).reshape(4, 2))
    >>> with opened(path, dimension=2) as rows:
    ...     rows.frames, rows.read(1, 2).tolist()
    (4, [[2.0, 4.0], [3.0, 5.0]])
    """
    try:
        # Unbuffered: a chunk is one read of its own size.
        with open(path, "rb", buffering=0) as file:
            yield _parsed(path, file, dimension)
    except FileNotFoundError as error:
        raise MissingFeatures(f"There are no stored features '{path}'.") from error
    except OSError as error:
        raise UserError(f"'{path}' cannot be read: {error.strerror or error}.") from error


def _parsed(path: str, file: BinaryIO, dimension: int) -> Rows:
    expected = f"expected (frames, {dimension}) float32 or float16, as numpy.save writes it"
    start = file.read(_HEADER)
    try:
        try:
            shape, fortran, dtype, offset = _header(start)
        except ValueError:
            shape, fortran, dtype, offset = _header(start + file.read(_LONGER))
    except (ValueError, KeyError) as error:
        raise UserError(f"'{path}' is not a .npy file: {expected}.") from error
    if len(shape) != 2 or shape[1] != dimension:
        turned = len(shape) == 2 and shape[0] == dimension
        raise UserError(
            f"'{path}' holds an array of shape {shape}: {expected}"
            + ("; transpose it." if turned else ".")
        )
    if dtype.kind != "f" or dtype.itemsize not in (2, 4):
        raise UserError(f"'{path}' holds {dtype} numbers: {expected}.")
    if fortran and min(shape) > 1:
        raise UserError(
            f"'{path}' is in Fortran order, column after column, so that a chunk is everywhere in "
            "it: save numpy.ascontiguousarray of the array."
        )
    size = os.fstat(file.fileno()).st_size
    whole = offset + shape[0] * shape[1] * dtype.itemsize
    if size < whole:
        raise UserError(
            f"'{path}' is cut short: its header announces {shape[0]} frames, {whole} bytes, and "
            f"it has {size}. {_AGAIN}"
        )
    return Rows(path, file, shape[0], shape[1], dtype, offset)


# Parsing takes longer than reading, and files of as many frames have the same header.
@lru_cache(maxsize=1 << 14)
def _header(start: bytes) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order, type and offset of the array in a file that starts with such bytes.

    Raises
    ------
    ValueError or KeyError
        If it is no such header.
    """
    stream = io.BytesIO(start)
    parse = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        shape, fortran, dtype = parse[npy.read_magic(stream)](stream)
    except TokenError as error:  # of a brace that was lost, numpy lets it through
        raise ValueError("no header") from error
    return shape, fortran, dtype, stream.tell()
