"""Chunks from a pack instead of the audio files: the same samples, for the price of a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pyannote_ge2e.data.audio.pack.check import changed_files
from pyannote_ge2e.data.audio.pack.layout import LEFT_OUT
from pyannote_ge2e.data.audio.pack.match import Names, find_rows
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.reader import placed
from pyannote_ge2e.data.batches.sources import ROUNDING, WaveformSource
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.errors import UserError

__all__ = ["PackSource", "without_left_out"]


class PackSource(WaveformSource):
    """Chunks of the files of an index, from a pack; travels to workers as two paths.

    Where the index is not the one that the pack was made of, its rows of the pack travel too.

    Parameters
    ----------
    index : Index
        Of files that the pack holds: see `without_left_out`.
    folder : Path
        The pack.

    Attributes
    ----------
    rate : float
        Samples in a second.
    pack : Pack
    rows : (F,) int64 array
        Row of the pack of each file of the index.

    Raises
    ------
    UserError
        When the pack cannot be used: see `Pack`.
    """

    def __init__(self, index: Index, folder: Path) -> None:
        self.index = index
        self.pack = Pack(folder)
        self.rate = float(self.pack.sample_rate)
        self.rows = find_rows(_names(index), self.pack.table.names)

    def __getstate__(self) -> dict[str, Any]:
        in_order = np.array_equal(self.rows, np.arange(len(self.rows)))
        return self.__dict__ | {"rows": len(self.rows) if in_order else self.rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.rows, int):
            self.rows = np.arange(self.rows)

    def check(self, sample_rate: int) -> None:
        """Check that it is the pack to train on.

        Raises
        ------
        UserError
            When its sample rate is another one, it lacks files of the index, holds less of one than
            is annotated, or a file that is there has changed.
        """
        command = self.pack.command
        where = f"The pack '{self.pack.folder}'"
        if self.pack.sample_rate != sample_rate:
            raise UserError(
                f"{where} is at {self.pack.sample_rate} Hz and the model works at {sample_rate} "
                f"Hz: make one with '--sample-rate {sample_rate}' in another folder."
            )
        missing = np.flatnonzero(self.rows < 0)
        if len(missing):
            raise UserError(
                f"{where} lacks '{self.index.uri(int(missing[0]))}'{_and_more(len(missing) - 1)}: "
                f"bring it up to date with '{command}', or give the pack of this protocol."
            )
        files = self.index.file
        held = self.pack.samples[self.rows[files]] / self.rate
        short = np.flatnonzero(self.index.end > held + ROUNDING)
        if len(short):
            file, row = int(files[short[0]]), int(short[0])
            raise UserError(
                f"{where} holds {held[row]:.3f} s of '{self.index.uri(file)}', and its annotation "
                f"ends at {self.index.end[row]:.3f} s: if its file was cut short, copy that again "
                f"and run '{command}'; else correct the annotation."
            )
        changed = changed_files(self.index, self.pack, self.rows)
        if changed:
            raise UserError(
                f"'{self.index.path(changed[0])}' has changed since '{self.pack.folder}' was packed"
                f"{_and_more(len(changed) - 1)}: bring the pack up to date with '{command}', which "
                "reads only what changed."
            )

    def read(
        self, file: int, start: float, offset: int, length: int, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Read `length` samples from `offset` samples after `start` seconds: (1, length).

        As from the audio files, what an annotation has too much, by rounding, is silence.
        """
        out = np.empty((1, length), np.float32) if out is None else out
        row = self.rows.item(file)
        samples = self.pack.samples.item(row)
        first = placed(round((start + offset / self.rate) * self.rate), length, samples, self.rate)
        there = max(min(length, samples - first), 0)
        if there:  # of a piece that lies beyond the end altogether, the shard may hold no page
            self.pack.read(row, first, out[0, :there])
        out[0, there:] = 0.0
        return out


def _names(index: Index) -> Names:
    return Names(index.uris, index.databases, index.file_database)


def _and_more(others: int) -> str:
    return f", and {others} more" if others else ""


def without_left_out(index: Index, folder: Path) -> tuple[Index, str | None]:
    """Leave out of an index the utterances that could not be packed.

    Parameters
    ----------
    index : Index
    folder : Path
        The pack.

    Returns
    -------
    index : Index
        The same one, where nothing was left out.
    remark : str or None
        Says how many, and where they are listed.
    """
    pack = Pack(folder, check=False)
    rows = find_rows(_names(index), pack.table.names)
    left_out = (rows >= 0) & (pack.shard[rows] == LEFT_OUT)
    if not left_out.any():
        return index, None
    kept = ~left_out[index.file]
    return index.only(kept), (
        f"{np.count_nonzero(left_out)} of {len(rows)} files could not be packed and are left out: "
        f"see '{pack.table.folder / 'left_out.tsv'}'."
    )
