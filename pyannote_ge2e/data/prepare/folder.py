"""Finding utterances in a folder: `[subset/]speaker/[session/]utterance.wav`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pyannote_ge2e.data.audio.containers import FFMPEG_SUFFIXES
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.errors import UserError

__all__ = ["AUDIO_SUFFIXES", "Folder", "LeftOut", "Utterance", "scan"]

# In the order of preference when an utterance is there in several formats.
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph"),
    *sorted(FFMPEG_SUFFIXES),
)
"""Suffixes taken for audio."""

_SUBSET_FOLDERS = {
    "train": "train",
    "dev": "development",
    "development": "development",
    "val": "development",
    "valid": "development",
    "validation": "development",
    "test": "test",
}
# Folders that stand between a corpus and its speakers and name a format (VoxCeleb: dev/aac/id...).
_FORMAT_FOLDERS = {"wav", "aac", "m4a", "flac", "ogg", "opus", "mp3", "audio"}
# Words that pandas, with which pyannote reads lists, takes for a missing value.
_MISSING = {"N/A", "n/a", "#N/A"}


@dataclass(frozen=True)
class Utterance:
    """An audio file, and who speaks in it according to its path.

    Attributes
    ----------
    uri : str
        Path within the corpus, without the suffix.
    suffix : str
        As written in the file's name, with its dot.
    speaker : str
    subset : str or None
        "train", "development" or "test", or None when the folders do not tell.
    """

    uri: str
    suffix: str
    speaker: str
    subset: str | None


@dataclass
class Folder:
    """What `scan` found.

    Attributes
    ----------
    utterances : list of Utterance
        Sorted by uri, each uri once.
    left_out : list of LeftOut
    """

    utterances: list[Utterance] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def scan(root: Path, extensions: Collection[str] | None = None) -> Folder:
    """List the utterances below a folder; no file is opened.

    Top folders named train, dev / development / val and test are taken for subsets when there is
    no other top folder with audio, or when there are two of them; else top folders are speakers.
    Hidden files are skipped.

    Parameters
    ----------
    root : Path
        Corpus.
    extensions : collection of str, optional
        Which audio to take, such as `["wav", "flac"]`. Defaults to any.

    Returns
    -------
    folder : Folder

    Raises
    ------
    UserError
        When `root` is no folder, cannot be read, or holds no audio.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> corpus = TemporaryDirectory()
    >>> for name in ("alice/call1/1.wav", "bob/call2/2.flac", "bob/my notes.wav"):
    ...     file = Path(corpus.name) / name
    ...     file.parent.mkdir(parents=True, exist_ok=True)
    ...     file.touch()
    >>> found = scan(Path(corpus.name))
    >>> [(utterance.uri, utterance.speaker) for utterance in found.utterances]
    [('alice/call1/1', 'alice'), ('bob/call2/2', 'bob')]
    >>> found.left_out[0].path
    'bob/my notes.wav'
    """
    suffixes = _suffixes(extensions)
    if not root.exists():
        raise UserError(f"No such folder: '{root}'. Check the path.")
    if not root.is_dir():
        raise UserError(f"'{root}' is a file: expected a folder of speaker/utterance.wav.")
    folder = Folder()
    paths = [
        path
        for path in _walk(root, "", (os.path.realpath(root),), folder.left_out)
        if os.path.splitext(path)[1].lower() in suffixes
    ]
    if not paths:
        unreadable = f" ({folder.left_out[0].reason})" if folder.left_out else ""
        raise UserError(
            f"No audio ({', '.join(s[1:] for s in suffixes)}) in '{root}'{unreadable}: "
            "expected speaker/[session/]utterance.wav."
        )
    subsets = _subset_folders(paths)
    for path, subset, speaker in _speakers(paths, subsets):
        reason = _objection(path, speaker)
        if subsets and subset is None:
            reason = "it stands beside the folders " + ", ".join(sorted(subsets))
        if reason or speaker is None:
            folder.left_out.append(LeftOut(path, reason or "it is in no speaker's folder"))
            continue
        uri, suffix = os.path.splitext(path)
        folder.utterances.append(Utterance(uri, suffix, speaker, subset))
    folder.utterances.sort(key=lambda utterance: utterance.uri)
    _keep_one_format(folder)
    return folder


def _suffixes(extensions: Collection[str] | None) -> tuple[str, ...]:
    if extensions is None:
        return AUDIO_SUFFIXES
    suffixes = tuple("." + extension.lower().lstrip(".") for extension in extensions)
    unknown = [suffix[1:] for suffix in suffixes if suffix not in AUDIO_SUFFIXES]
    if unknown or not suffixes:
        known = ", ".join(suffix[1:] for suffix in AUDIO_SUFFIXES)
        raise UserError(f"Unknown audio format '{', '.join(unknown)}': known are {known}.")
    return suffixes


def _walk(
    folder: Path | str, prefix: str, ancestors: tuple[str, ...], left_out: list[LeftOut]
) -> Iterator[str]:
    """Yield the files below a folder, as paths within the corpus; links are followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        left_out.append(LeftOut(prefix or ".", f"it cannot be listed: {error.strerror}"))
        return
    for entry in entries:
        path = prefix + entry.name
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield path
            continue
        real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
        if real in ancestors:
            left_out.append(LeftOut(path, "it is a symbolic link to a folder that contains it"))
            continue
        yield from _walk(entry.path, path + "/", (*ancestors, os.path.realpath(real)), left_out)


