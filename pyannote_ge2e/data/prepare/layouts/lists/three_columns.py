"""Lists of lines `path speaker -1`, as several toolkits train from."""

from __future__ import annotations

from pathlib import Path

from pyannote_ge2e.data.prepare.layouts.lists.rows import Listed
from pyannote_ge2e.data.score_files.text_lines import content_lines
from pyannote_ge2e.errors import UserError

__all__ = ["is_three_columns", "read_three_columns"]


def is_three_columns(path: Path) -> bool:
    r"""Tell whether the first line of a file is `path speaker -1`.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "train.txt"
    >>> _ = path.write_text("ann/call 1.wav 17 -1\n")
    >>> is_three_columns(path)
    True
    """
    for _, line in content_lines(path):
        return _is_row(line)
    return False


def read_three_columns(path: Path) -> list[Listed]:
    r"""Read a list.

    Raises
    ------
    UserError
        Naming the line that is malformed.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "train.txt"
    >>> _ = path.write_text("ann/call 1.wav 17 -1\n")
    >>> (row,) = read_three_columns(path)
    >>> row.path, row.speaker
    ('ann/call 1.wav', '17')
    """
    rows = []
    for number, line in content_lines(path):
        if not _is_row(line):
            raise UserError(f"'{path}', line {number}: expected 'path speaker -1', found '{line}'.")
        name, speaker, _ = line.rsplit(None, 2)
        rows.append(Listed(path, number, name, speaker))
    return rows


def _is_row(line: str) -> bool:
    fields = line.rsplit(None, 2)
    return len(fields) == 3 and fields[2] == "-1"
