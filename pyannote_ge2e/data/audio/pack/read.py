"""Reading a pack: open it once, then every chunk is a copy out of a memory map."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.audio.pack.layout import (
    FULL_SCALE,
    Whole,
    indexes,
    read_whole,
    shard_name,
)
from pyannote_ge2e.data.audio.pack.table import Table
from pyannote_ge2e.errors import UserError

__all__ = ["Pack", "Shard", "map_shard"]

_SCALE = np.float32(1 / FULL_SCALE)
_WILL_NEED: int | None = getattr(mmap, "MADV_WILLNEED", None)  # Windows has none


class Pack:
    """A whole pack, mapped: nothing is read before it is asked for.

    It travels to workers as its path.

    Parameters
    ----------
    folder : Path
    check : bool, optional
        Whether to look at the size of each shard and the digest of the index; their contents are
        looked at by `damaged_rows` alone.

    Attributes
    ----------
    whole : Whole
    table : Table
    sample_rate : int
    shard, first, samples : (F,) int arrays
        Columns of the table.

    Raises
    ------
    UserError
        When there is no pack, it is not whole, or something in it changed.
    """

    def __init__(self, folder: Path, check: bool = True) -> None:
        self.folder = Path(folder)
        self.whole = _whole(self.folder)
        self.sample_rate = self.whole.about.sample_rate
        self.table = Table(self.folder / self.whole.index)
        if check:
            self._check()
        rows = self.table.rows
        self.shard, self.first, self.samples = (rows[c] for c in ("shard", "first", "samples"))
        self._shards: dict[int, Shard] = {}

    def __getstate__(self) -> Path:
        return self.folder

    def __setstate__(self, folder: Path) -> None:
        self.__init__(folder, check=False)  # type: ignore[misc]

    @property
    def command(self) -> str:
        """Words that bring it up to date."""
        return self.whole.about.command(self.folder)

    def _check(self) -> None:
        self.table.check(self.whole)
        for name, size in self.whole.shards.items():
            path = self.folder / name
            held = path.stat().st_size if path.is_file() else -1
            if held != size:
                raise UserError(
                    f"'{path}' {'is missing' if held < 0 else f'has {held:,} bytes'}, and "
                    f"{size:,} bytes were written: copy it again, or remove it and run "
                    f"'{self.command}'."
                )

    def read(self, row: int, first: int, out: np.ndarray) -> None:
        """Copy samples of an utterance, as many as there is room for.

        Parameters
        ----------
        row : int
        first : int
            Sample of the utterance to begin with. The caller sees to it that there are enough.
        out : (S,) float32 array
        """
        memory, samples = self.mapped(self.shard.item(row))
        begin = self.first.item(row) + first
        end = begin + len(out)
        # Of a pack that memory does not hold, all pages of the chunk are asked for at once: one by
        # one, as they are touched, takes ten times as long.
        if _WILL_NEED is not None:
            page = 2 * begin // mmap.PAGESIZE * mmap.PAGESIZE
            memory.madvise(_WILL_NEED, page, 2 * end - page)
        out[:] = samples[begin:end]
        out *= _SCALE

    def mapped(self, number: int) -> Shard:
        """Shard that is mapped when first asked for."""
        shard = self._shards.get(number)
        if shard is None:
            shard = self._shards[number] = map_shard(self.folder, number)
        return shard


class Shard(NamedTuple):
    """A shard in memory, as bytes and as (S,) int16 samples."""

    memory: mmap.mmap
    samples: np.ndarray


def map_shard(folder: Path, number: int) -> Shard:
    """Map a shard.

    Raises
    ------
    UserError
        When it is not there.
    """
    path = folder / shard_name(number)
    try:
        with path.open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return Shard(memory, np.frombuffer(memory, "<i2"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{path}' cannot be read ({error}): was the pack changed meanwhile? Start again."
        ) from error


def _whole(folder: Path) -> Whole:
    """What a pack is made of, or words for why it cannot be used."""
    if not folder.is_dir():
        raise UserError(
            f"There is no pack '{folder}': make one with 'pyannote-audio emb pack PROTOCOL "
            f"{folder}'."
        )
    whole = read_whole(folder)
    if whole is not None:
        return whole
    if not indexes(folder):
        raise UserError(
            f"'{folder}' is not a pack: make one with 'pyannote-audio emb pack PROTOCOL DIR'."
        )
    table = Table.newest(folder)
    assert table is not None
    done = int(np.count_nonzero(table.rows["shard"] >= 0))
    raise UserError(
        f"The pack '{folder}' is not complete ({done} of {len(table.rows)} utterances): finish it "
        f"with '{table.about.command(folder)}'."
    )
