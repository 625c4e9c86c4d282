"""The recordings of a protocol and of its trials, as far as their audio is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pyannote_ge2e.data.features.places import inside
from pyannote_ge2e.data.index.declared import Declared, declared, declared_trials
from pyannote_ge2e.data.index.places import found, missing
from pyannote_ge2e.data.protocol import MissingFile, NoSubset, Subset, one_line, subset_files
from pyannote_ge2e.data.tables.read import read_list
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.log_mel import Recording

if TYPE_CHECKING:
    from pyannote.database import Protocol, ProtocolFile

__all__ = ["find_recordings"]

File = tuple[str, str, Callable[[], str]]
"""A file of a protocol: uri, database, and what gives the path of its audio if it is there."""


def find_recordings(
    protocol: Protocol, subset: Subset | Literal["all"], folder: Path
) -> tuple[list[Recording], dict[str, str]]:
    """List the recordings of a subset and of its trials, each once.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test", "all"}
    folder : Path
        Where their features go.

    Returns
    -------
    recordings : list of Recording
    left_out : dict of str to str
        Why, by uri.

    Raises
    ------
    UserError
        If there is no such subset, or the audio of none is there.
    """
    recordings: dict[Path, Recording] = {}
    left_out: dict[str, str] = {}
    subsets = get_args(Subset) if subset == "all" else (subset,)
    for name in subsets:
        try:
            for uri, database, audio in _files(protocol, name):
                path = inside(folder, database, uri)
                try:
                    recordings.setdefault(path, Recording(uri, audio(), path))
                except (FileNotFoundError, KeyError, MissingFile) as error:
                    left_out[uri] = one_line(error)
        except NoSubset:
            if subset != "all":
                raise
    if not recordings:
        why = "".join(f" '{uri}': {reason}" for uri, reason in list(left_out.items())[:1])
        raise UserError(f"There is no audio to read.{why}")
    return list(recordings.values()), left_out


def _files(protocol: Protocol, subset: Subset) -> Iterator[File]:
    """Files of a subset, then those of its trials."""
    parts = declared(protocol, subset)
    if parts is not None:
        for part in parts:
            for uri in read_list(part.uri):
                yield uri, part.database, partial(_place, uri, part)
        if declared_trials(protocol, subset) is not None:
            return  # whose files have to be among those of the list
    else:
        yield from map(_file, subset_files(protocol, subset))
    try:
        for trial in getattr(protocol, f"{subset}_trial")():
            yield from (_file(trial["file1"]), _file(trial["file2"]))
    except (AttributeError, NotImplementedError):
        return  # no trials of its own


def _file(file: ProtocolFile) -> File:
    return file["uri"], file["database"], lambda: str(file["audio"])


def _place(uri: str, part: Declared) -> str:
    path = found(uri, part.database, part.templates)
    if path is None:
        raise MissingFile(missing(uri, part.database, part.templates))
    return path
