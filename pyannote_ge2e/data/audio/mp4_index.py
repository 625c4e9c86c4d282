"""What the index of an m4a or mp4 file says of its one track of audio: times, and where it ends."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["UnusualError", "head", "measured"]

_HEAD = struct.Struct(">I 4s")
_LONG = struct.Struct(">Q")

_AAC = 0x40  # MPEG-4 audio, of an object type
_LOW_COMPLEXITY = 2  # of its kinds, the one in nearly every file
_NO_DURATION = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_AS_FAST = 0x10000  # of an edit: played at the speed it was recorded


class UnusualError(Exception):
    """The file is not one to answer for."""


def head(content: bytes, place: int, rest: int) -> tuple[bytes, int, int]:
    """Kind of a box, bytes of its header, and bytes in all: `rest`, if it goes on to the end."""
    length, kind = _HEAD.unpack_from(content, place)
    header = _HEAD.size
    if length == 1:
        (length,) = _LONG.unpack_from(content, place + header)
        header += _LONG.size
    elif length == 0:
        length = rest
    if length < header:
        raise UnusualError
    return kind, header, length


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box within another."""
    place = 0
    while place < len(content):
        kind, header, length = head(content, place, len(content) - place)
        if place + length > len(content):
            raise UnusualError
        yield kind, content[place + header : place + length]
        place += length


def measured(index: bytes) -> tuple[float, int]:
    """Duration of the one track of audio, in seconds, and the byte where its last packet ends."""
    # iTunes writes there what the encoder put in front, which FFmpeg counts and then leaves out.
    if b"iTunSMPB" in index:
        raise UnusualError
    movie, tracks = b"", []
    for kind, content in _boxes(index):
        if kind == b"mvhd":
            movie = content
        elif kind == b"mvex":  # fragments follow
            raise UnusualError
        elif kind == b"trak":
            track = dict(_boxes(content))
            media = dict(_boxes(track[b"mdia"]))
            if media[b"hdlr"][8:12] == b"soun":
                tracks.append((track, media))
    if len(tracks) != 1:
        raise UnusualError
    track, media = tracks[0]
    table = dict(_boxes(dict(_boxes(media[b"minf"]))[b"stbl"]))
    if not _is_aac(table[b"stsd"]):
        raise UnusualError
    rate, ticks = _clock(media[b"mdhd"])
    packets, promised = _packets(table[b"stts"])
    ticks = min(ticks, promised)
    if b"edts" in track:
        first, wanted = _edit(dict(_boxes(track[b"edts"]))[b"elst"], rate, _clock(movie)[0])
        ticks = min(ticks - first, wanted)
    if ticks <= 0:
        raise UnusualError
    return ticks / rate, _end(table, packets)


def _clock(header: bytes) -> tuple[int, int]:
    """Ticks per second, and ticks in all, of an 'mvhd' or 'mdhd' box."""
    layout, place = (">IQ", 20) if header[0] == 1 else (">II", 12)
    rate, ticks = struct.unpack_from(layout, header, place)
    if rate == 0 or ticks in _NO_DURATION:
        raise UnusualError
    return rate, ticks


def _edit(edits: bytes, rate: int, movie_rate: int) -> tuple[int, int]:
    """First tick of the track that is played, and how many are."""
    layout = ">QqI" if edits[0] == 1 else ">IiI"
    (count,) = struct.unpack_from(">I", edits, 4)
    duration, first, speed = struct.unpack_from(layout, edits, 8)
    if count != 1 or duration == 0 or first < 0 or speed != _AS_FAST:
        raise UnusualError
    return first, (duration * rate + movie_rate // 2) // movie_rate


def _packets(times: bytes) -> tuple[int, int]:
    """Packets of a track, and the ticks that they last, by an 'stts' box."""
    packets = ticks = 0
    for count, each in struct.iter_unpack(">II", _entries(times, 4, 8)):
        packets += count
        ticks += count * each
    return packets, ticks


def _end(table: dict[bytes, bytes], packets: int) -> int:
    """Byte where the last packet of the last chunk ends."""
    offsets = table.get(b"stco")
    if offsets is None:
        chunks = struct.iter_unpack(">Q", _entries(table[b"co64"], 4, 8))
    else:
        chunks = struct.iter_unpack(">I", _entries(offsets, 4, 4))
    places = [place for (place,) in chunks]
    runs = list(struct.iter_unpack(">III", _entries(table[b"stsc"], 4, 12)))
    starts = [first for first, _, _ in runs] + [len(places) + 1]
    held = sum(
        (after - first) * each for (first, each, _), after in zip(runs, starts[1:], strict=True)
    )
    each_size, count = struct.unpack_from(">II", table[b"stsz"], 4)
    last = runs[-1][1]
    # Chunks in the order of time, and as many packets by each of the three tables.
    if places[-1] != max(places) or not 0 < last <= count == packets == held:
        raise UnusualError
    if each_size:
        return places[-1] + last * each_size
    sizes = _entries(table[b"stsz"], 8, 4)[-4 * last :]
    return places[-1] + sum(struct.unpack(f">{last}I", sizes))


def _entries(table: bytes, place: int, size: int) -> bytes:
    """Entries of `size` bytes each, which follow their number at `place`."""
    (count,) = struct.unpack_from(">I", table, place)
    content = table[place + 4 : place + 4 + count * size]
    if len(content) != count * size:
        raise UnusualError
    return content


def _is_aac(descriptions: bytes) -> bool:
    """Tell whether an 'stsd' box describes plain AAC, which every FFmpeg decodes."""
    (count,) = struct.unpack_from(">I", descriptions, 4)
    entries = list(_boxes(descriptions[8:]))
    if count != 1 or [kind for kind, _ in entries] != [b"mp4a"]:
        return False
    entry = entries[0][1]
    if entry[8:10] != b"\0\0":  # QuickTime's longer description
        return False
    stream = _descriptor(dict(_boxes(entry[28:]))[b"esds"][4:], 3)
    if stream[2]:  # depends on another, or is elsewhere
        return False
    decoder = _descriptor(stream[3:], 4)
    return decoder[0] == _AAC and _descriptor(decoder[13:], 5)[0] >> 3 == _LOW_COMPLEXITY


def _descriptor(content: bytes, tag: int) -> bytes:
    """Content of the first MPEG-4 descriptor, of up to 127 bytes as all that matter are."""
    if content[0] != tag:
        raise UnusualError
    place = 1
    while content[place] == 0x80:  # leading zeros of its length, 7 bits a byte
        place += 1
    length = content[place]
    if length > len(content) - place - 1:
        raise UnusualError
    return content[place + 1 : place + 1 + length]
