"""From files found on disk to recordings, each with a uri by which pyannote finds it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from pyannote_ge2e.data.prepare.names import (
    audio_template,
    is_safe_uri,
    safe_speaker,
    safe_uri,
    unused,
)
from pyannote_ge2e.data.prepare.plan import LeftOut, Recording
from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES

__all__ = ["Found", "recordings_of"]

_PREFERENCE = {suffix: rank for rank, suffix in enumerate(AUDIO_SUFFIXES)}


class Found(NamedTuple):
    """An audio file.

    Attributes
    ----------
    stem : str
        Its path from `root`, without the suffix, or its name in a list.
    root : str
        Folder below which it was found, or in which the list stands that names it.
    suffix : str
        As written in the file's name, with its dot.
    speaker : str
    group : str
        See `Recording`.
    gender : str
        "f", "m", or nothing.
    elsewhere : str
        Its path, where this is not root, stem and suffix.
    """

    stem: str
    root: str
    suffix: str
    speaker: str
    group: str = ""
    gender: str = ""
    elsewhere: str = ""

    @property
    def path(self) -> str:
        """Path of the file."""
        return self.elsewhere or f"{self.root}/{self.stem}{self.suffix}"


def recordings_of(
    found: Iterable[Found],
    *,
    genders: Mapping[str, str] | None = None,
    copies: bool = False,
    listed: bool = False,
) -> tuple[list[Recording], dict[str, str]]:
    """Give each file a uri: its stem if possible, else something like it.

    pyannote looks for a uri under all templates, and wants to find it once. Of a stem that is
    there in several formats one is taken; those that are there under several roots get the name
    of the root in front.

    Parameters
    ----------
    found : iterable of Found
    genders : mapping of str to str, optional
        "f" or "m" of speakers, where the files do not say it.
    copies : bool, optional
        Whether files of one stem under several roots are copies of one recording.
    listed : bool, optional
        Whether there may be other files below the roots, which are not in `found`.

    Returns
    -------
    recordings : list of Recording
        Sorted by uri.
    renamed : dict of str to str
        Uri of each stem that is no uri, where there is one.

    Examples
    --------
    >>> files = [Found("ann/1", "/a", ".wav", "ann"), Found("bob/call 1", "/a", ".wav", "bob")]
    >>> recordings, renamed = recordings_of(files)
    >>> [(recording.uri, recording.template) for recording in recordings]
    [('ann/1', '/a/{uri}.wav'), ('bob/call%201', '')]
    >>> renamed
    {'bob/call 1': 'bob/call%201'}
    """
    genders = genders or {}
    kept: list[Found] = []
    rivals: dict[str, list[Found]] = {}  # files of the stems of which there are several
    for stem, same_stem in groupby(sorted(found), key=itemgetter(0)):
        files = list(same_stem)
        if len(files) > 1:
            rivals[stem] = files
            files = _one_format(files, copies)
        kept.extend(files)

    places = {_place(file) for file in kept if not file.elsewhere}
    templates = {place: audio_template(*place) for place in places}
    roots = Counter(file.stem for file in kept if file.stem in rivals)
    taken = {file.stem for file in kept}
    recordings: list[Recording] = []
    renamed: dict[str, str] = {}
    for file in kept:
        uri = file.stem
        if roots[uri] > 1:
            uri = f"{os.path.basename(file.root)}/{uri}"
        elif listed and len(places) + bool(file.elsewhere) > 1:
            there = sum(os.path.exists(f"{root}/{uri}{suffix}") for root, suffix in places)
            if there + bool(file.elsewhere) > 1:
                uri = f"{uri}-{file.suffix[1:]}"
        elif uri in rivals and len(places.intersection(map(_place, rivals[uri]))) > 1:
            uri = f"{uri}-{file.suffix[1:]}"
        if uri is file.stem and is_safe_uri(uri):
            template = "" if file.elsewhere else templates[_place(file)]
        else:
            uri, template = unused(safe_uri(uri), taken), ""
            if roots[file.stem] < 2:
                renamed[file.stem] = uri
        gender = file.gender or genders.get(file.speaker, "")
        speaker = safe_speaker(file.speaker)
        others = tuple(_others(file, rivals.get(file.stem, ()), copies))
        recordings.append(Recording(uri, file.path, template, speaker, file.group, gender, others))
    if renamed or roots:
        recordings.sort(key=lambda recording: recording.uri)
    return recordings, renamed


def _one_format(files: Iterable[Found], copies: bool) -> list[Found]:
    """Return the preferred file of a stem: of each root, or of all."""
    chosen: dict[str, Found] = {}
    for file in sorted(files, key=_preference):
        chosen.setdefault("" if copies else file.root, file)
    return sorted(chosen.values())


def _place(file: Found) -> tuple[str, str]:
    return file.root, file.suffix


def _preference(file: Found) -> tuple[int, str, str]:
    rank = _PREFERENCE.get(file.suffix.lower(), len(_PREFERENCE))
    return rank, file.suffix, file.root


def _others(file: Found, rivals: Iterable[Found], copies: bool) -> Iterator[LeftOut]:
    """Yield the files that are left out because this one of the same stem is taken."""
    same = f"the {file.suffix} of the same name is taken"
    for other in sorted(rivals, key=_preference):
        if other.root == file.root and other != file:
            yield LeftOut(other.path, same)
        elif other.root != file.root and copies:
            yield LeftOut(other.path, f"the one of the same name in '{file.root}' is taken")
