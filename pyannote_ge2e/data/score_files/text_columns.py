"""Columns of a text file, whatever separates its fields, a block of lines at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.score_files.column_facts import ColumnCounts, ColumnFacts
from pyannote_ge2e.data.score_files.columns import header_columns, possible_columns
from pyannote_ge2e.data.score_files.text_lines import text_bytes
from pyannote_ge2e.errors import UserError

__all__ = ["TextColumns", "shown"]

# Bytes split at once: fields are objects, of several times the size of their text.
_BLOCK = 1 << 20
# Lines that decide what separates the fields.
_SAMPLE = 100

Block = tuple[np.ndarray, list[Sequence[bytes]]]


class TextColumns:
    """Lines of as many fields each.

    Blank lines, and those that start with `#`, do not count.

    Parameters
    ----------
    path : Path
    columns : tuple of str, optional
        What each column holds, where the user said it.
    scores : bool
        Whether a score file or a list of trials is expected.

    Attributes
    ----------
    header : tuple of str, or None
        What each column holds, as the first line says.
    width : int
        Number of columns.

    Raises
    ------
    UserError
        If the file cannot be read, is no text, or is empty.
    """

    def __init__(self, path: Path, columns: tuple[str, ...] | None, *, scores: bool) -> None:
        self.path = path
        self._content = text_bytes(path)
        self._start, self._first_line = 0, 1
        sample = self._first_lines()
        if not sample:
            raise UserError(f"'{path}' is empty: expected a line for each trial.")
        self._separator = _separator(sample, columns, scores=scores)
        rows = [_fields(line, self._separator) for _, line in sample]
        self.header = header_columns(rows[0])
        if self.header is not None:
            stop = self._content.find(b"\n", sample[0][0]) + 1 or len(self._content)
            self._first_line += self._content.count(b"\n", 0, stop)
            self._start, rows = stop, rows[1:] or rows
        # One of these lines may be the one that is malformed.
        self.width = _usual_width(rows)
        self._sample = [row for row in rows if len(row) == self.width]
        if self.header is not None and len(self.header) != self.width:
            raise UserError(
                f"'{path}' names {len(self.header)} columns in its header, and has {self.width}."
            )
        if columns is not None and len(columns) != self.width:
            raise UserError(
                f"--columns names {len(columns)} columns, and '{path}' has {self.width}."
            )

    def sample_facts(self) -> list[ColumnFacts]:
        """Return what the first lines tell of each column."""
        return _facts(list(zip(*self._sample, strict=True)))

    def facts(self) -> list[ColumnFacts]:
        """Return what all lines tell of each column."""
        counts = [ColumnCounts() for _ in range(self.width)]
        for _, columns in self.blocks():
            for count, column in zip(counts, columns, strict=True):
                count.add(column)
        return [count.facts() for count in counts]

    def blocks(self) -> Iterator[Block]:
        """Yield the numbers of some lines, from 1, and their columns.

        Raises
        ------
        UserError
            Naming the first line with more or fewer fields than the others.
        """
        start, number = self._start, self._first_line
        while start < len(self._content):
            stop = self._content.find(b"\n", start + _BLOCK) + 1 or len(self._content)
            text = self._content[start:stop]
            if self._separator is None and b"#" not in text:
                numbers, columns = self._split_at_spaces(text, number)
            else:
                numbers, columns = self._split_lines(text, number)
            if len(numbers):
                yield numbers, columns
            start, number = stop, number + text.count(b"\n")

    def _split_at_spaces(self, text: bytes, number: int) -> Block:
        """Split at white space, several times faster than line by line."""
        signs = np.frombuffer(text, np.uint8)
        # What bytes.split() splits at: 9 to 13 are tab, line feed, ..., carriage return.
        space = (signs == 32) | ((signs >= 9) & (signs <= 13))
        starts = np.flatnonzero(~space & np.concatenate([[True], space[:-1]]))
        ends = np.append(np.flatnonzero(signs == 10), len(signs))
        widths = np.diff(np.searchsorted(starts, ends), prepend=0)
        filled = np.flatnonzero(widths)
        wrong = filled[widths[filled] != self.width]
        if len(wrong):
            line = text.split(b"\n")[wrong[0]]
            raise self._wrong_width(number + wrong[0], widths[wrong[0]], line)
        fields = text.split()
        return number + filled, [fields[at :: self.width] for at in range(self.width)]

    def _split_lines(self, text: bytes, number: int) -> Block:
        lines = text.split(b"\n")
        filled = [at for at, line in enumerate(lines) if _holds_something(line)]
        rows = [_fields(lines[at], self._separator) for at in filled]
        for at, row in zip(filled, rows, strict=True):
            if len(row) != self.width:
                raise self._wrong_width(number + at, len(row), lines[at])
        return number + np.array(filled, np.int64), list(zip(*rows, strict=True))

    def _wrong_width(self, number: int, width: int, line: bytes) -> UserError:
        return UserError(
            f"'{self.path}', line {number}: expected {self.width} columns, as in the other lines, "
            f"found {width}: '{shown(line)}'."
        )

    def _first_lines(self) -> list[tuple[int, bytes]]:
        """First lines that hold something, and where each starts."""
        lines: list[tuple[int, bytes]] = []
        start = 0
        while start < len(self._content) and len(lines) < _SAMPLE:
            stop = self._content.find(b"\n", start) + 1 or len(self._content)
            line = self._content[start:stop]
            if _holds_something(line):
                lines.append((start, line))
            start = stop
        return lines


def shown(text: bytes) -> str:
    """Text as a message shows it."""
    words = text.decode(errors="replace").strip()
    return words if len(words) <= 100 else f"{words[:100]}..."


def _separator(
    sample: list[tuple[int, bytes]], columns: tuple[str, ...] | None, *, scores: bool
) -> bytes | None:
    """Return what separates fields: a tab or a comma if that makes sense of them, or white space.

    With white space "a, b, 0.5" would make sense too, but with a comma in the names; and names
    may hold spaces when tabs or commas separate them.
    """
    for separator in (b"\t", b","):
        rows = [_fields(line, separator) for _, line in sample]
        if header_columns(rows[0]) is not None:
            return separator
        width = _usual_width(rows)
        rows = [row for row in rows if len(row) == width]
        if width == 1 or not all(map(all, rows)):
            continue
        if columns is not None and width == len(columns):
            return separator
        if possible_columns(_facts(list(zip(*rows, strict=True))), scores=scores):
            return separator
    return None


def _facts(columns: Sequence[Sequence[bytes]]) -> list[ColumnFacts]:
    counts = [ColumnCounts() for _ in columns]
    for count, column in zip(counts, columns, strict=True):
        count.add(column)
    return [count.facts() for count in counts]


def _usual_width(rows: list[list[bytes]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0]


def _fields(line: bytes, separator: bytes | None) -> list[bytes]:
    if separator is None:
        return line.split()
    return [field.strip().strip(b'"') for field in line.split(separator)]


def _holds_something(line: bytes) -> bool:
    line = line.strip()
    return bool(line) and not line.startswith(b"#")
