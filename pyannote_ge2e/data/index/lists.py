"""Reading the lists of a `database.yml` line by line.

pyannote.database reads RTTM and UEM files with pandas, one annotation object for each recording:
8 minutes and 6 GB for the million recordings of VoxCeleb2. What is declared with plain lists can
be read in a fraction of that.
"""

from __future__ import annotations

import functools
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from pyannote_ge2e.data.protocol import Subset, one_line, protocol_name
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol

Turns = list[tuple[str, float, float]]


class Declared(NamedTuple):
    """A subset as a `database.yml` declares it, by plain lists."""

    database: str
    scope: str | None
    uri: Path
    annotation: Path | None
    annotated: Path | None
    audio: str  # path template with {uri} and {database}


class ListedFile(NamedTuple):
    """A recording, and who speaks when: label, start and end in seconds."""

    uri: str
    database: str
    scope: str | None
    path: str
    turns: Turns | None  # None without annotation


def declared(protocol: Protocol, subset: Subset) -> list[Declared] | None:
    """How a subset is declared, part by part of a meta-protocol; None unless by plain lists.

    Plain is: one .lst, one .rttm, one .uem or none, one place for the audio, no preprocessor.

    Raises
    ------
    UserError
        Naming a list that is missing.
    """
    from pyannote.database import FileFinder

    preprocessors = dict(protocol.preprocessors)
    pyannotes = [preprocessors.pop(key, None) for key in ("annotated", "annotation")]
    if any(getattr(one, "keywords", {}).get("existing_preprocessor") for one in pyannotes):
        return None
    audio = preprocessors.pop("audio", None)
    if preprocessors or not isinstance(audio, FileFinder):
        return None
    try:
        return _parts(getattr(protocol, f"{subset}_iter", None), audio.registry)
    except FileNotFoundError as error:
        raise UserError(f"{protocol_name(protocol)}: {one_line(error)}") from error


def _parts(entry: Any, registry: Any) -> list[Declared] | None:
    if not isinstance(entry, functools.partial):
        return None
    if not entry.args:
        part = _part(registry, **entry.keywords)
        return None if part is None else [part]
    # A meta-protocol: database, task, protocol, subset, {protocol: subsets}, database.yml.
    parts: list[Declared] = []
    for name, subsets in entry.args[4].items():
        protocol = registry.get_protocol(name)
        for subset in subsets:
            some = _parts(getattr(protocol, f"{subset}_iter", None), registry)
            if some is None:
                return None
            parts += some
    return parts


def _part(
    registry: Any,
    database: str,
    entries: dict[str, Any],
    database_yml: Path,
    scope: str | None = None,
    **_: Any,
) -> Declared | None:
    from pyannote.database.custom import resolve_path

    if "duration" in entries:  # pyannote crops with it, file by file
        return None
    sources = registry.sources.get(database, [])
    lists: dict[str, Path | None] = {"annotation": None, "annotated": None}
    for key, suffix in (("uri", ".lst"), ("annotation", ".rttm"), ("annotated", ".uem")):
        name = entries.get(key)
        if name is not None:
            if not isinstance(name, str) or not name.endswith(suffix) or "{" in name:
                return None
            lists[key] = resolve_path(Path(name), database_yml)
    if lists.get("uri") is None or len(sources) != 1 or "*" in sources[0]:
        return None
    return Declared(database, scope, audio=sources[0], **lists)  # type: ignore[arg-type]


def listed_files(part: Declared) -> Iterator[ListedFile]:
    """Read the recordings of a declared subset, in the order of its list.

    Raises
    ------
    UserError
        Naming the line that is malformed, or the audio file that is missing.
    """
    speech = _read_rttm(part.annotation) if part.annotation is not None else {}
    annotated = _read_uem(part.annotated) if part.annotated is not None else {}
    for number, line in _lines(part.uri):
        uri = line.strip()
        if not uri:
            continue
        path = part.audio.format(uri=uri, database=part.database)
        if not os.path.isfile(path):
            raise UserError(f"'{part.uri}', line {number}: there is no '{path}'.")
        turns = None if part.annotation is None else speech.pop(uri, [])
        if turns and part.annotated is not None:
            turns = within(turns, annotated.get(uri, []))
        yield ListedFile(uri, part.database, part.scope, path, turns)


def within(turns: Turns, regions: list[tuple[float, float]]) -> Turns:
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


def _read_uem(path: Path) -> dict[str, list[tuple[float, float]]]:
    regions: dict[str, list[tuple[float, float]]] = defaultdict(list)
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
