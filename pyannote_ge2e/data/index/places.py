"""Where the audio of a uri is: templates of a database, tried in their order."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyannote_ge2e.data.protocol import MissingFile

__all__ = ["Templates", "found", "locate", "missing"]

Templates = dict[str, list[str]]
"""Path templates with {uri} and {database}, by database: the `Databases` of a database.yml."""


def locate(uri: str, database: str, templates: Sequence[str]) -> str:
    """Path of the audio of a uri: that of the first template that leads to a file.

    A single template is taken at its word, so that nothing is looked up on disk.

    Parameters
    ----------
    uri, database : str
    templates : sequence of str

    Returns
    -------
    path : str

    Raises
    ------
    MissingFile
        If several places are possible, and there is a file at none of them.

    Examples
    --------
    >>> locate("alice/1", "Voices", ["/data/{database}/{uri}.wav"])
    '/data/Voices/alice/1.wav'
    """
    if len(templates) == 1:
        return templates[0].format(uri=uri, database=database)
    path = found(uri, database, templates)
    if path is None:
        raise MissingFile(missing(uri, database, templates))
    return path


def found(uri: str, database: str, templates: Sequence[str]) -> str | None:
    """Path of the first file to which a template leads, if there is one."""
    for template in templates:
        path = template.format(uri=uri, database=database)
        if os.path.isfile(path):
            return path
    return None


def missing(uri: str, database: str, templates: Sequence[str]) -> str:
    """Say that the audio of a uri is at none of the places where it should be.

    Examples
    --------
    >>> missing("alice/1", "Voices", ["/data/{uri}.wav", "/data/{uri}.flac"])
    "there is no '/data/alice/1.wav', nor '/data/alice/1.flac', for 'alice/1'."
    """
    paths = "', nor '".join(template.format(uri=uri, database=database) for template in templates)
    return f"there is no '{paths}', for '{uri}'."
