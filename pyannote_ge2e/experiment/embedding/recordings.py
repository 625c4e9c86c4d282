"""Recordings to embed: which files they are, and their samples, in pieces where they are long."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.audio.containers import FFMPEG_SUFFIXES
from pyannote_ge2e.data.audio.reader import audio_duration, read_segment
from pyannote_ge2e.data.trials.trials import Segments
from pyannote_ge2e.errors import UserError

AUDIO_SUFFIXES = FFMPEG_SUFFIXES | {
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph", ".wv")
}
LONG = 600.0  # seconds: longer recordings are read in stretches of that length


@dataclass(frozen=True)
class Recording:
    """An audio file, and what to embed of it.

    Attributes
    ----------
    name : str
        What it is called in what is written.
    path : str
    segments : list of (start, end), optional
        In seconds. Defaults to the whole file.
    """

    name: str
    path: str
    segments: Segments | None = None

    def stretches(self, sample_rate: int, whole: bool = False) -> Iterator[Iterator[np.ndarray]]:
        """Read it: for each segment, its samples in one or several consecutive arrays.

        Parameters
        ----------
        sample_rate : int
        whole : bool
            Give each segment as one array, however long.
        """
        if self.segments is not None:
            for start, end in self.segments:
                yield iter([read_segment(self.path, start, end, sample_rate)])
            return
        if whole or (duration := audio_duration(self.path)) <= LONG:
            yield iter([read_segment(self.path, sample_rate=sample_rate)])
            return
        yield _one_after_the_other(self.path, duration, sample_rate)


def _one_after_the_other(path: str, duration: float, sample_rate: int) -> Iterator[np.ndarray]:
    start = 0.0
    while start < duration:
        # What is left at the end is no stretch of its own.
        end = None if duration - start < 2 * LONG else start + LONG
        yield read_segment(path, start, end, sample_rate)
        start = duration if end is None else end


def find_recordings(places: Iterable[str | os.PathLike[str]]) -> list[Recording]:
    """List files, and the audio files in folders.

    Parameters
    ----------
    places : paths
        A file is taken whatever its name; in a folder, and the folders in it, files are that
        carry the suffix of an audio format. Hidden ones are not.

    Returns
    -------
    recordings : list of Recording
        In the order of their names. A file in a folder is called by its path from there on, with
        the folder's name in front if there are several places.

    Raises
    ------
    UserError
        If a place does not exist, a folder holds no audio, or two files would have one name.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.wav", "a.flac", "notes.txt"):
    ...     _ = (folder / name).write_bytes(b"")
    >>> [recording.name for recording in find_recordings([folder])]
    ['a.flac', 'b.wav']
    """
    wanted = list(places)
    found: list[Recording] = []
    for place in wanted:
        path = Path(place).expanduser()
        if path.is_dir():
            found += _in_folder(path, path.resolve().name if len(wanted) > 1 else "")
        elif path.exists():
            found.append(Recording(str(place), str(path)))
        else:
            raise UserError(f"No such audio file: '{place}'. Check the path.")
    found.sort(key=lambda recording: recording.name)
    for one, other in pairwise(found):
        if one.name == other.name:
            raise UserError(
                f"'{one.path}' and '{other.path}' would both be called '{one.name}': embed them "
                "apart."
            )
    return found


def _in_folder(folder: Path, prefix: str) -> Sequence[Recording]:
    found = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for file in files:
            if os.path.splitext(file)[1].lower() in AUDIO_SUFFIXES and not file.startswith("."):
                path = os.path.join(parent, file)
                name = Path(prefix, os.path.relpath(path, folder)).as_posix()
                found.append(Recording(name, path))
    if not found:
        known = ", ".join(sorted(suffix[1:] for suffix in AUDIO_SUFFIXES))
        raise UserError(f"'{folder}' holds no audio file ({known}).")
    return found
