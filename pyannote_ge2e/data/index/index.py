"""A protocol's training speech as flat arrays: who speaks when, and in which file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.errors import UserError

FORMAT = 1
_TABLES = ("speakers", "databases", "paths")
_ARRAYS = ("speaker", "file", "start", "end", "speaker_database")


class Utterance(NamedTuple):
    """One annotated speech turn; times in seconds."""

    speaker: str
    database: str
    path: str
    start: float
    end: float


class Index:
    """Utterances of a protocol, sorted by speaker, then file, then start.

    Attributes
    ----------
    speakers : StringTable of S labels, in alphabetical order
    databases, paths : StringTable
    speaker, file : (U,) int32 arrays
        Rows of `speakers` and `paths`.
    start, end : (U,) float64 arrays
        Seconds.
    speaker_database : (S,) int32 array
        Row of `databases` where the speaker was first met.

    Examples
    --------
    >>> index = Index.of([
    ...     Utterance("bob", "Tiny", "bob.wav", 0.0, 2.0),
    ...     Utterance("alice", "Tiny", "alice.wav", 0.0, 1.5),
    ... ])
    >>> list(index.speakers), index.speaker.tolist(), index.end.tolist()
    (['alice', 'bob'], [0, 1], [1.5, 2.0])
    >>> index.summary()
    '2 speakers, 2 utterances in 2 files of 1 database, 0.00 hours of speech'
    """

    speakers: StringTable
    databases: StringTable
    paths: StringTable
    speaker: np.ndarray
    file: np.ndarray
    start: np.ndarray
    end: np.ndarray
    speaker_database: np.ndarray
    folder: Path | None = None

    @classmethod
    def of(cls, utterances: Iterable[Utterance]) -> Index:
        """Build an index from a stream of utterances, whatever their order."""
        speakers: dict[str, int] = {}
        databases: dict[str, int] = {}
        paths: dict[str, int] = {}
        speaker_database: list[int] = []
        rows = array("d")
        for label, database, path, start, end in utterances:
            speaker = speakers.setdefault(label, len(speakers))
            if speaker == len(speaker_database):
                speaker_database.append(databases.setdefault(database, len(databases)))
            rows.extend((speaker, paths.setdefault(path, len(paths)), start, end))

        index = cls()
        labels = list(speakers)
        order = sorted(range(len(labels)), key=labels.__getitem__)
        rank = np.empty(len(labels), np.int32)
        rank[order] = np.arange(len(labels), dtype=np.int32)
        table = np.frombuffer(rows, np.float64).reshape(-1, 4)
        speaker_column = rank[table[:, 0].astype(np.int32)]
        # Last key first: by speaker, file, start, end.
        by = np.lexsort((table[:, 3], table[:, 2], table[:, 1], speaker_column))

        index.speakers = StringTable.of(labels[row] for row in order)
        index.databases = StringTable.of(databases)
        index.paths = StringTable.of(paths)
        index.speaker = speaker_column[by]
        index.file = table[by, 1].astype(np.int32)
        index.start = np.ascontiguousarray(table[by, 2])
        index.end = np.ascontiguousarray(table[by, 3])
        index.speaker_database = np.array(speaker_database, np.int32)[order]
        return index

    def save(self, folder: Path) -> None:
        """Write to a folder that appears complete or not at all; one already there is kept."""
        folder = Path(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
        partial.mkdir()
        try:
            for name in _TABLES:
                table = getattr(self, name)
                np.save(partial / f"{name}.blob.npy", table.blob)
                np.save(partial / f"{name}.offsets.npy", table.offsets)
            for name in _ARRAYS:
                np.save(partial / f"{name}.npy", getattr(self, name))
            (partial / "index.json").write_text(json.dumps({"format": FORMAT}), encoding="utf-8")
            try:
                os.rename(partial, folder)
            except OSError:
                # Another process was first: what it wrote was made from the same protocol.
                if not (folder / "index.json").is_file():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> Index:
        """Map an index that `save` wrote; nothing is read before it is used."""
        folder = Path(folder)
        index = cls()
        try:
            for name in _TABLES:
                blob, offsets = (
                    _map(folder / f"{name}.{part}.npy") for part in ("blob", "offsets")
                )
                setattr(index, name, StringTable(blob, offsets))
            for name in _ARRAYS:
                setattr(index, name, _map(folder / f"{name}.npy"))
        except (OSError, ValueError, EOFError) as error:
            raise UserError(
                f"The index in '{folder}' cannot be read ({error}); remove that folder and "
                "start again."
            ) from error
        index.folder = folder
        return index

    def __getstate__(self) -> dict[str, Any]:
        # A mapped index travels to a worker as its folder, not as a copy of its arrays.
        return self.__dict__ if self.folder is None else {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        mapped = state.keys() == {"folder"}
        self.__dict__ = Index.load(state["folder"]).__dict__ if mapped else state

    def digest(self) -> str:
        """Name that another index has only if it holds the same."""
        digest = hashlib.sha256(str(FORMAT).encode())
        for name in _TABLES:
            table = getattr(self, name)
            digest.update(table.blob.tobytes() + table.offsets.tobytes())
        for name in _ARRAYS:
            digest.update(getattr(self, name).tobytes())
        return digest.hexdigest()[:16]

    def path(self, file: int) -> str:
        """Path of the audio of a file, given its row."""
        return self.paths[file]

    @property
    def durations(self) -> np.ndarray:
        """Length of every utterance, (U,) in seconds."""
        return self.end - self.start

    def speech(self) -> np.ndarray:
        """Speech of every speaker, (S,) in seconds."""
        return np.bincount(self.speaker, self.durations, minlength=len(self.speakers))

    def summary(self) -> str:
        """What the index holds, in one line."""
        databases = f"{len(self.databases)} database{'s' * (len(self.databases) != 1)}"
        return (
            f"{len(self.speakers)} speakers, {len(self.speaker)} utterances in "
            f"{len(self.paths)} files of {databases}, "
            f"{self.durations.sum() / 3600:.2f} hours of speech"
        )


def _map(path: Path) -> np.ndarray:
    # The plain view is several times faster to index than the memmap it keeps open.
    return np.asarray(np.load(path, mmap_mode="r"))
