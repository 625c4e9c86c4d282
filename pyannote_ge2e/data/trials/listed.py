"""Trials as a `database.yml` lists them, read line by line.

pyannote reads them with pandas, which takes `001` for a number and `NA` for nothing, and makes an
object for each file. Half a million trials take a second this way.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyannote_ge2e.data.index.declared import Declared, declared_trials
from pyannote_ge2e.data.index.lists import read_regions, read_turns
from pyannote_ge2e.data.index.places import found, missing
from pyannote_ge2e.data.index.speech import merged
from pyannote_ge2e.data.index.strings import Lookup
from pyannote_ge2e.data.protocol import MissingFile, Subset
from pyannote_ge2e.data.tables.read import check_listed, read_list, read_table
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol

__all__ = ["ListedTrials", "listed_trials"]

Segments = list[tuple[float, float]]


class ListedTrials(NamedTuple):
    """Trials over F files: see `TrialIndex`.

    Attributes
    ----------
    speakers : list of F str, or None
        Whether the trials agree with them or not.
    """

    uris: list[str]
    paths: list[str]
    segments: list[Segments]
    trials: np.ndarray
    labels: np.ndarray
    speakers: list[str] | None
    database: str


def listed_trials(
    protocol: Protocol, subset: Subset, duration: Callable[[str], float]
) -> ListedTrials | None:
    """Read the trials of a subset that is declared by plain lists or by a table.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}
    duration : callable
        From the path of a file to its duration in seconds, asked where nothing is annotated.

    Returns
    -------
    trials : ListedTrials, or None
        None if anything else declares them, or nothing does.

    Raises
    ------
    UserError
        Naming the line that is malformed, or names a file that is unknown, missing or empty.
    """
    declaration = declared_trials(protocol, subset)
    if declaration is None:
        return None
    part, path = declaration
    labels, pairs = array("b"), array("q")
    rows: dict[str, int] = {}
    lines = array("q")  # where each uri is named first
    for number, (label, *pair) in _trials(path):
        labels.append(label == "1")
        for uri in pair:
            row = rows.setdefault(uri, len(lines))
            if row == len(lines):
                lines.append(number)
            pairs.append(row)
    if not rows:
        raise UserError(
            f"'{path}' lists no trial: fill it, or take its 'trial' entry out of database.yml and "
            "have trials made."
        )
    uris = list(rows)
    segments, speakers = _spoken(part, uris, lambda row: f"'{path}', line {lines[row]}")
    paths = [
        _audio(uri, part, f"'{path}', line {line}") for uri, line in zip(uris, lines, strict=True)
    ]
    return ListedTrials(
        uris,
        paths,
        [some or [(0.0, duration(audio))] for some, audio in zip(segments, paths, strict=True)],
        np.array(pairs, np.int64).reshape(-1, 2),
        np.array(labels, np.int64),
        speakers,
        part.database,
    )


def _trials(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and three fields of each line."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                fields = line.split()
                if len(fields) == 3 and fields[0] in ("0", "1"):
                    yield number, fields
                elif fields:
                    raise UserError(
                        f"'{path}', line {number}: expected '1 uri1 uri2' or '0 uri1 uri2', not "
                        f"{line.strip()[:200]!r}."
                    )
    except UnicodeDecodeError as error:
        raise UserError(f"'{path}' is not UTF-8 text: convert it ({error.reason}).") from error
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error


def _spoken(
    part: Declared, uris: Sequence[str], where: Callable[[int], str]
) -> tuple[list[Segments], list[str] | None]:
    """Annotated parts of files, as far as they are told, and speakers if each has exactly one."""
    if part.table is not None:
        table = read_table(part.table)
        check_listed(part.table, table.uris, part.uri)
        rows = _rows(Lookup(table.uris), uris, part, where)
        speakers = [table.speakers[row] for row in table.speaker[rows].tolist()]
        seconds = (table.milliseconds[rows] / 1000).tolist()
        whole = [[(0.0, end)] if end > 0 and part.annotated else [] for end in seconds]
        return whole, (speakers if min(seconds) > 0 else None)
    _rows(Lookup(read_list(part.uri)), uris, part, where)
    regions, turns = read_regions(part), read_turns(part)
    segments = [sorted({(a, b) for a, b in regions.get(uri, []) if b > a}) for uri in uris]
    if turns is None:
        return segments, None
    labels = [{label for label, *_ in merged(turns.get(uri, []))} for uri in uris]
    if any(len(some) != 1 for some in labels):
        return segments, None
    return segments, [label for some in labels for label in some]


def _rows(
    find: Lookup, uris: Sequence[str], part: Declared, where: Callable[[int], str]
) -> np.ndarray:
    """Rows of a list at which files of trials are."""
    rows = np.empty(len(uris), np.int64)
    for number, uri in enumerate(uris):
        row = find(uri)
        if row is None:
            stem = uri.rpartition(".")[0]
            known = find(stem) is not None
            hint = f" (but '{stem}' is: leave '{uri[len(stem) :]}' out)" if known else ""
            raise UserError(f"{where(number)}: '{uri}' is not in '{part.uri}'{hint}.")
        rows[number] = row
    return rows


def _audio(uri: str, part: Declared, where: str) -> str:
    """Path of a file that holds something."""
    path = found(uri, part.database, part.templates)
    if path is None:
        raise MissingFile(f"{where}: {missing(uri, part.database, part.templates)}")
    if os.path.getsize(path) == 0:
        raise UserError(f"{where}: '{path}' is empty; get that file again, or leave the trial out.")
    return path
