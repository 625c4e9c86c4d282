"""The last page of an Ogg file: where it begins, and whether it is all there.

libsndfile misses what it looks for within the last page, and drops one that was cut short without
a word. How a page is laid out: RFC 3533.
"""

from __future__ import annotations

import os
import struct

__all__ = ["ends_within_page", "last_page"]

# Capture pattern, version, flags, position of the end in samples.
_PAGE = struct.Struct("<4s B B q")
_HEAD = 27  # bytes before the table of a page, of which the last tells how long the table is
_LONGEST = _HEAD + 255 + 255 * 255  # bytes of a page
_MAGIC = b"OggS"


def last_page(descriptor: int) -> int:
    """First sample of the last page of an Ogg stream.

    A page tells the position of its end alone, and what is told of the last one is where the
    audio ends, somewhere within its last packet: counted back from there, every sample of the
    page is a little off, up to a packet. The end of the page before it is right.

    Parameters
    ----------
    descriptor : int
        Of the open file, whose position stays as it is.

    Returns
    -------
    sample : int
        0 when there is no page before it with audio, or none is found.
    """
    tail = _tail(descriptor, 3 * _LONGEST)
    place, pages = len(tail), 0
    while (place := tail.rfind(_MAGIC, 0, place)) >= 0:
        if len(tail) - place < _PAGE.size:
            continue
        _, version, _, granule = _PAGE.unpack_from(tail, place)
        if version == 0 and granule >= 0:  # -1: no packet ends there
            pages += 1
            if pages == 2:
                return int(granule)
    return 0


def ends_within_page(descriptor: int) -> bool:
    """Tell whether an Ogg file was cut short, as far as that can be told.

    It was if it ends within a page. That the last page is not marked as the end of its stream says
    nothing: Android's recorder, for one, marks none. What follows the last page and is not the
    beginning of another (tags, padding) says nothing either.

    Parameters
    ----------
    descriptor : int
        Of the open file, whose position stays as it is.

    Returns
    -------
    cut : bool

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "cut.ogg"
    >>> soundfile.write(path, np.random.default_rng(0).standard_normal(16000) / 10, 16000)
    >>> with path.open("r+b") as file:
    ...     whole = ends_within_page(file.fileno())
    ...     _ = file.truncate(path.stat().st_size - 1)
    ...     whole, ends_within_page(file.fileno())
    (False, True)
    """
    tail = _tail(descriptor, _LONGEST)
    place, is_cut = len(tail), False
    while (place := tail.rfind(_MAGIC, 0, place)) >= 0:
        end = _end(tail, place)
        if end <= len(tail):
            follows = tail[end : end + len(_MAGIC)]
            return bool(follows) and _MAGIC.startswith(follows)
        is_cut = True
    return is_cut


def _end(tail: bytes, place: int) -> int:
    """Where the page that begins at `place` ends: beyond `tail` if its head is not all there."""
    start = place + _HEAD
    if start > len(tail) or start + tail[start - 1] > len(tail):
        return len(tail) + 1
    table = tail[start : start + tail[start - 1]]
    return start + len(table) + sum(table)


def _tail(descriptor: int, longest: int) -> bytes:
    """Read up to so many of the last bytes."""
    held = min(os.fstat(descriptor).st_size, longest)
    before = os.lseek(descriptor, 0, os.SEEK_CUR)  # Windows has no `pread`
    os.lseek(descriptor, -held, os.SEEK_END)
    tail = os.read(descriptor, held)
    os.lseek(descriptor, before, os.SEEK_SET)
    return tail
