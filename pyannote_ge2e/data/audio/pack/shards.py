"""Room for samples in files of bounded size, given out to several threads."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.audio.pack.layout import shard_name, shards
from pyannote_ge2e.errors import UserError

__all__ = ["NoRoom", "Place", "Shards"]

_WIDTH = 2  # bytes a sample


class NoRoom(UserError):
    """Samples could not be written: the disk is full, or worse."""


class Place(NamedTuple):
    """Where samples go: shard, and sample of it."""

    shard: int
    first: int


class Shards:
    """New shards of a pack, after those that are there: these are never written to again.

    Parameters
    ----------
    folder : Path
    shard_size : int
        In bytes. An utterance that is longer has a shard of its own.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> shards = Shards(Path(folder.name), shard_size=1000)
    >>> shards.reserve(300), shards.reserve(200), shards.reserve(1)
    (Place(shard=0, first=0), Place(shard=0, first=300), Place(shard=1, first=0))
    """

    def __init__(self, folder: Path, shard_size: int) -> None:
        self.folder = folder
        self._most = shard_size // _WIDTH
        there = shards(folder)
        self._next = Place(there[-1] + 1 if there else 0, 0)
        self._written: set[int] = set()
        self._lock = Lock()

    def reserve(self, samples: int) -> Place:
        """Give room for so many samples to whoever asks."""
        with self._lock:
            place = self._next
            if place.first and place.first + samples > self._most:
                place = Place(place.shard + 1, 0)
            self._next = Place(place.shard, place.first + samples)
            return place

    def write(self, place: Place, samples: np.ndarray) -> None:
        """Write samples, (S,) little-endian int16.

        Raises
        ------
        NoRoom
        """
        path = self.folder / shard_name(place.shard)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                left, position = samples.data.cast("B"), place.first * _WIDTH
                while left:
                    done = os.pwrite(descriptor, left, position)
                    left, position = left[done:], position + done
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NoRoom(f"'{path}' cannot be written: {error.strerror}.") from error
        with self._lock:
            self._written.add(place.shard)

    def sync(self) -> None:
        """See on disk what was written since the last time.

        Raises
        ------
        NoRoom
        """
        with self._lock:
            written, self._written = self._written, set()
        for shard in sorted(written):
            path = self.folder / shard_name(shard)
            try:
                descriptor = os.open(path, os.O_WRONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            except OSError as error:
                raise NoRoom(f"'{path}' cannot be written: {error.strerror}.") from error
