"""Packing: each utterance once, several at a time, and whatever happens nothing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.audio.pack.fill import Filling, Progress
from pyannote_ge2e.data.audio.pack.layout import (
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
from pyannote_ge2e.data.audio.pack.shards import NoRoom, Shards
from pyannote_ge2e.data.audio.pack.table import Refused, Table
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.errors import UserError

__all__ = ["SHARD_SIZE", "Packed", "write_pack"]

SHARD_SIZE = 2_000_000_000
"""Bytes in a shard: 17 hours at 16 kHz."""


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
        Bytes of the shards that hold what changed, left, or could not be read to its end.
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
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"'{error.filename}' is a file: give a new or an empty folder to pack into."
        ) from error
    except OSError as error:
        raise UserError(
            f"'{folder}' cannot be made: {error.strerror}. Choose a folder you may write to."
        ) from error
    _check_ours(folder)
    with locked(folder):
        previous, whole = Table.newest(folder), read_whole(folder)
        if previous is not None:
            _check_same(folder, previous.about, about)
            if whole is not None and whole.index == previous.folder.name:
                previous.check(whole)
        try:
            names = Names(index.uris, index.databases, index.file_database)
            table = Table.create(folder, names, about, previous, whole)
            run = Filling(index, table, Shards(folder, shard_size), about.sample_rate)
            run.run(max(threads, 1), progress or (lambda done: None))
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


def _finish(folder: Path, table: Table, run: Filling) -> Packed:
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
