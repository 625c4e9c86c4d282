"""Text files of names and numbers: reading their lines, and what may stand between two fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["content_lines", "separator_for", "text_bytes"]


def text_bytes(path: Path) -> bytes:
    """Return the content of a text file, without its byte order mark.

    Raises
    ------
    UserError
        If it cannot be read, or is no text.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4096]:
        raise UserError(f"'{path}' is not UTF-8 text: convert it.")
    return content.removeprefix(b"\xef\xbb\xbf")


def content_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of the lines that are neither blank nor comments (`#`).

    Raises
    ------
    UserError
        If the file cannot be read, or is not UTF-8.
    """
    for number, raw in enumerate(text_bytes(path).split(b"\n"), start=1):
        try:
            line = raw.decode().strip(" \t\r")
        except UnicodeDecodeError as error:
            raise UserError(f"'{path}', line {number}: not UTF-8 text: convert it.") from error
        if line and not line.startswith("#"):
            yield number, line


def separator_for(path: Path, names: Iterable[str]) -> str:
    """Return what to write between two fields: a space, or a tab where names hold spaces.

    Raises
    ------
    UserError
        If a name is empty, starts like a comment, starts or ends with a space, or holds a tab
        or the end of a line.
    """
    separator = " "
    for name in names:
        unfit = not name or name != name.strip() or name.startswith("#")
        if unfit or any(sign in name for sign in "\t\r\n"):
            raise UserError(f"Cannot write '{path}': {name!r} cannot stand in a line of text.")
        if " " in name:
            separator = "\t"
    return separator
