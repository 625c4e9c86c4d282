"""Opening an audio file with the reader that knows what it is, by its content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from pyannote_ge2e.data.audio.containers import FFmpegSource
from pyannote_ge2e.data.audio.sound_file import SoundFileSource
from pyannote_ge2e.data.audio.sphere import SPHERE_MAGIC, SphereSource
from pyannote_ge2e.data.audio.wav import WavSource
from pyannote_ge2e.errors import UserError

__all__ = ["POSITIONAL_READS", "Source", "explained", "first_bytes", "opened"]

POSITIONAL_READS = hasattr(os, "pread")
"""True everywhere but on Windows."""

_HIGHEST_RATE = 400_000  # Hz: a filter for the rates that a damaged header says takes all memory

_BINARY = getattr(os, "O_BINARY", 0)  # on Windows only


class Source(Protocol):
    """An open audio file, of which any stretch can be read, down-mixed."""

    rate: int
    frames: int
    integers: bool  # whether samples are stored as integers, which are always numbers

    def read(self, first: int, count: int) -> np.ndarray: ...

    def close(self) -> None: ...


@contextmanager
def opened(path: str, magic: bytes | None = None) -> Iterator[Source]:
    """Open an audio file while the block runs.

    Parameters
    ----------
    path : str
        Audio file.
    magic : bytes, optional
        Its first 16 bytes, where they are known.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated or not audio.
    """
    try:
        source = _open(path, first_bytes(path) if magic is None else magic)
    except OSError as error:
        raise explained(path, error) from error
    try:
        if not 0 < source.rate <= _HIGHEST_RATE:
            raise UserError(
                f"'{path}' is damaged: its header says {source.rate:,} samples a second. Copy or "
                "convert it again."
            )
        if source.frames <= 0:
            raise UserError(f"'{path}' holds no audio: a header and not one sample.")
        yield source
    finally:
        source.close()


def first_bytes(path: str) -> bytes:
    """Return the first 16 bytes of a file, which tell what it is.

    Raises
    ------
    UserError
        When there are none.
    OSError
        When it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | _BINARY)
    try:
        magic = os.read(descriptor, 16)
    finally:
        os.close(descriptor)
    if not magic:
        raise UserError(f"'{path}' is empty (0 bytes): expected audio.")
    return magic


def _open(path: str, magic: bytes) -> Source:
    """Open a file with the first reader that knows what it is, by its content."""
    if magic.startswith(b"RIFF") and POSITIONAL_READS:
        try:
            return WavSource(path)
        except NotImplementedError:
            pass
    if magic.startswith(SPHERE_MAGIC):
        return SphereSource(path)
    if FFmpegSource.expects(path, magic):
        return FFmpegSource(path, magic)
    return SoundFileSource(path)


def explained(path: str, error: OSError) -> UserError:
    """Say in plain words why a file cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return UserError(f"No such audio file: '{path}'. Check the path, and what moved.")
    if isinstance(error, IsADirectoryError):
        return UserError(f"'{path}' is a folder: expected an audio file.")
    if isinstance(error, PermissionError):
        return UserError(f"'{path}' may not be read: give this user permission to read it.")
    return UserError(f"'{path}' cannot be read: {error.strerror or error}.")
