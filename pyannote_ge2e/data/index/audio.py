"""Whether the audio that an index speaks of is there, asked before training starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pyannote_ge2e.data.index.declared import Declared
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.index.places import found, missing
from pyannote_ge2e.data.index.strings import Lookup
from pyannote_ge2e.data.protocol import MissingFile
from pyannote_ge2e.data.tables.columns import line_number
from pyannote_ge2e.data.tables.read import read_list

__all__ = ["audio_of", "check_audio"]

ALL = 10_000  # files that are all looked for
SAMPLE = 1_000  # and of more than that, how many: a folder that is not mounted lacks most of them


def check_audio(index: Index, parts: Sequence[Declared]) -> None:
    """Look for the audio files of an index, or for some from all over it if there are many.

    Parameters
    ----------
    index : Index
    parts : sequence of Declared
        What it was made from.

    Raises
    ------
    MissingFile
        Naming the list, the line, and all places where a file that is missing could be.
    """
    files = len(index.uris)
    rows = range(files) if files <= ALL else np.linspace(0, files - 1, SAMPLE).astype(int).tolist()
    for row in rows:
        audio_of(index.uri(row), index.database(row), parts)


def audio_of(uri: str, database: str, parts: Iterable[Declared]) -> str:
    """Path of the audio of a uri, which is there.

    Parameters
    ----------
    uri, database : str
    parts : iterable of Declared
        Whose lists name it.

    Returns
    -------
    path : str

    Raises
    ------
    MissingFile
        Naming the list, the line, and all places where it could be.
    """
    own = [part for part in parts if part.database == database]
    path = found(uri, database, own[0].templates)
    if path is None:
        raise MissingFile(f"{_line(uri, own)}: {missing(uri, database, own[0].templates)}")
    return path


def _line(uri: str, parts: Sequence[Declared]) -> str:
    """List and line that name a uri."""
    for part in parts:
        row = Lookup(read_list(part.uri))(uri)
        if row is not None:
            return f"'{part.uri}', line {line_number(part.uri, row)}"
    return f"'{parts[0].uri}'"
