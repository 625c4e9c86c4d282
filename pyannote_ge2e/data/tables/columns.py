"""Text with tab-separated columns, split by numpy: a few megabytes of whole lines at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.errors import UserError

__all__ = ["Block", "bad_line", "blocks", "line_number", "numbers"]

_SIZE = 1 << 22  # bytes read at once
_TAB, _NEWLINE, _ZERO = ord("\t"), ord("\n"), ord("0")
_BLANKS = b" \t\r"  # of which a blank line is made
_MARK = b"\xef\xbb\xbf"  # with which some editors begin UTF-8


class Block(NamedTuple):
    """Some rows of a file.

    Attributes
    ----------
    row : int
        Number of the first one, from 0; blank lines are no rows.
    text : bytes
    data : (B,) uint8 array
        The same bytes.
    starts, ends : (R, columns) int64 arrays
        Where each field begins and ends in `data`.
    """

    row: int
    text: bytes
    data: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def fields(self, column: int) -> list[bytes]:
        """Fields of a column as bytes."""
        bounds = zip(self.starts[:, column].tolist(), self.ends[:, column].tolist(), strict=True)
        return [self.text[start:end] for start, end in bounds]

    def joined(self, column: int) -> np.ndarray:
        """Bytes of a column, field after field: a uint8 array."""
        edges = np.zeros(len(self.data) + 1, np.int8)
        edges[self.starts[:, column]] += 1
        edges[self.ends[:, column]] -= 1
        return self.data[np.cumsum(edges[:-1], dtype=np.int8).view(bool)]

    def lengths(self, column: int) -> np.ndarray:
        """Bytes in each field of a column, (R,)."""
        return self.ends[:, column] - self.starts[:, column]


def blocks(path: Path, columns: int, expected: str) -> Iterator[Block]:
    """Read the rows of a file.

    Blank lines, Windows line ends, and blanks at the ends of lines are as good as absent.

    Parameters
    ----------
    path : Path
    columns : int
        Fields of every row, none of them empty.
    expected : str
        What a line should be, for messages.

    Yields
    ------
    block : Block

    Raises
    ------
    UserError
        If the file cannot be read or is not UTF-8, or naming the first line that is malformed.
    """
    row = 0
    for text in filter(None, _whole_lines(path, " \r" if columns > 1 else " \r\t")):
        _check_utf8(path, text, row)
        data = np.frombuffer(text, np.uint8)
        separates = data == _NEWLINE
        if columns > 1:
            separates |= data == _TAB
        separators = np.flatnonzero(separates)
        wanted = [_TAB] * (columns - 1) + [_NEWLINE]
        if len(separators) % columns or (data[separators].reshape(-1, columns) != wanted).any():
            tabs = [line.count(b"\t") for line in text.split(b"\n")[:-1]]
            raise bad_line(path, row + int(np.argmax(np.array(tabs) != columns - 1)), expected)
        ends = separators.reshape(-1, columns)
        starts = np.concatenate([[0], separators + 1])[:-1].reshape(-1, columns)
        empty = (starts == ends).any(axis=1)
        if empty.any():
            raise bad_line(path, row + int(np.argmax(empty)), expected)
        yield Block(row, text, data, starts, ends)
        row += len(starts)


def _whole_lines(path: Path, blanks: str) -> Iterator[bytes]:
    """Whole lines of a file, a few megabytes at a time, without blank ones."""
    try:
        with path.open("rb") as file:
            rest = file.read(len(_MARK)).removeprefix(_MARK)
            while data := file.read(_SIZE):
                lines, newline, rest = (rest + data).rpartition(b"\n")
                yield _tidy(lines + newline, blanks)
            if rest:
                yield _tidy(rest + b"\n", blanks)
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error


def _tidy(text: bytes, blanks: str) -> bytes:
    """Take blank lines and blanks at the ends of lines away, if there are any."""
    data = np.frombuffer(b"\n" + text, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    beside = np.concatenate([data[ends[:-1] + 1], data[ends[1:] - 1]])
    if not np.isin(beside, [_NEWLINE, *_BLANKS]).any():
        return text
    lines = (line for line in text.split(b"\n") if line.strip(_BLANKS))
    return b"".join(line.strip(blanks.encode()) + b"\n" for line in lines)


def _check_utf8(path: Path, text: bytes, row: int) -> None:
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as error:
        number = line_number(path, row + text.count(b"\n", 0, error.start))
        raise UserError(
            f"'{path}' is not UTF-8 text (line {number}): convert it ({error.reason})."
        ) from error


def bad_line(path: Path, row: int, expected: str) -> UserError:
    """Say which line of a file is not what it should be, given the number of its row."""
    number = line_number(path, row)
    with path.open("rb") as lines:
        line = next(line for count, line in enumerate(lines, start=1) if count == number)
    found = line.decode(errors="replace").rstrip("\r\n")
    return UserError(f"'{path}', line {number}: expected {expected}, not {found[:200]!r}.")


def line_number(path: Path, row: int) -> int:
    """Number of the line, from 1, that holds a row."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            row -= bool(line.strip(_BLANKS + b"\n"))
            if row < 0:
                return number
    raise IndexError(row)


def numbers(block: Block, column: int) -> np.ndarray:
    r"""Whole numbers of a column, (R,) int64; -1 where a field holds anything else.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "numbers"
    >>> _ = path.write_text("12\n-3\n007\n")
    >>> [numbers(block, 0).tolist() for block in blocks(path, 1, "a number")]
    [[12, -1, 7]]
    """
    starts, lengths = block.starts[:, column], block.lengths(column)
    good = lengths <= 18  # digits that an int64 holds
    values = np.zeros(len(starts), np.int64)
    for place in range(int(lengths[good].max(initial=0))):
        inside = good & (place < lengths)
        digits = block.data[starts[inside] + place].astype(np.int64) - _ZERO
        values[inside] = values[inside] * 10 + digits
        good[inside] &= (digits >= 0) & (digits <= 9)
    return np.where(good, values, -1)
