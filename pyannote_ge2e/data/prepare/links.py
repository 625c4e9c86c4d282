"""Symbolic links by which pyannote finds files that are not called what their uris are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["make_links", "remove_other_links"]


def make_links(folder: Path, targets: Mapping[str, str]) -> None:
    """Make links to files; those that are there already, and right, stay.

    Parameters
    ----------
    folder : Path
        Where the links are.
    targets : mapping of str to str
        Absolute path of the file for each link, which is named by its path in the folder.

    Raises
    ------
    UserError
        When a link cannot be made.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> make_links(Path(folder.name) / "audio", {"ann/my%20call.wav": "/data/ann/my call.wav"})
    >>> os.readlink(Path(folder.name) / "audio" / "ann" / "my%20call.wav")
    '/data/ann/my call.wav'
    """
    for name, target in targets.items():
        link = folder / name
        try:
            if link.is_symlink() and os.readlink(link) == target:
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            temporary = link.with_name(f".{os.getpid()}.tmp")
            temporary.symlink_to(target)
            os.replace(temporary, link)
        except OSError as error:
            raise UserError(
                f"Cannot make the link '{link}', by which pyannote would find '{target}': "
                f"{error.strerror}. Rename that file, or choose another folder (--registry)."
            ) from error


def remove_other_links(folder: Path, targets: Mapping[str, str]) -> None:
    """Remove the links of an earlier run that this one does not need, and folders left empty."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            link = Path(parent, name)
            if link.is_symlink() and link.relative_to(folder).as_posix() not in targets:
                link.unlink()
        if not any(Path(parent).iterdir()):
            Path(parent).rmdir()
