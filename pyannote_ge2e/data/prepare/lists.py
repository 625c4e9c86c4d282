"""The lists of a corpus on disk: all of the new ones take the place of the old ones, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.errors import UserError

__all__ = [
    "LEFT_OUT",
    "LINKS",
    "LIST_SUFFIXES",
    "MEASURED",
    "publish",
    "staging",
    "write_left_out",
]

LIST_SUFFIXES = (".lst", ".utterances", ".extents", ".trial", ".rttm", ".uem")
"""Suffixes of lists; the last two were those of annotations once."""

LEFT_OUT = "left_out.txt"
"""What is in none of the lists: path, tab, reason."""

MEASURED = "measured.tsv"
"""What a run measured, for the next one."""

LINKS = "audio"
"""Folder of the links to files that are not called what their uris are."""


@contextmanager
def staging(lists: Path) -> Iterator[Path]:
    """Give a folder to write new lists to, which is gone after the block.

    One process at a time: see `lock`.

    Parameters
    ----------
    lists : Path
        Folder of the lists, beside which it is made.

    Raises
    ------
    UserError
        When something cannot be written (a full disk, a folder of somebody else's).

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> lists = Path(folder.name) / "lists" / "Voices"
    >>> with staging(lists) as new:
    ...     _ = (new / "train.lst").write_text("ann/1")
    ...     publish(new, lists)
    >>> [path.name for path in lists.iterdir()], [path.name for path in lists.parent.iterdir()]
    (['train.lst'], ['Voices'])
    """
    folder = lists.with_name(f".{lists.name}.new")
    made = not lists.parent.exists()
    try:
        if folder.exists():  # of a run that was killed
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise UserError(
            f"Cannot write to '{lists}': {error.strerror or error}. What was there before is "
            "untouched; make room, or choose a folder you may write to (--registry)."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if made and lists.parent.is_dir() and not any(lists.parent.iterdir()):
            lists.parent.rmdir()


def publish(new: Path, lists: Path) -> None:
    """Move all files of a folder to where they belong: names change, and nothing is written."""
    lists.mkdir(exist_ok=True)
    for path in sorted(new.iterdir()):
        os.replace(path, lists / path.name)


def write_left_out(folder: Path, left_out: Iterable[LeftOut]) -> None:
    """Write what was left out and why, one a line, to `<folder>/left_out.txt`."""
    with replacing(folder / LEFT_OUT) as temporary:
        lines = (f"{item.name}\t{item.reason}\n" for item in left_out)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
