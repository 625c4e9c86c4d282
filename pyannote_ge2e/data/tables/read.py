"""Reading the table of a subset, and its list, into flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.data.tables.columns import Block, bad_line, blocks, line_number, numbers
from pyannote_ge2e.errors import UserError

__all__ = ["Table", "check_listed", "read_list", "read_table", "table_of_extents"]

_EXPECTED = "'uri<tab>speaker<tab>milliseconds', the last a whole number"


class Table(NamedTuple):
    """Files of a subset, each of which is one speaker's from its start to its end.

    Attributes
    ----------
    uris : StringTable of F names
    speakers : list of S str
        In the order in which they are first met.
    speaker : (F,) int32 array
        Rows of `speakers`.
    milliseconds : (F,) int64 array
        Durations.
    """

    uris: StringTable
    speakers: list[str]
    speaker: np.ndarray
    milliseconds: np.ndarray


class _Numbered(dict[bytes, int]):
    """Numbers strings as they are met."""

    def __missing__(self, key: bytes) -> int:
        self[key] = number = len(self)
        return number


def read_table(path: Path) -> Table:
    r"""Read the table that `write_table` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    table : Table

    Raises
    ------
    UserError
        Naming the line that is malformed, or the uri that is there twice.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "train.utterances"
    >>> _ = path.write_text("a/1\talice\t1250\nb/1\tbob\t900\na/2\talice\t3000\n")
    >>> table = read_table(path)
    >>> list(table.uris), table.speakers, table.speaker.tolist(), table.milliseconds.tolist()
    (['a/1', 'b/1', 'a/2'], ['alice', 'bob'], [0, 1, 0], [1250, 900, 3000])
    """
    known = _Numbered()
    speaker: list[np.ndarray] = []
    milliseconds: list[np.ndarray] = []

    def read() -> Iterator[Block]:
        for block in blocks(path, 3, _EXPECTED):
            durations = numbers(block, 2)
            if (durations < 0).any():
                raise bad_line(path, block.row + int(np.argmax(durations < 0)), _EXPECTED)
            milliseconds.append(durations)
            speaker.append(np.array([known[name] for name in block.fields(1)], np.int32))
            yield block

    uris = _uris(path, read())
    _check_distinct(path, uris)
    return Table(
        uris,
        [name.decode() for name in known],
        np.concatenate([*speaker, np.zeros(0, np.int32)]),
        np.concatenate([*milliseconds, np.zeros(0, np.int64)]),
    )


def read_list(path: Path) -> StringTable:
    """Read the uris of a `.lst` file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    uris : StringTable

    Raises
    ------
    UserError
        If it cannot be read, is not UTF-8, or names a uri twice.
    """
    uris = _uris(path, blocks(path, 1, "a uri"))
    _check_distinct(path, uris)
    return uris


def _uris(path: Path, read: Iterator[Block]) -> StringTable:
    """First column of a file."""
    # As large as it may have to be: what is not written to takes no memory.
    blob = np.empty(path.stat().st_size if path.is_file() else 0, np.uint8)
    lengths = [np.zeros(1, np.int64)]
    filled = 0
    for block in read:
        joined = block.joined(0)
        blob[filled : filled + len(joined)] = joined
        filled += len(joined)
        lengths.append(block.lengths(0))
    return StringTable(blob[:filled], np.cumsum(np.concatenate(lengths)))


def _check_distinct(path: Path, uris: StringTable) -> None:
    twice = uris.duplicate()
    if twice is not None:
        first, second = (line_number(path, row) for row in twice)
        raise UserError(
            f"'{path}', line {second}: '{uris[twice[1]]}' was on line {first} already; "
            "keep one of them."
        )


def check_listed(table: Path, uris: StringTable, listed: Path) -> None:
    """Check that a table holds the files of a list, in the same order.

    Parameters
    ----------
    table : Path
    uris : StringTable
        Of the table.
    listed : Path
        The `.lst` beside it.

    Raises
    ------
    UserError
        Naming the first line that differs.
    """
    names = _uris(listed, blocks(listed, 1, "a uri"))
    if np.array_equal(uris.offsets, names.offsets) and np.array_equal(uris.blob, names.blob):
        return
    shorter = min(len(uris), len(names))
    for row in range(shorter):
        if uris[row] != names[row]:
            raise UserError(
                f"'{table}', line {line_number(table, row)}, is about '{uris[row]}' where "
                f"'{listed}', line {line_number(listed, row)}, has '{names[row]}': both must "
                "name the same files in the same order."
            )
    longer, others = (table, listed) if len(uris) > len(names) else (listed, table)
    raise UserError(
        f"'{longer}' goes on, at line {line_number(longer, shorter)}, where '{others}' ends: "
        "both must name the same files."
    )


def table_of_extents(path: Path) -> Path:
    """Table whose files a `.extents` file stands for.

    Parameters
    ----------
    path : Path

    Returns
    -------
    table : Path

    Raises
    ------
    UserError
        If it names no file.
    """
    try:
        name = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read '{path}': {error}.") from error
    table = path.parent / name
    if not name or not table.is_file():
        raise UserError(
            f"'{path}' names no table: expected one line, such as '{path.stem}.utterances', which "
            "is a file beside it."
        )
    return table
