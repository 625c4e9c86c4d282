"""From files found below some folders to recordings, each with a uri by which pyannote finds it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from pyannote_ge2e.data.prepare.names import audio_template, is_safe_uri, safe_speaker, safe_uri
from pyannote_ge2e.data.prepare.plan import LeftOut, Recording
from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES

__all__ = ["Found", "recordings_of"]

_PREFERENCE = {suffix: rank for rank, suffix in enumerate(AUDIO_SUFFIXES)}


class Found(NamedTuple):
    """A file below one of the folders that were asked for.

    Attributes
    ----------
    root : str
        Real path of that folder.
    stem : str
        Path from there, without the suffix.
    suffix : str
        As written in the file's name, with its dot.
    speaker : str
    group : str
        See `Recording`.
    gender : str
        "f", "m", or nothing.
    """

    root: str
    stem: str
    suffix: str
    speaker: str
    group: str = ""
    gender: str = ""

    @property
    def path(self) -> str:
        """The file's path."""
        return f"{self.root}/{self.stem}{self.suffix}"


def recordings_of(
    found: Iterable[Found], left_out: list[LeftOut], *, same_names: bool = False
) -> tuple[list[Recording], dict[str, str]]:
    """Give each file a uri: its stem if possible, else something like it.

    pyannote looks for a uri under all templates, and wants to find it once. A stem that is there
    in several formats is taken in one; those that are there under several roots get the name of
    the root in front.

    Parameters
    ----------
    found : iterable of Found
    left_out : list of LeftOut
        Takes the files of which another format is taken.
    same_names : bool, optional
        Whether files of one stem under several roots are copies of one recording.

    Returns
    -------
    recordings : list of Recording
        Sorted by uri.
    renamed : dict of str to str
        Uri of each stem that is no uri, where there is one.

    Examples
    --------
    >>> files = [Found("/a", "ann/1", ".wav", "ann"), Found("/a", "bob/call 1", ".wav", "bob")]
    >>> recordings, renamed = recordings_of(files, [])
    >>> [(recording.uri, recording.template) for recording in recordings]
    [('ann/1', '/a/{uri}.wav'), ('bob/call%201', '')]
    >>> renamed
    {'bob/call 1': 'bob/call%201'}
    """
    ordered = sorted(found, key=lambda file: (file.stem, file.root))
    several = len({file.root for file in ordered}) > 1
    kept: list[Found] = []
    rivals: dict[str, list[Found]] = {}  # files of the stems of which there are several
    for stem, same_stem in groupby(ordered, key=lambda file: file.stem):
        files = list(same_stem)
        if len(files) > 1:
            rivals[stem] = files
            files = _one_format(files, left_out, several, same_names)
        kept.extend(files)
    templates = {each: audio_template(*each) for each in {(f.root, f.suffix) for f in kept}}
    roots = Counter(file.stem for file in kept if file.stem in rivals)
    taken = {file.stem for file in kept}
    recordings: list[Recording] = []
    renamed: dict[str, str] = {}
    for file in kept:
        uri, template = file.stem, templates[file.root, file.suffix]
        if uri in rivals:
            if roots[uri] > 1:
                uri = f"{os.path.basename(file.root)}/{uri}"
            elif sum((other.root, other.suffix) in templates for other in rivals[uri]) > 1:
                uri = f"{uri}-{file.suffix[1:]}"
        if uri is not file.stem or not is_safe_uri(uri):
            uri, template = _free(safe_uri(uri), taken), ""
            if roots[file.stem] < 2:
                renamed[file.stem] = uri
        recordings.append(
            Recording(uri, file.path, template, safe_speaker(file.speaker), file.group, file.gender)
        )
    if renamed or roots:
        recordings.sort(key=lambda recording: recording.uri)
    return recordings, renamed


def _one_format(
    files: list[Found], left_out: list[LeftOut], several: bool, same_names: bool
) -> list[Found]:
    """Return one of the files of a stem: of each root, or in all."""
    chosen: dict[str, Found] = {}
    for file in sorted(files, key=lambda f: (_PREFERENCE[f.suffix.lower()], f.suffix)):
        best = chosen.setdefault("" if same_names else file.root, file)
        if best is not file:
            where = file.path if several else file.stem + file.suffix
            if best.root == file.root:
                reason = f"the {best.suffix} of the same name is taken"
            else:
                reason = f"'{best.path}' is taken, of the same name"
            left_out.append(LeftOut(where, reason))
    return sorted(chosen.values())


def _free(uri: str, taken: set[str]) -> str:
    """Return `uri`, with a number if it is in use, and put it in use."""
    free, number = uri, 1
    while free in taken:
        number += 1
        free = f"{uri}-{number}"
    taken.add(free)
    return free
