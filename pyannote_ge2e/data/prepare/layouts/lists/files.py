"""From the lines of lists to files: which are there, each once, and below which folders."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pyannote_ge2e.data.prepare.layouts.found import Found
from pyannote_ge2e.data.prepare.layouts.lists.rows import AudioPaths, Listed
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.score_files.names import without_suffix

__all__ = ["ListedFile", "each_once", "files_of", "found_of"]

# pyannote looks for a file under each template: more than a few would be slow, and links are not.
_MOST_PLACES = 4


class ListedFile(NamedTuple):
    """A line of a list, and the absolute path of the file it names."""

    row: Listed
    path: str

    @property
    def names(self) -> tuple[str, ...]:
        """What lists of trials may call it, besides with the suffix of another format."""
        return (self.row.name or without_suffix(self.row.path), self.row.path, self.path)


def files_of(
    rows: Iterable[Listed], paths: AudioPaths, left_out: list[LeftOut]
) -> list[ListedFile]:
    """Find the files that lines name, and leave out those that are not there."""
    files = []
    for row in rows:
        path = paths.find(row.path)
        if path is None:
            left_out.append(row.left_out("it is not there"))
        else:
            files.append(ListedFile(row, path))
    return files


def each_once(files: Iterable[ListedFile], left_out: list[LeftOut]) -> list[ListedFile]:
    """Leave out the files that are named again."""
    first: dict[tuple[str, str], ListedFile] = {}
    for file in files:
        row, before = file.row, first.setdefault((file.row.name, file.path), file).row
        if row is before:
            continue
        reason, more = "it is named twice", f", after {before.where}"
        if row.speaker != before.speaker:
            reason += ", and of two speakers"
            more += f", '{row.speaker}' instead of '{before.speaker}'"
        left_out.append(row.left_out(reason, more))
    return list(first.values())


def found_of(files: Sequence[ListedFile]) -> list[Found]:
    """Split paths into a folder and what stands in a list, as far as this makes few folders.

    Examples
    --------
    >>> row = Listed(Path("/lists/a.csv"), 2, "ann/1.wav", "ann")
    >>> found_of([ListedFile(row, "/audio/ann/1.wav")])[0][:3]
    ('ann/1', '/audio', '.wav')
    """
    common = _common_folders(files)
    found = [_found(file, common.get(file.row.source, "")) for file in files]
    places = Counter((file.root, file.suffix) for file in found if not file.elsewhere)
    few = dict(places.most_common(_MOST_PLACES))
    return [
        file
        if file.elsewhere or (file.root, file.suffix) in few
        else file._replace(elsewhere=file.path)
        for file in found
    ]


def _found(file: ListedFile, common: str) -> Found:
    row = file.row
    bare = without_suffix(file.path)
    suffix = file.path[len(bare) :]
    name = _wanted_name(row)
    root, elsewhere = "", ""
    if bare.endswith(f"/{name}"):
        root = bare[: -len(name) - 1]
    elif row.name:
        root, elsewhere = str(row.source.parent), file.path
    else:
        root, name = common, os.path.relpath(bare, common)
    return Found(name, root or "/", suffix, row.speaker, row.subset, row.gender, elsewhere)


def _wanted_name(row: Listed) -> str:
    return row.name or without_suffix(os.path.normpath(row.path))


def _common_folders(files: Iterable[ListedFile]) -> dict[Path, str]:
    """Return, for each list, the folder that holds all of what it names by absolute paths."""
    folders: dict[Path, set[str]] = defaultdict(set)
    for file in files:
        name = _wanted_name(file.row)
        if not file.row.name and not without_suffix(file.path).endswith(f"/{name}"):
            folders[file.row.source].add(os.path.dirname(file.path))
    return {source: os.path.commonpath(its) for source, its in folders.items()}
