"""From paths on disk to the recordings below them, for each way in which corpora are laid out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from pyannote_ge2e.data.prepare.layouts.folder import folder_corpus
from pyannote_ge2e.data.prepare.layouts.librispeech import (
    librispeech_corpus,
    looks_like_librispeech,
)
from pyannote_ge2e.data.prepare.layouts.lists.corpus import lists_corpus, looks_like_lists
from pyannote_ge2e.data.prepare.layouts.options import Options
from pyannote_ge2e.data.prepare.layouts.voxceleb.corpus import voxceleb_corpus
from pyannote_ge2e.data.prepare.layouts.voxceleb.videos import looks_like_voxceleb
from pyannote_ge2e.data.prepare.plan import Corpus
from pyannote_ge2e.data.prepare.scan import audio_suffixes
from pyannote_ge2e.errors import UserError

__all__ = ["LAYOUTS", "find_corpus", "recognised_layout"]

_LAYOUTS = {
    "voxceleb": voxceleb_corpus,
    "librispeech": librispeech_corpus,
    "folder": folder_corpus,
    "lists": lists_corpus,
}

LAYOUTS = ("auto", *_LAYOUTS)
"""Names of the layouts; "auto" recognises which of the others it is."""


def find_corpus(
    paths: Sequence[Path],
    layout: str = "auto",
    *,
    extensions: Collection[str] | None = None,
    trial_lists: Sequence[Path] = (),
    genders: Path | None = None,
) -> Corpus:
    """Find the recordings of a corpus, and say which protocols they make. No audio is opened.

    Parameters
    ----------
    paths : sequence of Path
        Folders, or lists.
    layout : str, optional
        One of `LAYOUTS`. The corpus says which one was recognised.
    extensions : collection of str, optional
        Audio formats to take, such as `["wav", "flac"]`. Defaults to any.
    trial_lists : sequence of Path, optional
        Files of trials, in lines such as `1 a.wav b.wav` or `a b target`.
    genders : Path, optional
        File that gives speakers' genders, such as Kaldi's `spk2gender`.

    Returns
    -------
    corpus : Corpus

    Raises
    ------
    UserError
        When nothing is there, or what is there is not of that layout.

    Examples
    --------
    >>> find_corpus([Path("nowhere")], "folder")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: No such folder: 'nowhere'. Check the path.
    """
    options = Options(audio_suffixes(extensions), tuple(trial_lists), genders)
    if layout not in LAYOUTS:
        raise UserError(f"Unknown layout '{layout}': known are {', '.join(LAYOUTS)}.")
    if not paths:
        raise UserError("Nothing to prepare: give a folder or a list.")
    if layout == "auto":
        layout = recognised_layout(paths)
    return _LAYOUTS[layout](paths, options)


def recognised_layout(paths: Sequence[Path]) -> str:
    """Return the name of the layout that some paths have: "folder" unless another is plain to see.

    Examples
    --------
    >>> recognised_layout([Path("nowhere")])
    'folder'
    """
    paths = [path.expanduser() for path in paths]
    if looks_like_lists(paths):
        return "lists"
    if looks_like_voxceleb(paths):
        return "voxceleb"
    return "librispeech" if looks_like_librispeech(paths) else "folder"
