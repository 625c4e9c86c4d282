"""Packing: each utterance once, several at a time, and whatever happens nothing is lost."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np

from pyannote_ge2e.data.audio.pack.convert import convert, source_state
from pyannote_ge2e.data.audio.pack.layout import (
    LEFT_OUT,
    ROW,
    About,
    Whole,
    indexes,
    read_whole,
    shard_name,
    write_whole,
)
from pyannote_ge2e.data.audio.pack.layout import shards as shards_of
from pyannote_ge2e.data.audio.pack.lock import locked
from pyannote_ge2e.data.audio.pack.match import Names
from pyannote_ge2e.data.audio.pack.shards import NoRoom, Place, Shards
from pyannote_ge2e.data.audio.pack.table import Refused, Table
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.errors import UserError

__all__ = ["SHARD_SIZE", "Packed", "write_pack"]

SHARD_SIZE = 2_000_000_000
"""Bytes in a shard: 17 hours at 16 kHz."""

Progress = Callable[[int], None]

_SYNC_EVERY = 2.0  # seconds: no more work than that is done again after a crash


class _Stopped(Exception):
    """The run ends before its time."""


@dataclass(frozen=True)
class Packed:
    """What a run of `write_pack` did.

    Attributes
    ----------
    rows : (F,) array of ROW
        What the pack holds now.
    written : int
        Utterances read in this run.
    refused : list of Refused
        Those that are not in the pack.
    unused : int
        Bytes of the shards that hold what changed or left since.
    index : Path
        Folder with the rows, and with the list of what was left out.
    """

    rows: np.ndarray
    written: int
    refused: list[Refused]
    unused: int
    index: Path


def write_pack(
    index: Index,
    folder: Path,
    about: About,
    *,
    shard_size: int = SHARD_SIZE,
    threads: int = 4,
    progress: Progress | None = None,
) -> Packed:
    """Write the files of an index into a pack, or go on with one, or bring one up to date.

    What is done already is not done again: a file whose source has the size and the modification
    time that it had, or is not there any more. A file that cannot be read is left out.

    Parameters
    ----------
    index : Index
    folder : Path
        Made when missing; else it is empty, or holds a pack of the same protocol.
    about : About
    shard_size : int, optional
        Bytes in a shard. An utterance that is longer has a shard of its own.
    threads : int, optional
        Files read at a time.
    progress : callable, optional
        Called with the number of files just done.

    Returns
    -------
    packed : Packed

    Raises
    ------
    UserError
        When the folder holds something else, another process writes to it, the disk is full, or
        not one file can be read.
    KeyboardInterrupt
        On Ctrl-C; what is done is kept, and the message says so.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"'{folder}' cannot be made: {error.strerror}. Choose a folder you may write to."
        ) from error
    _check_ours(folder)
    with locked(folder):
        previous = Table.newest(folder)
        if previous is not None:
            _check_same(folder, previous.about, about)
        try:
            names = Names(index.uris, index.databases, index.file_database)
            table = Table.create(folder, names, about, previous)
            run = _Run(index, table, Shards(folder, shard_size), about.sample_rate)
            run.fill(max(threads, 1), progress or (lambda done: None))
            return _finish(folder, table, run)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(
                f"Stopped. {_done(folder)}: run the same command to go on."
            ) from interrupt
        except (NoRoom, OSError) as error:
            raise UserError(
                f"{error if isinstance(error, NoRoom) else _sentence(error, folder)} "
                f"{_done(folder)}: make room, then run the same command to go on."
            ) from error


class _Run:
    """Fills a table, several files at a time."""

    def __init__(self, index: Index, table: Table, shards: Shards, sample_rate: int) -> None:
        self.index, self.table, self.shards = index, table, shards
        self.sample_rate = sample_rate
        self.refused: list[Refused] = []
        self.written = 0
        self._stop = Event()
        self._filled: list[tuple[int, np.ndarray]] = []
        self._synced = time.monotonic()

    def fill(self, threads: int, progress: Progress) -> None:
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


def _finish(folder: Path, table: Table, run: _Run) -> Packed:
    """Declare the pack whole, and remove what it does not need."""
    used = np.unique(table.rows["shard"][table.rows["shard"] >= 0]).tolist()
    if not used:
        first = run.refused[0].reason
        raise UserError(
            f"Not one of {len(table.rows)} utterances could be packed, the first because: {first}"
        )
    table.write_refused(run.refused)
    sizes = {shard_name(n): (folder / shard_name(n)).stat().st_size for n in used}
    whole = Whole(table.about, table.folder.name, table.digest(), sizes)
    write_whole(folder, whole)
    for number in indexes(folder)[:-1]:
        shutil.rmtree(folder / f"index-{number}", ignore_errors=True)
    for number in shards_of(folder):
        if number not in used:
            (folder / shard_name(number)).unlink()
    held = int(table.rows["samples"][table.rows["shard"] >= 0].sum())
    return Packed(
        table.rows, run.written, run.refused, sum(sizes.values()) - 2 * held, table.folder
    )


def _done(folder: Path) -> str:
    """How far a run came that ended before its time."""
    table = Table.newest(folder)
    rows = np.zeros(0, ROW) if table is None else table.rows
    done = np.count_nonzero(rows["shard"] >= 0)
    return f"{done} of {len(rows)} utterances are packed and stay so"


def _check_ours(folder: Path) -> None:
    """Check that a folder is empty, or holds what a pack holds."""
    if not folder.is_dir():
        raise UserError(f"'{folder}' is not a folder: give one to pack into.")
    if read_whole(folder) is None and not indexes(folder) and not (folder / "lock").exists():
        other = next(_visible(folder), None)
        if other is not None:
            raise UserError(
                f"'{folder}' holds other things ('{other}'): give a new or an empty folder."
            )


def _visible(folder: Path) -> Iterator[str]:
    return (name for name in sorted(os.listdir(folder)) if not name.startswith("."))


def _check_same(folder: Path, there: About, wanted: About) -> None:
    """Check that a pack is brought up to date, not turned into another one."""
    if (there.protocol, there.subset) != (wanted.protocol, wanted.subset):
        raise UserError(
            f"'{folder}' is the pack of {there.protocol}, {there.subset}: give another folder for "
            f"{wanted.protocol}, {wanted.subset}."
        )
    if there.sample_rate != wanted.sample_rate:
        raise UserError(
            f"'{folder}' is a pack at {there.sample_rate} Hz: give another folder for "
            f"{wanted.sample_rate} Hz."
        )


def _sentence(error: OSError, folder: Path) -> str:
    return f"'{error.filename or folder}' cannot be written: {error.strerror or error}."
