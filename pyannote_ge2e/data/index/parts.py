"""From the lists and tables of a subset to its index, without an object for each recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.index.declared import Declared, templates_of
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.index.lists import listed_files
from pyannote_ge2e.data.index.speech import merged, speaker_name
from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.data.tables.read import check_listed, read_table
from pyannote_ge2e.errors import UserError

__all__ = ["index_of_parts"]


class _Columns(NamedTuple):
    """Utterances of a part: rows of its speakers and of its files, and seconds."""

    speakers: list[str]
    uris: StringTable
    speaker: np.ndarray
    file: np.ndarray
    start: np.ndarray
    end: np.ndarray


def index_of_parts(parts: Sequence[Declared]) -> Index:
    """Index what some lists and tables hold; files without speech are left out.

    Parameters
    ----------
    parts : sequence of Declared

    Returns
    -------
    index : Index

    Raises
    ------
    UserError
        Naming the line that is malformed, that differs between a list and its table, or the file
        about which an RTTM says nothing because there is none.
    """
    if not parts:
        return Index.of([])
    columns = [_of_list(part) if part.table is None else _of_table(part) for part in parts]
    speakers: dict[str, int] = {}
    numbers = [
        np.array([speakers.setdefault(name, len(speakers)) for name in some.speakers], np.int32)
        for some in columns
    ]
    databases: dict[str, int] = {}
    file_database = [
        np.full(len(some.uris), databases.setdefault(part.database, len(databases)), np.int32)
        for part, some in zip(parts, columns, strict=True)
        if len(some.uris)
    ]
    first = np.cumsum([0, *(len(some.uris) for some in columns)])
    uris = StringTable.joined([some.uris for some in columns])
    whose = np.concatenate([np.zeros(0, np.int32), *file_database])
    file = np.concatenate(
        [some.file + base for some, base in zip(columns, first[:-1], strict=True)]
    )
    if len({part.database for part in parts}) < len(parts):
        uris, whose, file = _once(uris, whose, file)
    return Index.of_columns(
        speakers=list(speakers),
        databases=list(databases),
        uris=uris,
        paths=StringTable.of([]),
        templates=templates_of(parts),
        speaker=np.concatenate(
            [those[some.speaker] for those, some in zip(numbers, columns, strict=True)]
        ),
        file=file,
        start=np.concatenate([some.start for some in columns]),
        end=np.concatenate([some.end for some in columns]),
        file_database=whose,
    )


def _of_table(part: Declared) -> _Columns:
    assert part.table is not None
    table = read_table(part.table)
    check_listed(part.table, table.uris, part.uri)
    spoken = table.milliseconds > 0
    uris, labels, speaker, milliseconds = table
    if not spoken.all():
        uris, milliseconds = uris.kept(spoken), milliseconds[spoken]
        heard, speaker = np.unique(speaker[spoken], return_inverse=True)
        labels = [labels[row] for row in heard.tolist()]
    file = np.arange(len(uris), dtype=np.int32)
    if part.scope in ("global", "database"):
        speakers = [speaker_name(label, part.scope, part.database, "") for label in labels]
    else:
        speakers = [
            speaker_name(labels[row], part.scope, part.database, uri)
            for uri, row in zip(uris, speaker.tolist(), strict=True)
        ]
        speaker = file
    return _Columns(speakers, uris, speaker, file, np.zeros(len(uris)), milliseconds / 1000)


def _of_list(part: Declared) -> _Columns:
    speakers: dict[str, int] = {}
    uris: list[str] = []
    rows: list[tuple[int, int, float, float]] = []
    for uri, database, scope, _, turns in listed_files(part):
        if turns is None:
            raise UserError(
                f"There is no annotation for '{uri}' of '{part.uri}': say who speaks when with an "
                "'annotation' entry beside that list in database.yml."
            )
        spoken = merged(turns)
        for label, start, end in spoken:
            speaker = speaker_name(label, scope, database, uri)
            rows.append((speakers.setdefault(speaker, len(speakers)), len(uris), start, end))
        if spoken:
            uris.append(uri)
    table = np.array(rows, np.float64).reshape(-1, 4)
    return _Columns(
        list(speakers),
        StringTable.of(uris),
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2],
        table[:, 3],
    )


def _once(
    uris: StringTable, databases: np.ndarray, file: np.ndarray
) -> tuple[StringTable, np.ndarray, np.ndarray]:
    """Files of which several parts have some, each once."""
    rows: dict[tuple[int, str], int] = {}
    names = zip(databases.tolist(), uris, strict=True)
    row = np.array([rows.setdefault(name, len(rows)) for name in names], np.int32)
    first = np.zeros(len(row), bool)
    first[np.unique(row, return_index=True)[1]] = True
    return uris.kept(first), databases[first], row[file]
