"""How long an m4a or mp4 file lasts, by its boxes: what FFmpeg takes 2 ms to tell.

Opening a decoder is all that it costs to measure such a file, and VoxCeleb2 has a million of them:
40 minutes. The same numbers are in a few hundred bytes, and the table of packets tells a file that
was cut short, which FFmpeg finds out when it decodes the end. Only what nearly every such file is,
one track of AAC that plays from some sample on, is answered for: the rest is left to FFmpeg.
"""

from __future__ import annotations

import os
import struct

from pyannote_ge2e.data.audio.mp4_index import UnusualError, head, measured
from pyannote_ge2e.errors import UserError

__all__ = ["MP4_MAGIC", "mp4_duration"]

MP4_MAGIC = b"ftyp"
"""Bytes 4 to 8 of such a file, whatever it is called."""

_BINARY = getattr(os, "O_BINARY", 0)  # on Windows only

_PAGE = 4096  # bytes that are read at least: where the index is last, two reads are enough
_LONGEST_INDEX = 2**26  # bytes: months of audio

# What may precede the index of a file that plays from its start.
_BEFORE = frozenset([MP4_MAGIC, b"free", b"skip", b"wide", b"uuid", b"pdin", b"mdat"])


def mp4_duration(path: str) -> float | None:
    """Return the duration of an m4a or mp4 file, once the file is sure to hold that much.

    It is what FFmpeg makes of the header, or up to a tick of the movie's clock less (1 ms, as most
    encoders have it): the length of an edit is rounded, and FFmpeg promises all of it.

    Parameters
    ----------
    path : str
        File that begins as such a file does, which is read by its boxes. No sample is decoded.

    Returns
    -------
    duration : float or None
        In seconds, without what the encoder put in front. None where FFmpeg has to be asked:
        fragments, several tracks of audio, edits that do more than cut, anything but plain AAC.

    Raises
    ------
    UserError
        When the file is truncated.
    OSError
        When it cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "cut.m4a"
    >>> _ = path.write_bytes((16).to_bytes(4, "big") + b"ftypM4A " + bytes(4))
    >>> mp4_duration(str(path))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: '...cut.m4a' is truncated: it ends before its index...
    """
    descriptor = os.open(path, os.O_RDONLY | _BINARY)
    try:
        size = os.fstat(descriptor).st_size
        index = _index(descriptor, size)
    except UnusualError:
        return None
    except struct.error:  # cut within the header of a box
        index = None
    finally:
        os.close(descriptor)
    if index is None:
        raise UserError(
            f"'{path}' is truncated: it ends before its index (a 'moov' box), without which "
            "nothing of it can be read. Copy or convert it again."
        )
    try:
        duration, end = measured(index)
    except (UnusualError, LookupError, struct.error):
        return None
    if end > size:
        raise UserError(
            f"'{path}' is truncated: its audio goes on to byte {end} and the file ends at byte "
            f"{size}. Copy or convert it again."
        )
    return duration


def _index(descriptor: int, size: int) -> bytes | None:
    """Find and read the content of 'moov'. None when the file ends before its end."""
    place, page, begin = 0, b"", 0  # `page` was read from `begin` on
    while place < size:
        if not begin <= place <= begin + len(page) - 16:
            page, begin = _read(descriptor, place, _PAGE), place
        kind, header, length = head(page, place - begin, size - place)
        if kind != b"moov" and kind not in _BEFORE:
            raise UnusualError
        if place + length > size:
            return None
        if kind == b"moov":
            if length > _LONGEST_INDEX:
                raise UnusualError
            if place + length > begin + len(page):
                page, begin = _read(descriptor, place, length), place
            return page[place - begin + header : place - begin + length]
        place += length
    return None


def _read(descriptor: int, place: int, count: int) -> bytes:
    os.lseek(descriptor, place, os.SEEK_SET)  # Windows has no `pread`
    return os.read(descriptor, count)
