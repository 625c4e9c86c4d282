"""Where a command writes to, checked before time is spent on what goes there."""

from __future__ import annotations

import os
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["check_file", "check_output"]


def check_output(folder: Path, option: str = "--output") -> None:
    """Check that a folder can be made and written to.

    Parameters
    ----------
    folder : Path
    option : str
        What chooses another.

    Raises
    ------
    UserError
        If it is a file, below one, or not ours to write to.
    """
    _check(folder, folder, option)


def check_file(path: Path, option: str = "--output") -> None:
    """Check that a file can be made, or replaced.

    Parameters
    ----------
    path : Path
    option : str
        What chooses another.

    Raises
    ------
    UserError
        If it is a folder, below a file, or in a folder that is not ours to write to.

    Examples
    --------
    >>> check_file(Path("."))
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: Cannot write '.': it is a folder; choose another with --output.
    """
    if path.is_dir():
        raise UserError(f"Cannot write '{path}': it is a folder; choose another with {option}.")
    _check(path.parent, path, option)


def _check(folder: Path, wanted: Path, option: str) -> None:
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(
            f"Cannot write '{wanted}': '{nearest}' is no folder that you may write to; "
            f"choose another with {option}."
        )
