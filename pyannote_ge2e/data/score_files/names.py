"""Names of recordings: with the suffix of an audio file in one list, without it in another."""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES

__all__ = ["matching_names", "without_suffix"]

_SUFFIXES = frozenset(AUDIO_SUFFIXES)


def without_suffix(name: str) -> str:
    """Return a name without the suffix of an audio file.

    Examples
    --------
    >>> without_suffix("id1/a/1.wav"), without_suffix("id1/a/1.5")
    ('id1/a/1', 'id1/a/1.5')
    """
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in _SUFFIXES else name


def matching_names(names: list[str], others: list[str]) -> np.ndarray:
    """Where each of `others` is in `names`.

    Suffixes of audio files are left away only where names do not match with them.

    Parameters
    ----------
    names : list of F str
    others : list of G str

    Returns
    -------
    row : (G,) int64 array
        -1 for a name that is not there.

    Examples
    --------
    >>> matching_names(["a/1", "a/2"], ["a/2.wav", "a/3"])
    array([ 1, -1])
    """
    row = {name: number for number, name in enumerate(names)}
    found = np.fromiter((row.get(name, -1) for name in others), np.int64, len(others))
    if (found >= 0).all():
        return found
    bare: dict[str, int] = {}
    for number, name in enumerate(names):
        stem = without_suffix(name)
        # "a.wav" and "a.flac": which of the two "a" is, nobody knows.
        bare[stem] = -1 if stem in bare else number
    for at in np.flatnonzero(found < 0):
        found[at] = bare.get(without_suffix(others[at]), -1)
    return found
