"""The folder that a command writes to."""

from __future__ import annotations

import os
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["check_output"]


def check_output(folder: Path) -> None:
    """Check that a folder can be made and written to, before time is spent on what goes there.

    Raises
    ------
    UserError
        If it is a file, below one, or not ours to write to.
    """
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(
            f"Cannot write '{folder}': '{nearest}' is no folder that you may write to; "
            "choose another with --output."
        )
