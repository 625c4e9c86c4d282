"""A line of a list, and the file it names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES

__all__ = ["AudioPaths", "Listed"]


class Listed(NamedTuple):
    """A recording, as a line of a list gives it.

    Attributes
    ----------
    source : Path
        The list.
    line : int
        Number of the line, from 1.
    path : str
        As written.
    speaker : str
    name : str
        What the recording is called; empty when it is called after its path.
    gender : str
        "f", "m", or nothing.
    subset : str
        "train", "development", "test", or nothing.
    """

    source: Path
    line: int
    path: str
    speaker: str
    name: str = ""
    gender: str = ""
    subset: str = ""

    @property
    def where(self) -> str:
        """The line, for messages."""
        return f"line {self.line} of '{self.source}'"

    def left_out(self, reason: str, more: str = "") -> LeftOut:
        """Return the line as something left out: reasons are counted, so that none names a line."""
        return LeftOut(f"{self.name or self.path} ({self.where}{more})", reason)


class AudioPaths:
    """Finds files by the paths that a list gives.

    Parameters
    ----------
    bases : iterable of Path
        Folders from which paths may be meant, in the order in which they are tried.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "ann.wav").touch()
    >>> paths = AudioPaths([folder])
    >>> [found == str(folder / "ann.wav") for found in map(paths.find, ["ann.wav", "./ann"])]
    [True, True]
    >>> paths.find("bob.wav")
    """

    def __init__(self, bases: Iterable[Path]) -> None:
        self.bases = [os.path.abspath(base) for base in bases]

    def find(self, path: str) -> str | None:
        """Return the absolute path of a file, or None when it is not there.

        Where a path has no suffix of an audio file, these are tried.
        """
        suffixes: Sequence[str] = ("",)
        if os.path.splitext(path)[1].lower() not in AUDIO_SUFFIXES:
            suffixes = ("", *AUDIO_SUFFIXES)
        for base in self.bases:
            for suffix in suffixes:
                # An absolute path stays what it is.
                candidate = os.path.join(base, path + suffix)
                if os.path.isfile(candidate):
                    return os.path.normpath(candidate)
        return None
