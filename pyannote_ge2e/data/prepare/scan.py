"""Files below a folder: links followed, loops and locked folders named, nothing opened."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pyannote_ge2e.data.audio.containers import FFMPEG_SUFFIXES
from pyannote_ge2e.data.prepare.lists import LINKS, MEASURED
from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.errors import UserError

__all__ = ["AUDIO_SUFFIXES", "audio_suffixes", "checked_folders", "nothing_found", "walk"]

AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph"),
    *sorted(FFMPEG_SUFFIXES),
)
"""Suffixes taken for audio, in the order of preference when a recording is there in several."""


def audio_suffixes(extensions: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the suffixes to look for.

    Parameters
    ----------
    extensions : collection of str, optional
        Such as `["wav", "flac"]`. Defaults to any.

    Raises
    ------
    UserError
        When one of them is not known, or there is none.

    Examples
    --------
    >>> audio_suffixes(["WAV", ".flac"])
    ('.wav', '.flac')
    """
    if extensions is None:
        return AUDIO_SUFFIXES
    suffixes = tuple("." + extension.strip().lower().lstrip(".") for extension in extensions)
    unknown = [suffix[1:] for suffix in suffixes if suffix not in AUDIO_SUFFIXES]
    if unknown or not suffixes:
        known = ", ".join(suffix[1:] for suffix in AUDIO_SUFFIXES)
        raise UserError(f"Unknown audio format '{', '.join(unknown)}': known are {known}.")
    return suffixes


def checked_folders(paths: Sequence[Path], expected: str) -> list[str]:
    """Return the folders that were asked for, resolved, each once.

    Parameters
    ----------
    paths : sequence of Path
    expected : str
        What should be in them, for messages.

    Raises
    ------
    UserError
        When one does not exist or is a file, or when one is inside another.

    Examples
    --------
    >>> checked_folders([Path("nowhere")], "speaker/utterance.wav")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: No such folder: 'nowhere'. Check the path.
    """
    folders: dict[str, None] = {}
    paths = [path.expanduser() for path in paths]
    for path in paths:  # all of them first: because of a missing one, a list is not taken for one
        if not path.exists():
            raise UserError(f"No such folder: '{path}'. Check the path.")
    for path in paths:
        if not path.is_dir():
            raise UserError(
                f"'{path}' is a file: expected a folder of {expected}. Lists of trials are "
                "given with --trial-list."
            )
        folders[os.path.realpath(path)] = None
    for inner in folders:
        for outer in folders:
            if inner != outer and _contains(outer, inner):
                raise UserError(f"'{inner}' is inside '{outer}': give one of the two.")
    return list(folders)


def nothing_found(
    what: str, roots: Sequence[str], left_out: Sequence[LeftOut], expected: str
) -> UserError:
    """Return what to raise when folders hold nothing of what was looked for.

    Examples
    --------
    >>> raise nothing_found("audio", ["/data"], [LeftOut("a.wav", "nobody's")], "bob/a.wav")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: No audio in '/data' ('a.wav': nobody's): expected bob/a.wav.
    """
    where = " or ".join(f"'{root}'" for root in roots)
    first = f" ('{left_out[0].name}': {left_out[0].reason})" if left_out else ""
    return UserError(f"No {what} in {where}{first}: expected {expected}.")


def walk(root: str, left_out: list[LeftOut], within: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield each folder below `root`, and the names of the files in it.

    Symbolic links are followed, unless to a folder that contains them. Hidden files and folders
    are passed over, and so are the links that `prepare` made beside its lists. Nothing is sorted.

    Parameters
    ----------
    root : str
    left_out : list of LeftOut
        Takes the folders that cannot be listed, and the loops.
    within : str, optional
        What messages write before the paths of folders.

    Yields
    ------
    folder : str
        Path from `root`, with a slash at its end; empty for `root` itself.
    names : list of str

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> corpus = TemporaryDirectory()
    >>> for name in ("alice/1.wav", "alice/2.wav", "bob/.hidden.wav"):
    ...     file = Path(corpus.name) / name
    ...     file.parent.mkdir(exist_ok=True)
    ...     file.touch()
    >>> [(folder, sorted(names)) for folder, names in walk(corpus.name, [])]
    [('alice/', ['1.wav', '2.wav'])]
    """
    real = os.path.realpath(root)
    # Of each folder to visit, its path from the root, its real path, and those of the folders
    # in which the links stand that led there.
    waiting: list[tuple[str, str, tuple[str, ...]]] = [("", real, ())]
    while waiting:
        folder, real, jumps = waiting.pop()
        names: list[str] = []
        inside: list[tuple[str, str, tuple[str, ...]]] = []
        try:
            # Not the real path: were it in the way of the names, so would be a link's target.
            with os.scandir(f"{root}/{folder}") as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith("."):
                        continue
                    if not entry.is_dir():
                        names.append(name)
                    elif not entry.is_symlink():
                        inside.append((f"{folder}{name}/", f"{real}/{name}", jumps))
                    else:
                        target = os.path.realpath(entry.path)
                        seen = (*jumps, real)
                        if any(_contains(target, place) for place in seen):
                            reason = "it is a symbolic link to a folder that contains it"
                            left_out.append(LeftOut(within + folder + name, reason))
                        else:
                            inside.append((f"{folder}{name}/", target, seen))
        except OSError as error:
            reason = f"it cannot be listed: {error.strerror or error}"
            left_out.append(LeftOut((within + folder).rstrip("/") or ".", reason))
        if MEASURED in names:  # lists that were made here: their links lead to files seen elsewhere
            inside = [each for each in inside if each[0] != f"{folder}{LINKS}/"]
        waiting += inside
        if names:
            yield folder, names


def _contains(outer: str, inner: str) -> bool:
    """Tell whether one of two real paths is the other, or above it."""
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")
