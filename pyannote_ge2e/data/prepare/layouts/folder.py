"""Folders of speakers: `[subset/]speaker/[session/]utterance.wav`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pyannote_ge2e.data.prepare.genders import read_genders
from pyannote_ge2e.data.prepare.given_trials import trial_sets
from pyannote_ge2e.data.prepare.layouts.found import Found, recordings_of
from pyannote_ge2e.data.prepare.layouts.options import Options
from pyannote_ge2e.data.prepare.layouts.plans import (
    one_protocol,
    rest_for_training,
    shared_speakers,
)
from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut
from pyannote_ge2e.data.prepare.scan import checked_folders, nothing_found, walk

__all__ = ["folder_corpus"]

_EXPECTED = "speaker/[session/]utterance.wav"

_SUBSET_FOLDERS = {
    "train": "train",
    "dev": "development",
    "development": "development",
    "val": "development",
    "valid": "development",
    "validation": "development",
    "test": "test",
}
# Folders that stand between a corpus and its speakers and name a format (dev/aac/speaker/...).
_FORMAT_FOLDERS = {"wav", "aac", "m4a", "flac", "ogg", "opus", "mp3", "audio"}


def folder_corpus(paths: Sequence[Path], options: Options) -> Corpus:
    """Find the recordings below some folders, of which the top folders are speakers.

    Top folders named train, dev / development / val and test are taken for subsets when there is
    no other top folder with audio, or when there are two of them; so are the folders that were
    asked for, when they have such names.

    Parameters
    ----------
    paths : sequence of Path
    options : Options

    Returns
    -------
    corpus : Corpus

    Raises
    ------
    UserError
        When one is no folder, or there is no audio.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> corpus = TemporaryDirectory()
    >>> for name in ("alice/call1/1.wav", "bob/call2/2.flac", "bob/my notes.wav"):
    ...     file = Path(corpus.name) / name
    ...     file.parent.mkdir(parents=True, exist_ok=True)
    ...     file.touch()
    >>> found = folder_corpus([Path(corpus.name)], Options())
    >>> [(recording.uri, recording.speaker) for recording in found.recordings]
    [('alice/call1/1', 'alice'), ('bob/call2/2', 'bob'), ('bob/my%20notes', 'bob')]
    """
    roots = checked_folders(paths, _EXPECTED)
    left_out: list[LeftOut] = []
    found: list[Found] = []
    subset_of_root = _subsets_of_roots(roots)
    for root in roots:
        within = f"{root}/" if len(roots) > 1 else ""
        found.extend(_below(root, within, subset_of_root.get(root), options.suffixes, left_out))
    if not found:
        formats = ", ".join(suffix[1:] for suffix in options.suffixes)
        raise nothing_found(f"audio ({formats}) of a speaker", roots, left_out, _EXPECTED)
    found, notes = rest_for_training(found, "the folders")
    notes = [*_speakers_of_several_roots(found), *notes]
    genders = read_genders(options.genders) if options.genders else {}
    recordings, renamed = recordings_of(found, genders=genders)
    corpus = Corpus(
        layout="folder",
        name=os.path.basename(os.path.dirname(roots[0]) if subset_of_root else roots[0]),
        recordings=recordings,
        protocols=[],
        left_out=sorted(left_out, key=lambda item: item.path),
        notes=[*notes, *shared_speakers(recordings)],
    )
    one_protocol(corpus, trial_sets(options.trial_lists), renamed)
    return corpus


def _below(
    root: str,
    within: str,
    subset: str | None,
    suffixes: Sequence[str],
    left_out: list[LeftOut],
) -> Iterator[Found]:
    """Yield the audio below a folder, and say what of it is nobody's."""
    wanted = frozenset(suffixes)
    folders: dict[str, list[tuple[str, str]]] = {}
    for folder, names in walk(root, left_out, within):
        files = [os.path.splitext(name) for name in names]
        files = [(stem, suffix) for stem, suffix in files if suffix.lower() in wanted]
        if files:
            folders[folder] = files
    subsets = {} if subset else _subset_folders(folders)
    formats = _format_folders(folders, subsets)
    for folder, files in folders.items():
        top, _, rest = folder.partition("/")
        prefix = ""
        if top in subsets:
            prefix, group = f"{top}/", subsets[top]
        else:
            rest, group = folder, subset or ""
        if prefix in formats:
            rest = rest.partition("/")[2]
        speaker = rest.partition("/")[0]
        reason = ""
        if subsets and not prefix:
            reason = "it stands beside the folders " + ", ".join(sorted(subsets))
        elif not speaker:
            reason = "it is in no speaker's folder"
        for stem, suffix in files:
            if reason:
                left_out.append(LeftOut(f"{within}{folder}{stem}{suffix}", reason))
            else:
                yield Found(folder + stem, root, suffix, speaker, group)


def _subset_folders(folders: Mapping[str, object]) -> dict[str, str]:
    """Return {top folder: subset}, or nothing when top folders are speakers."""
    tops = {folder.partition("/")[0] for folder in folders if folder}
    subsets = {top: _SUBSET_FOLDERS[top.lower()] for top in tops if top.lower() in _SUBSET_FOLDERS}
    return subsets if len(subsets) > 1 or len(subsets) == len(tops) else {}


def _format_folders(folders: Mapping[str, object], subsets: Mapping[str, str]) -> set[str]:
    """Return the subset folders, or "" for the root, that hold nothing but a format's folder."""
    inside: dict[str, set[str]] = defaultdict(set)
    for folder in folders:
        top, _, rest = folder.partition("/")
        prefix, rest = (f"{top}/", rest) if top in subsets else ("", folder)
        inside[prefix].add(rest.partition("/")[0].lower())
    return {
        prefix for prefix, names in inside.items() if len(names) == 1 and names <= _FORMAT_FOLDERS
    }


def _subsets_of_roots(roots: Sequence[str]) -> dict[str, str]:
    """Return the subset of each root, when all of several have the names of subsets."""
    names = [os.path.basename(root).lower() for root in roots]
    if len(roots) < 2 or not all(name in _SUBSET_FOLDERS for name in names):
        return {}
    return {root: _SUBSET_FOLDERS[name] for root, name in zip(roots, names, strict=True)}


def _speakers_of_several_roots(found: Sequence[Found]) -> list[str]:
    roots: dict[str, set[str]] = defaultdict(set)
    for file in found:
        roots[file.speaker].add(file.root)
    both = sorted(speaker for speaker, where in roots.items() if len(where) > 1)
    if not both:
        return []
    names = ", ".join(both[:5]) + (", ..." if len(both) > 5 else "")
    return [
        f"{len(both):,} speaker(s) have a folder in more than one place ({names}), and are taken "
        "for the same people: rename the folders of those who are not."
    ]
