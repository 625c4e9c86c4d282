"""The rows of a pack: one for each utterance of a protocol, filled in while it is made."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.audio.pack.layout import (
    LEFT_OUT,
    ROW,
    TO_DO,
    About,
    Whole,
    indexes,
    read_about,
    shard_name,
    write_about,
)
from pyannote_ge2e.data.audio.pack.match import Names, find_rows
from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.errors import UserError

__all__ = ["Refused", "Table"]

_STRINGS = ("uris", "databases")
REFUSED = "left_out.tsv"

_EMPTY = np.zeros((), ROW)
_EMPTY["shard"] = TO_DO


class Refused(NamedTuple):
    """An utterance that is not in the pack, and why."""

    database: str
    uri: str
    reason: str


class Table:
    """Rows on disk, mapped.

    Parameters
    ----------
    folder : Path
        One that `create` made.

    Attributes
    ----------
    names : Names
        Uri and database of each row.
    rows : (F,) array of ROW
        Read-only: `fill` writes, and shows here.

    Raises
    ------
    UserError
        When a file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            uris, databases = (
                StringTable(_map(folder / f"{name}.blob.npy"), _map(folder / f"{name}.offsets.npy"))
                for name in _STRINGS
            )
            self.names = Names(uris, databases, _map(folder / "file_database.npy"))
            rows = np.load(folder / "rows.npy", mmap_mode="r")
            if rows.dtype != ROW or len(rows) != len(self.names.uris):
                raise ValueError("not the rows of a pack")
        except (OSError, ValueError, EOFError, TokenError) as error:  # numpy's words help nobody
            raise UserError(
                f"The index of the pack '{folder.parent}' is damaged: remove '{folder}' and pack "
                "again."
            ) from error
        self._begin = rows.offset
        self.rows = np.asarray(rows)

    @property
    def about(self) -> About:
        """What it was made for."""
        return read_about(self.folder)

    @classmethod
    def newest(cls, folder: Path) -> Table | None:
        """The table that the last run left in a pack, whole or not."""
        numbers = indexes(folder)
        return cls(folder / f"index-{numbers[-1]}") if numbers else None

    @classmethod
    def create(
        cls,
        folder: Path,
        names: Names,
        about: About,
        previous: Table | None = None,
        whole: Whole | None = None,
    ) -> Table:
        """Make a table; of what `previous` holds too, what is done stays done.

        Unless it is in a shard that is cut, or has not the size that `whole` says. The table
        appears in `folder` complete or not at all.
        """
        rows = np.full(len(names.uris), _EMPTY)
        if previous is not None:
            found = find_rows(names, previous.names)
            rows[found >= 0] = previous.rows[found[found >= 0]]
            # Whoever was left out gets another chance: FFmpeg may be there now, or the file.
            again = (rows["shard"] == LEFT_OUT) | _lost(folder, rows, whole)
            rows[again] = _EMPTY
        numbers = indexes(folder)
        target = folder / f"index-{numbers[-1] + 1 if numbers else 1}"
        partial = folder / f".{target.name}.part"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for name in _STRINGS:
            table = getattr(names, name)
            np.save(partial / f"{name}.blob.npy", table.blob)
            np.save(partial / f"{name}.offsets.npy", table.offsets)
        np.save(partial / "file_database.npy", names.file_database)
        np.save(partial / "rows.npy", rows)
        write_about(partial, about)
        os.rename(partial, target)
        return cls(target)

    def fill(self, filled: Sequence[tuple[int, np.ndarray]]) -> None:
        """Write rows, and see them safely on disk.

        Parameters
        ----------
        filled : sequence of (row, () array of ROW)
        """
        # Written rather than mapped: on a full disk, writing to a map kills the process.
        descriptor = os.open(self.folder / "rows.npy", os.O_WRONLY)
        try:
            for row, content in filled:
                os.pwrite(descriptor, content.tobytes(), self._begin + row * ROW.itemsize)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write_refused(self, refused: Sequence[Refused]) -> None:
        """List what was left out, in a table to read."""
        lines = ("\t".join(" ".join(field.split()) for field in each) + "\n" for each in refused)
        with (self.folder / REFUSED).open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("database\turi\treason\n")
            file.writelines(lines)

    def name(self, row: int) -> str:
        """Uri and database of a row, as a message shows them."""
        database = self.names.databases[int(self.names.file_database[row])]
        return f"'{self.names.uris[row]}' of {database}"

    def check(self, whole: Whole) -> None:
        """Check that this is the table that was written when the pack was declared whole.

        Raises
        ------
        UserError
        """
        pack = self.folder.parent
        if self.digest() != whole.digest:
            raise UserError(
                f"The index of the pack '{pack}' is not the one that was written: remove "
                f"'{self.folder}' and make the pack again with '{whole.about.command(pack)}'."
            )

    def digest(self) -> str:
        """Name that another table has only if it holds the same."""
        digest = hashlib.blake2b(digest_size=16)
        uris, databases, file_database = self.names
        columns = (uris.blob, uris.offsets, databases.blob, databases.offsets, file_database)
        for column in (*columns, self.rows):
            digest.update(np.ascontiguousarray(column).view(np.uint8).data)
        return digest.hexdigest()


def _lost(folder: Path, rows: np.ndarray, whole: Whole | None) -> np.ndarray:
    """Rows whose shard is not there, is not as it was, or ends before they do: (F,) bool."""
    numbers, row_of = np.unique(rows["shard"], return_inverse=True)
    expected = {} if whole is None else whole.shards
    held = np.zeros(len(numbers), np.int64)
    for place, name in enumerate(map(shard_name, numbers.tolist())):
        path = folder / name
        size = path.stat().st_size if path.is_file() else 0
        if size == expected.get(name, size):
            held[place] = size // 2
    lost: np.ndarray = rows["first"] + rows["samples"] > held[row_of]
    return lost & (rows["shard"] >= 0)


def _map(path: Path) -> np.ndarray:
    # The plain view is several times faster to index than the memmap it keeps open.
    return np.asarray(np.load(path, mmap_mode="r"))
