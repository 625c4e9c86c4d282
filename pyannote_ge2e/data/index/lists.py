"""Reading the lists of a `database.yml` line by line.

pyannote.database reads RTTM and UEM files with pandas, one annotation object for each recording:
8 minutes and 6 GB for the million recordings of VoxCeleb2. What is declared with plain lists can
be read in a fraction of that.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from sys import intern
from typing import NamedTuple

from pyannote_ge2e.data.index.declared import Declared
from pyannote_ge2e.data.tables.read import check_listed, read_list, read_table
from pyannote_ge2e.errors import UserError

__all__ = ["ListedFile", "Regions", "Turns", "listed_files", "read_regions", "read_turns", "within"]

Turns = list[tuple[str, float, float]]
Regions = list[tuple[float, float]]


class ListedFile(NamedTuple):
    """A recording, and who speaks when: label, start and end in seconds."""

    uri: str
    database: str
    scope: str | None
    path: str  # empty where the templates of the database lead to it
    turns: Turns | None  # None without annotation


def listed_files(part: Declared) -> Iterator[ListedFile]:
    """Read the recordings of a declared subset, in the order of its list.

    Raises
    ------
    UserError
        Naming the line that is malformed.
    """
    turns: Turns | None
    if part.table is not None:
        table = read_table(part.table)
        check_listed(part.table, table.uris, part.uri)
        rows = zip(table.uris, table.speaker.tolist(), table.milliseconds.tolist(), strict=True)
        for uri, speaker, milliseconds in rows:
            turns = [(table.speakers[speaker], 0.0, milliseconds / 1000)]
            yield ListedFile(uri, part.database, part.scope, "", turns)
        return
    speech = read_turns(part)
    for uri in read_list(part.uri):
        turns = None if speech is None else speech.pop(uri, [])
        yield ListedFile(uri, part.database, part.scope, "", turns)


def read_turns(part: Declared) -> dict[str, Turns] | None:
    """Speech turns within the annotated parts of the files of plain lists; None without an RTTM."""
    if part.annotation is None:
        return None
    regions = read_regions(part)
    return {
        uri: within(turns, regions.get(uri, []))
        for uri, turns in _read_rttm(part.annotation).items()
    }


def read_regions(part: Declared) -> dict[str, Regions]:
    """Annotated parts of the files of plain lists; nothing without a UEM."""
    return {} if part.annotated is None else _read_uem(part.annotated)


def within(turns: Turns, regions: Regions) -> Turns:
    """Parts of turns that lie within regions; all of them where there is no region.

    Examples
    --------
    >>> within([("A", 0.0, 4.0)], [(1.0, 2.0), (3.0, 9.0)])
    [('A', 1.0, 2.0), ('A', 3.0, 4.0)]
    """
    if not regions:
        return turns
    return [
        (label, max(start, first), min(end, last))
        for label, start, end in turns
        for first, last in regions
        if min(end, last) > max(start, first)
    ]


def _read_rttm(path: Path) -> dict[str, Turns]:
    turns: dict[str, Turns] = defaultdict(list)
    for fields, where in _fields(path):
        if fields[0] == "SPEAKER":
            start, duration = _numbers(fields[3:5], where)
            if len(fields) < 8:
                raise UserError(f"{where}: expected a speaker in field 8.")
            turns[fields[1]].append((intern(fields[7]), start, start + duration))
    return turns


def _read_uem(path: Path) -> dict[str, Regions]:
    regions: dict[str, Regions] = defaultdict(list)
    for fields, where in _fields(path):
        start, end = _numbers(fields[2:4], where)
        regions[fields[0]].append((start, end))
    return regions


def _fields(path: Path) -> Iterator[tuple[list[str], str]]:
    for number, line in _lines(path):
        fields = line.split()
        if fields:
            yield fields, f"'{path}', line {number}"


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as lines:
            yield from enumerate(lines, start=1)
    except UnicodeDecodeError as error:
        raise UserError(f"'{path}' is not UTF-8 text: convert it ({error.reason}).") from error
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error


def _numbers(fields: list[str], where: str) -> tuple[float, float]:
    try:
        first, second = map(float, fields)
        if not math.isfinite(first + second):
            raise ValueError
    except ValueError as error:
        raise UserError(f"{where}: expected two times in seconds, not {fields}.") from error
    return first, second
