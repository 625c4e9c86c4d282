"""Recordings to embed: which files they are, and their samples, in pieces where they are long."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.audio.reader import audio_duration, read_segment
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES, walk
from pyannote_ge2e.data.trials.trials import Segments
from pyannote_ge2e.errors import UserError

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

        Raises
        ------
        UserError
            If it is no file, or cannot be read.
        """
        _check_regular(self.path)
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


def _check_regular(path: str) -> None:
    """Refuse what would be waited for without end, and cannot be read by seeking."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return  # which reading puts into words
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UserError(
            f"'{path}' is a pipe or a device: expected an audio file. Write what comes out of it "
            "to a file first."
        )


def find_recordings(
    places: Iterable[str | os.PathLike[str]], left_out: dict[str, str] | None = None
) -> list[Recording]:
    """List files, and the audio files in folders.

    Parameters
    ----------
    places : paths
        A file is taken whatever its name; in a folder, and the folders in it, files are that
        carry the suffix of an audio format. Hidden ones are not. Links are followed.
    left_out : dict of str to str, optional
        Takes what is wrong with folders that cannot be listed, by their paths. Without it they
        are an error.

    Returns
    -------
    recordings : list of Recording
        In the order of their names. A file in a folder is called by its path from there on, with
        the folder's name in front if there are several places.

    Raises
    ------
    UserError
        If there is no place or one does not exist, a folder holds no audio, or two files would
        have one name.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.wav", "a.flac", "notes.txt"):
    ...     _ = (folder / name).write_bytes(b"")
    >>> [recording.name for recording in find_recordings([folder])]
    ['a.flac', 'b.wav']
    """
    wanted = list(dict.fromkeys(os.fspath(place) for place in places))
    if not wanted:
        raise UserError("No recording is given: expected audio files, or folders of them.")
    found: list[Recording] = []
    unlisted: dict[str, str] = {}
    for place in wanted:
        if not place:
            raise UserError("An empty name ('') stands for no recording: check what gave it.")
        path = Path(place).expanduser()
        if path.is_dir():
            found += _in_folder(path, path.resolve().name if len(wanted) > 1 else "", unlisted)
        elif path.exists():
            found.append(Recording(place, str(path)))
        else:
            raise UserError(f"No such audio file: '{place}'. Check the path.")
    if unlisted and left_out is None:
        raise UserError(next(iter(unlisted.values())))
    if left_out is not None:
        left_out |= unlisted
    found.sort(key=lambda recording: recording.name)
    for one, other in pairwise(found):
        if one.name == other.name:
            raise UserError(
                f"'{one.path}' and '{other.path}' would both be called '{one.name}': embed them "
                "apart."
            )
    return found


def _in_folder(folder: Path, prefix: str, unlisted: dict[str, str]) -> list[Recording]:
    passed_over: list[LeftOut] = []
    found = [
        Recording(Path(prefix, inner, name).as_posix(), os.path.join(folder, inner, name))
        for inner, names in walk(str(folder), passed_over)
        for name in names
        if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES
    ]
    here = {
        os.path.join(folder, each.path): f"'{folder / each.name}' is left out: {each.reason}."
        for each in passed_over
    }
    if not found:
        known = ", ".join(sorted(suffix[1:] for suffix in AUDIO_SUFFIXES))
        raise UserError(next(iter(here.values()), f"'{folder}' holds no audio file ({known})."))
    unlisted |= here
    return found
