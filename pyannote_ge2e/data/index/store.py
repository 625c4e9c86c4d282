"""Arrays in a folder that appears complete or not at all, mapped when they are read."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["ABOUT", "map_arrays", "save_arrays"]

ABOUT = "index.json"
_PIECE = 1 << 16  # bytes


def save_arrays(folder: Path, arrays: Mapping[str, np.ndarray], about: Any) -> None:
    """Write arrays to a folder; one that is already there is kept.

    Parameters
    ----------
    folder : Path
    arrays : mapping of str to array
    about : anything that JSON can say

    Raises
    ------
    OSError
        If that fails; nothing is left behind then.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    partial.mkdir()
    try:
        for name, array in arrays.items():
            _save(partial / f"{name}.npy", array)
        (partial / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        try:
            os.rename(partial, folder)
        except OSError:
            # Another process was first: what it wrote was made from the same protocol.
            if not (folder / ABOUT).is_file():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _save(path: Path, array: np.ndarray) -> None:
    array = np.ascontiguousarray(array)
    with path.open("wb", buffering=0) as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        # The page cache keeps what is written at once in one piece, and maps it whole when a
        # byte of it is read: a process that looks at few speakers would hold the whole index.
        data = array.reshape(-1).view(np.uint8)
        first = 0
        while first < len(data):
            # What finds no room on a full disk is cut short first, and refused only then.
            first += file.write(data[first : first + _PIECE].tobytes())


def map_arrays(folder: Path, names: list[str]) -> tuple[dict[str, np.ndarray], Any]:
    """Map arrays that `save_arrays` wrote; nothing is read before it is used.

    Parameters
    ----------
    folder : Path
    names : list of str

    Returns
    -------
    arrays : dict of str to array
    about
        What was said about them.

    Raises
    ------
    OSError, ValueError, EOFError
        If they cannot be read.
    """
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    with suppress(OSError):  # that of somebody else, perhaps
        os.utime(folder / ABOUT)  # tells who tidies up that it is in use
    # The plain view is several times faster to index than the memmap it keeps open.
    arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in names}
    return arrays, about
