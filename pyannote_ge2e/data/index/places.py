"""Where the audio of a uri is: templates of a database, tried in their order."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyannote_ge2e.errors import UserError

__all__ = ["Templates", "locate"]

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
    UserError
        If several places are possible, and there is a file at none of them.

    Examples
    --------
    >>> locate("alice/1", "Voices", ["/data/{database}/{uri}.wav"])
    '/data/Voices/alice/1.wav'
    """
    paths = [template.format(uri=uri, database=database) for template in templates]
    if len(paths) == 1:
        return paths[0]
    for path in paths:
        if os.path.isfile(path):
            return path
    raise UserError(missing(uri, paths))


def missing(uri: str, paths: Sequence[str]) -> str:
    """Say that the audio of a uri is at none of some places."""
    looked = "', nor '".join(paths)
    return f"There is no '{looked}', where the audio of '{uri}' should be."
