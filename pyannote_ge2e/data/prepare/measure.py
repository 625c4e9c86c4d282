"""How long recordings last, and which of them cannot be used."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.audio.containers import FFMPEG_ADVICE, FFMPEG_SUFFIXES, has_ffmpeg
from pyannote_ge2e.data.audio.reader import checked_duration
from pyannote_ge2e.data.prepare.measured import read_measured, write_measured
from pyannote_ge2e.errors import UserError

__all__ = ["Measured", "Progress", "measure"]

Progress = Callable[[int, int], None]

_BLOCK = 64  # files that a thread takes at a time


class Measured(NamedTuple):
    """What is known of some files.

    Attributes
    ----------
    milliseconds : (F,) int array
        Durations, rounded down: 0 for what cannot be used.
    reasons : dict of int to str
        Why it cannot, for each of these files.
    """

    milliseconds: np.ndarray
    reasons: dict[int, str]


def measure(
    paths: Sequence[str],
    remembered: Path | None = None,
    progress: Progress | None = None,
    threads: int = 8,
) -> Measured:
    """Measure audio files, several at a time.

    Parameters
    ----------
    paths : (F,) sequence of str
        Absolute paths.
    remembered : Path, optional
        What an earlier run wrote, which this one replaces: files whose size and time of change
        are the same are not opened again. It is also written when this run is interrupted.
    progress : callable, optional
        Called with (files measured, files in all) now and then.
    threads : int, optional
        Files measured at a time.

    Returns
    -------
    measured : Measured

    Examples
    --------
    >>> measure(["/nowhere.wav"])
    Measured(milliseconds=array([0]), reasons={0: 'it is not there: a broken link?'})
    """
    known = read_measured(remembered) if remembered is not None else {}
    ffmpeg = has_ffmpeg() if any(map(_wants_ffmpeg, paths)) else True
    milliseconds = np.zeros(len(paths), np.int64)
    reasons: dict[int, str] = {}
    facts = [""] * len(paths)

    def look(first: int) -> int:
        last = min(first + _BLOCK, len(paths))
        for row in range(first, last):
            path = paths[row]
            result, state = _look(path, known.get(path, ""), ffmpeg)
            if isinstance(result, int):
                milliseconds[row] = result
                facts[row] = f"{state}{result}"
            else:
                reasons[row] = result
        return last

    pool = ThreadPoolExecutor(threads)
    try:
        for done in pool.map(look, range(0, len(paths), _BLOCK)):
            if progress is not None:
                progress(done, len(paths))
    finally:
        pool.shutdown(cancel_futures=True)
        if remembered is not None and any(facts):
            write_measured(remembered, paths, facts)
    return Measured(milliseconds, dict(sorted(reasons.items())))


def _look(path: str, known: str, ffmpeg: bool) -> tuple[int | str, str]:
    """Return a duration in milliseconds, or what is wrong with a file; and what state it is in."""
    try:
        status = os.stat(path)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        return "it is not there: a broken link?" if missing else f"it: {error.strerror}", ""
    state = f"{status.st_size}\t{status.st_mtime_ns}\t"
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        return "it is no file", state
    if known.startswith(state) and known[len(state) :].isdecimal():
        return int(known[len(state) :]), state
    if not ffmpeg and _wants_ffmpeg(path):
        return f"{os.path.splitext(path)[1]} {FFMPEG_ADVICE}", state
    return _duration(path), state


def _duration(path: str) -> int | str:
    try:
        duration = checked_duration(path)
    except UserError as error:
        return str(error).replace(f"'{path}'", "it").rstrip(".")
    milliseconds = math.floor(duration * 1000 + 1e-6)
    return milliseconds or "it lasts less than a millisecond"


def _wants_ffmpeg(path: str) -> bool:
    return path.lower().endswith(tuple(FFMPEG_SUFFIXES))
