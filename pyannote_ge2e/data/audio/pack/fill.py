"""Filling the rows of a pack, several files at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import numpy as np

from pyannote_ge2e.data.audio.pack.convert import convert, source_state
from pyannote_ge2e.data.audio.pack.layout import LEFT_OUT, ROW
from pyannote_ge2e.data.audio.pack.shards import NoRoom, Place, Shards
from pyannote_ge2e.data.audio.pack.table import Refused, Table
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.errors import UserError

__all__ = ["Filling", "Progress"]

Progress = Callable[[int], None]

_SYNC_EVERY = 2.0  # seconds: no more work than that is done again after a crash


class _Stopped(Exception):
    """The run ends before its time."""


class Filling:
    """One run over a table: reads what is to do, and marks it done.

    Parameters
    ----------
    index : Index
        Whose files are the rows of the table.
    table : Table
    shards : Shards
        Where samples go.
    sample_rate : int

    Attributes
    ----------
    refused : list of Refused
        Files that cannot be read.
    written : int
        Files read in this run.
    """

    def __init__(self, index: Index, table: Table, shards: Shards, sample_rate: int) -> None:
        self.index, self.table, self.shards = index, table, shards
        self.sample_rate = sample_rate
        self.refused: list[Refused] = []
        self.written = 0
        self._stop = Event()
        self._filled: list[tuple[int, np.ndarray]] = []
        self._synced = time.monotonic()

    def run(self, threads: int, progress: Progress) -> None:
        """Fill all rows; however it ends, what is done by then is on disk.

        Raises
        ------
        NoRoom
            When samples cannot be written.
        """
        waiting: deque[tuple[int, Future[np.ndarray]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            try:
                for row in range(len(self.table.rows)):
                    if not self._is_to_do(row):
                        progress(1)
                        continue
                    waiting.append((row, pool.submit(self._convert, row)))
                    if len(waiting) >= 4 * threads:
                        self._settle(*waiting.popleft())
                        progress(1)
                while waiting:
                    self._settle(*waiting.popleft())
                    progress(1)
            finally:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                for row, future in waiting:
                    if not future.cancelled() and future.exception() is None:
                        self._filled.append((row, future.result()))
                self._sync()

    def _is_to_do(self, row: int) -> bool:
        known = self.table.rows[row]
        if known["shard"] < 0:
            return True
        try:
            state = source_state(self.index.path(row))
        except (OSError, UserError):
            return False  # gone: that is what packs are for
        return state != (known["size"], known["mtime_ns"])

    def _convert(self, row: int) -> np.ndarray:
        """Read a file, and write it unless its samples are there already; in a thread."""
        path, known = self.index.path(row), self.table.rows[row]
        if known["shard"] >= 0:  # copied or touched, perhaps
            again = convert(path, self.sample_rate, lambda samples: self._unless_stopped)
            if all(again[name] == known[name] for name in ("samples", "checksum")):
                again["shard"], again["first"] = known["shard"], known["first"]
                return again
        place = Place(LEFT_OUT, 0)

        def sink(samples: int) -> Callable[[np.ndarray], None]:
            nonlocal place
            place = self.shards.reserve(samples)
            return _Pen(self.shards, place, self._unless_stopped)

        found = convert(path, self.sample_rate, sink)
        found["shard"], found["first"] = place
        return found

    def _unless_stopped(self, pcm: np.ndarray) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _settle(self, row: int, future: Future[np.ndarray]) -> None:
        try:
            self._filled.append((row, future.result()))
        except NoRoom:
            raise
        except UserError as error:
            database = self.table.names.databases[int(self.table.names.file_database[row])]
            self.refused.append(Refused(database, self.table.names.uris[row], str(error)))
            left_out = np.zeros((), ROW)
            left_out["shard"] = LEFT_OUT
            self._filled.append((row, left_out))
        if time.monotonic() - self._synced > _SYNC_EVERY:
            self._sync()

    def _sync(self) -> None:
        """See the samples on disk first, then the rows that say they are."""
        filled, self._filled = self._filled, []
        self.shards.sync()
        self.table.fill(filled)
        self.written += sum(int(row["shard"]) >= 0 for _, row in filled)
        self._synced = time.monotonic()


class _Pen:
    """Writes block after block to a shard."""

    def __init__(self, shards: Shards, place: Place, check: Callable[[np.ndarray], None]) -> None:
        self.shards, self.place, self.check = shards, place, check

    def __call__(self, pcm: np.ndarray) -> None:
        self.check(pcm)
        self.shards.write(self.place, pcm)
        self.place = self.place._replace(first=self.place.first + len(pcm))
