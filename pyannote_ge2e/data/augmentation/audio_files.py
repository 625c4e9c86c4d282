"""Audio files of folders and collections, of which stretches are drawn at random."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.audio.reader import audio_duration, read_chunk, read_segment
from pyannote_ge2e.data.augmentation.values import check_path
from pyannote_ge2e.data.known import known_protocols
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES, walk
from pyannote_ge2e.errors import UserError

Names = str | Path | Sequence[str | Path]


class AudioFiles:
    """Audio files to draw from.

    Parameters
    ----------
    names : str, Path or sequence of them
        Folders of audio files, searched in depth (links are followed, hidden files passed over),
        audio files, or pyannote.database collections such as `MUSAN.Collection.BackgroundNoise`.
    kind : str
        What they hold, for messages: "noise".
    option : str
        The parameter they were given as, for messages.

    Raises
    ------
    UserError
        If one of the names is neither declared nor there, or holds no audio.
    """

    def __init__(self, names: Names, kind: str, option: str = "collection") -> None:
        self.kind = kind
        listed = list(names) if isinstance(names, list | tuple) else [names]
        if not listed:
            raise UserError(f"{option} names no folder of {kind}.")
        self._origins = [str(name) for name in listed]
        self.paths: list[str] = []
        self._ends: list[int] = []
        for name in listed:
            self.paths += _paths(check_path(option, name), kind, option)
            self._ends.append(len(self.paths))

    def stretch(self, rng: np.random.Generator, length: int, sample_rate: int) -> np.ndarray:
        """Read `length` samples of a file at random: (length,) float32; a short file is repeated.

        Raises
        ------
        UserError
            Naming a file that cannot be read, and where it was found.
        """
        number = int(rng.integers(len(self.paths)))
        try:
            path = self.paths[number]
            spare = audio_duration(path) - length / sample_rate
            start = rng.random() * max(spare, 0.0)
            if spare > 0:
                return read_chunk(path, start, length, sample_rate)
            return np.resize(read_segment(path, sample_rate=sample_rate), length)
        except UserError as error:
            raise self._named(number, error) from error

    def whole(self, rng: np.random.Generator, sample_rate: int) -> tuple[np.ndarray, str]:
        """Read a file at random: (samples,) float32, and its path.

        Raises
        ------
        UserError
            Naming a file that cannot be read, and where it was found.
        """
        number = int(rng.integers(len(self.paths)))
        try:
            return read_segment(self.paths[number], sample_rate=sample_rate), self.paths[number]
        except UserError as error:
            raise self._named(number, error) from error

    def _named(self, number: int, error: UserError) -> UserError:
        origin = self._origins[int(np.searchsorted(self._ends, number, side="right"))]
        return UserError(f"Among the files of {self.kind} of '{origin}': {error}")


def _paths(name: str | Path, kind: str, option: str) -> list[str]:
    path = Path(name).expanduser()
    if path.is_file():
        _check_audio(path, option)
        return [str(path)]
    left_out: list[LeftOut] = []
    found = _below(path, left_out) if path.is_dir() else _collection(str(name), kind, option)
    if not found:
        why = "".join(f" ('{each.name}': {each.reason})" for each in left_out[:1])
        raise UserError(f"{option}: '{name}' holds no audio file{why}.")
    return found


def _check_audio(path: Path, option: str) -> None:
    """Check that a file that was named is audio; those of a folder are too many to open."""
    try:
        audio_duration(str(path))
    except UserError as error:
        raise UserError(f"{option}: {error}") from error


def _below(folder: Path, left_out: list[LeftOut]) -> list[str]:
    """Audio files of a folder, in alphabetical order."""
    return sorted(
        os.path.join(folder, inner, name)
        for inner, names in walk(str(folder), left_out)
        for name in names
        if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES
    )


def _collection(name: str, kind: str, option: str) -> list[str]:
    from pyannote.database import FileFinder, registry

    if name not in known_protocols(registry):
        if os.sep in name or name.count(".") != 2:
            raise UserError(
                f"{option}: there is no folder of {kind} '{name}': check the path, or name a "
                "collection that a database.yml declares, such as "
                "MUSAN.Collection.BackgroundNoise."
            )
        corpus = name.split(".")[0]
        source = " (openslr.org/17)" if corpus == "MUSAN" else ""
        raise UserError(
            f"{option}: '{name}' is neither a declared collection nor a folder: get "
            f"{corpus}{source} and give its folder of {kind} files, or declare the collection in "
            "a database.yml."
        )
    protocol = registry.get_protocol(name, preprocessors={"audio": FileFinder()})
    try:
        return [str(file["audio"]) for file in protocol.files()]
    except (FileNotFoundError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{option}: collection '{name}': {reason}") from error
