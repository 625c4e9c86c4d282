"""Where the last page of an Ogg file begins: libsndfile misses what it looks for within it."""

from __future__ import annotations

import os
import struct

__all__ = ["last_page"]

# Capture pattern, version, flags, position of the end in samples.
_PAGE = struct.Struct("<4s B B q")
_LONGEST = 27 + 255 + 255 * 255  # bytes of a page


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
    size = os.fstat(descriptor).st_size
    held = min(size, 3 * _LONGEST)
    tail = os.pread(descriptor, held, size - held)
    place, pages = len(tail), 0
    while (place := tail.rfind(b"OggS", 0, place)) >= 0:
        if len(tail) - place < _PAGE.size:
            continue
        _, version, _, granule = _PAGE.unpack_from(tail, place)
        if version == 0 and granule >= 0:  # -1: no packet ends there
            pages += 1
            if pages == 2:
                return int(granule)
    return 0
