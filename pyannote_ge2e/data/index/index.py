"""A protocol's training speech as flat arrays: who speaks when, and in which file."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pyannote_ge2e.data.index.places import Templates, locate
from pyannote_ge2e.data.index.store import map_arrays, save_arrays
from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.errors import UserError

FORMAT = 2
_TABLES = ("speakers", "databases", "uris", "paths")
_ARRAYS = (
    *("speaker", "file", "start", "end", "file_database"),
    *("speaker_first", "speaker_database", "speaker_speech", "speaker_shortest"),
)


class Utterance(NamedTuple):
    """One annotated speech turn; times in seconds."""

    speaker: str
    database: str
    path: str  # empty where the templates of the database lead to it
    start: float
    end: float
    uri: str = ""  # the path, if it has no other


class Index:
    """Utterances of a protocol, sorted by speaker, then file, then start.

    Attributes
    ----------
    speakers : StringTable of S labels, in alphabetical order
    databases : StringTable
    uris : StringTable of F names, each unique within its database
    paths : StringTable
        Of each file, or of none: `templates` lead to files then. Ask `path`, not this.
    templates : dict of str to list of str
        Where the files of a database may be, as `Databases` of a database.yml says it.
    speaker, file : (U,) int32 arrays
        Rows of `speakers` and `uris`.
    start, end : (U,) float64 arrays
        Seconds.
    speaker_first : (S + 1,) int64 array
        Row of the first utterance of each speaker, and U.
    speaker_database : (S,) int32 array
        Row of `databases` where the speaker was first met.
    speaker_speech, speaker_shortest : (S,) float64 arrays
        Seconds of all utterances of a speaker, and of the shortest.
    file_database : (F,) int32 array
        Row of `databases`.

    Examples
    --------
    >>> index = Index.of([
    ...     Utterance("bob", "Tiny", "bob.wav", 0.0, 2.0),
    ...     Utterance("alice", "Tiny", "alice.wav", 0.0, 1.5, uri="alice"),
    ... ])
    >>> list(index.speakers), index.speaker.tolist(), index.end.tolist()
    (['alice', 'bob'], [0, 1], [1.5, 2.0])
    >>> index.uri(1), index.path(1), index.database(1)
    ('alice', 'alice.wav', 'Tiny')
    >>> index.summary()
    '2 speakers, 2 utterances in 2 files of 1 database, 0.00 hours of speech'
    """

    speakers: StringTable
    databases: StringTable
    uris: StringTable
    paths: StringTable
    templates: Templates
    speaker: np.ndarray
    file: np.ndarray
    start: np.ndarray
    end: np.ndarray
    speaker_first: np.ndarray
    speaker_database: np.ndarray
    speaker_speech: np.ndarray
    speaker_shortest: np.ndarray
    file_database: np.ndarray
    folder: Path | None = None

    @classmethod
    def of(cls, utterances: Iterable[Utterance], templates: Templates | None = None) -> Index:
        """Build an index from a stream of utterances, whatever their order."""
        speakers: dict[str, int] = {}
        databases: dict[str, int] = {}
        files: dict[tuple[str, str, str], int] = {}
        file_database = array("q")
        rows = array("d")
        for label, database, path, start, end, uri in utterances:
            file = files.setdefault((database, uri or path, path), len(files))
            if file == len(file_database):
                file_database.append(databases.setdefault(database, len(databases)))
            rows.extend((speakers.setdefault(label, len(speakers)), file, start, end))
        table = np.frombuffer(rows, np.float64).reshape(-1, 4)
        paths = [path for *_, path in files]
        return cls.of_columns(
            speakers=list(speakers),
            databases=list(databases),
            uris=StringTable.of(uri for _, uri, _ in files),
            paths=StringTable.of(paths if any(paths) else []),
            templates=templates or {},
            speaker=table[:, 0],
            file=table[:, 1],
            start=table[:, 2],
            end=table[:, 3],
            file_database=np.array(file_database),
        )

    @classmethod
    def of_columns(
        cls,
        *,
        speakers: Sequence[str],
        databases: Sequence[str],
        uris: StringTable,
        paths: StringTable,
        templates: Mapping[str, Sequence[str]],
        speaker: np.ndarray,
        file: np.ndarray,
        start: np.ndarray,
        end: np.ndarray,
        file_database: np.ndarray,
    ) -> Index:
        """Build an index from its columns; speakers and utterances come in any order."""
        index = cls()
        order = sorted(range(len(speakers)), key=speakers.__getitem__)
        rank = np.empty(len(speakers), np.int32)
        rank[order] = np.arange(len(speakers), dtype=np.int32)
        speaker_column, file_column = rank[speaker.astype(np.int32)], file.astype(np.int32)
        if (np.diff(file_column) > 0).all():  # one utterance a file, in the order of files
            by = np.argsort(speaker_column, kind="stable")
        else:
            # Last key first: by speaker, file, start, end.
            by = np.lexsort((end, start, file_column, speaker_column))

        index.speakers = StringTable.of(speakers[row] for row in order)
        index.databases = StringTable.of(databases)
        index.uris, index.paths = uris, paths
        index.templates = {name: list(templates[name]) for name in databases if name in templates}
        index.speaker = speaker_column[by]
        index.file = file_column[by]
        index.start = start[by]
        index.end = end[by]
        index.file_database = file_database.astype(np.int32)
        # Backwards, so that what was met first is written last.
        index.speaker_database = np.empty(len(speakers), np.int32)
        index.speaker_database[speaker_column[::-1]] = index.file_database[file_column[::-1]]
        every = np.arange(len(speakers) + 1, dtype=np.int32)
        index.speaker_first = np.searchsorted(index.speaker, every)
        first = index.speaker_first[:-1]
        index.speaker_speech = np.add.reduceat(index.durations, first)
        index.speaker_shortest = np.minimum.reduceat(index.durations, first)
        return index

    def save(self, folder: Path) -> None:
        """Write to a folder that appears complete or not at all; one already there is kept."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        for name in _TABLES:
            table = getattr(self, name)
            arrays |= {f"{name}.blob": table.blob, f"{name}.offsets": table.offsets}
        save_arrays(Path(folder), arrays, {"format": FORMAT, "templates": self.templates})

    @classmethod
    def load(cls, folder: Path) -> Index:
        """Map an index that `save` wrote; nothing is read before it is used."""
        folder = Path(folder)
        index = cls()
        parts = [f"{name}.{part}" for name in _TABLES for part in ("blob", "offsets")]
        try:
            arrays, about = map_arrays(folder, [*_ARRAYS, *parts])
            index.templates = about["templates"]
        except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
            raise UserError(
                f"The index in '{folder}' cannot be read ({error}); remove that folder and "
                "start again."
            ) from error
        for name in _ARRAYS:
            setattr(index, name, arrays[name])
        for name in _TABLES:
            setattr(index, name, StringTable(arrays[f"{name}.blob"], arrays[f"{name}.offsets"]))
        index.folder = folder
        return index

    def __getstate__(self) -> dict[str, Any]:
        # A mapped index travels to a worker as its folder, not as a copy of its arrays.
        return self.__dict__ if self.folder is None else {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        mapped = state.keys() == {"folder"}
        self.__dict__ = Index.load(state["folder"]).__dict__ if mapped else state

    def only(self, kept: np.ndarray) -> Index:
        """Index of some of the utterances, (U,) bool says which, and of who speaks in them."""
        present, speaker = np.unique(self.speaker[kept], return_inverse=True)
        return Index.of_columns(
            speakers=[self.speakers[row] for row in present.tolist()],
            databases=list(self.databases),
            uris=self.uris,
            paths=self.paths,
            templates=self.templates,
            speaker=speaker,
            file=self.file[kept],
            start=self.start[kept],
            end=self.end[kept],
            file_database=self.file_database,
        )

    def digest(self) -> str:
        """Name that another index has only if it holds the same."""
        digest = hashlib.sha256(json.dumps([FORMAT, self.templates]).encode())
        for name in _TABLES:
            table = getattr(self, name)
            digest.update(table.blob.tobytes() + table.offsets.tobytes())
        for name in _ARRAYS:
            digest.update(getattr(self, name).tobytes())
        return digest.hexdigest()[:16]

    def uri(self, file: int) -> str:
        """Name of a file, given its row."""
        return self.uris[file]

    def database(self, file: int) -> str:
        """Name of the database of a file, given its row."""
        only = len(self.databases) == 1
        return self.databases[0 if only else int(self.file_database[file])]

    def path(self, file: int) -> str:
        """Path of the audio of a file, given its row.

        Raises
        ------
        UserError
            If no template leads to it, or several do and there is no file at any of the places.
        """
        if len(self.paths):
            return self.paths[file]
        uri, database = self.uri(file), self.database(file)
        if database not in self.templates:
            raise UserError(
                f"Where is the audio of '{uri}'? Say so for '{database}' under 'Databases' in "
                "database.yml."
            )
        return locate(uri, database, self.templates[database])

    @property
    def durations(self) -> np.ndarray:
        """Length of every utterance, (U,) in seconds."""
        return self.end - self.start

    def speech(self, least: float = 0.0) -> np.ndarray:
        """Speech of every speaker, (S,) in seconds.

        Parameters
        ----------
        least : float
            Utterances shorter than that, in seconds, do not count.

        Examples
        --------
        >>> index = Index.of(
        ...     Utterance("bob", "Tiny", "bob.wav", start, start + length)
        ...     for start, length in [(0.0, 2.0), (3.0, 0.5)]
        ... )
        >>> index.speech().tolist(), index.speech(least=1.0).tolist()
        ([2.5], [2.0])
        """
        speech = np.array(self.speaker_speech)
        # Only of these are single utterances looked at: a mapped index is read no further.
        for speaker in np.flatnonzero(self.speaker_shortest < least).tolist():
            rows = self.utterances(speaker)
            durations = self.end[rows] - self.start[rows]
            speech[speaker] = durations[durations >= least].sum()
        return speech

    def utterances(self, speaker: int) -> slice:
        """Rows of the utterances of a speaker, given its row."""
        return slice(*self.speaker_first[speaker : speaker + 2].tolist())

    def summary(self) -> str:
        """What the index holds, in one line."""
        databases = f"{len(self.databases)} database{'s' * (len(self.databases) != 1)}"
        return (
            f"{len(self.speakers)} speakers, {len(self.speaker)} utterances in "
            f"{len(self.uris)} files of {databases}, "
            f"{self.speaker_speech.sum() / 3600:.2f} hours of speech"
        )