def _subset_folders(paths: list[str]) -> dict[str, str]:
    """Return {top folder: subset}, or nothing when top folders are speakers."""
    tops = {path.split("/", 1)[0] for path in paths if "/" in path}
    subsets = {top: _SUBSET_FOLDERS[top.lower()] for top in tops if top.lower() in _SUBSET_FOLDERS}
    return subsets if len(subsets) > 1 or len(subsets) == len(tops) else {}


def _speakers(
    paths: list[str], subsets: dict[str, str]
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (path, subset, speaker); speaker is None for a file that is in no folder of its own."""
    inside: dict[str, set[str]] = {}  # what stands directly in each subset, or in the corpus
    split = []
    for path in paths:
        parts = PurePosixPath(path).parts
        top = parts[0] if parts[0] in subsets else ""
        rest = parts[1:] if top else parts
        inside.setdefault(top, set()).add(rest[0])
        split.append((path, top, rest))
    for path, top, rest in split:
        names = inside[top]
        if len(names) == 1 and next(iter(names)).lower() in _FORMAT_FOLDERS:
            rest = rest[1:]
        yield path, subsets.get(top), rest[0] if len(rest) > 1 else None


def _objection(path: str, speaker: str | None) -> str | None:
    """Say what in a name the lists that pyannote reads cannot carry."""
    if speaker is None:
        return None
    if any("\ud800" <= character <= "\udfff" for character in path):
        return "its name is not valid UTF-8: rename it"
    if any(character.isspace() or not character.isprintable() for character in path):
        return "there is a space in its name, which separates fields in pyannote's lists: rename it"
    for character in '"*':
        if character in path:
            return f"there is a {character} in its name, which pyannote's lists cannot carry"
    if os.path.splitext(path)[0] in _MISSING:
        return "its name reads as 'not available' in pyannote's lists: rename it"
    return None


def _keep_one_format(folder: Folder) -> None:
    """Leave one file for each uri: pyannote looks for a uri under every suffix in use."""
    formats: dict[str, list[str]] = {}
    for utterance in folder.utterances:
        formats.setdefault(utterance.uri, []).append(utterance.suffix)

    def preference(suffix: str) -> tuple[int, str]:
        return AUDIO_SUFFIXES.index(suffix.lower()), suffix

    used = {min(suffixes, key=preference) for suffixes in formats.values()}
    kept = []
    for utterance in folder.utterances:
        rivals = sorted(used.intersection(formats[utterance.uri]), key=preference)
        if len(rivals) > 1:
            reason = f"it is there as {' and '.join(rivals)}, and pyannote wants one: keep one"
            folder.left_out.append(LeftOut(utterance.uri + utterance.suffix, reason))
        elif utterance.suffix in used:
            kept.append(utterance)
        else:
            reason = f"the {rivals[0]} of the same name is taken"
            folder.left_out.append(LeftOut(utterance.uri + utterance.suffix, reason))
    folder.utterances = kept
