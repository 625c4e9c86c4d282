"""RIFF/WAVE files, read by position: one short header, then nothing but the samples asked for.

A training chunk is 2 seconds out of a file that may last an hour, so the cost that matters is the
one around the samples. Nothing is kept open between calls: a worker may be forked or spawned at
any time, and a corpus has more files than a process may have descriptors.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.audio.samples import FROM_INT16, down_mixed, truncated

__all__ = ["WavSource", "read_plain"]

# What nearly every speech corpus holds: RIFF, 16 bytes of format (linear PCM, mono, 2 bytes a
# sample), then the samples. Fields that must have one value are compared as bytes.
_PLAIN = struct.Struct("<8x 16s I 4x 8s I")
_PLAIN_SIZE = _PLAIN.size
_PLAIN_FMT = b"WAVEfmt " + struct.pack("<IHH", 16, 1, 1)
_PLAIN_BITS = struct.pack("<HH", 2, 16) + b"data"

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_STREAMED = (0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF)  # sizes that mean "not known yet"

_FROM_INT32 = np.float32(1 / 2**31)


def read_plain(path: str, start: float, num_samples: int, sample_rate: int) -> np.ndarray | None:
    """Read a chunk of a mono 16-bit wav file at the wanted rate, the shortest way there is.

    Parameters
    ----------
    path : str
        Audio file of any kind.
    start : float
        Start of the chunk, in seconds, rounded to a sample.
    num_samples : int
        Length of the chunk, in samples.
    sample_rate : int
        Wanted rate, in Hz.

    Returns
    -------
    chunk : (num_samples,) float32 array or None
        None when the file is anything else, or does not hold that chunk: `WavSource` and the
        other readers then do the work, or find the words for what is wrong.

    Raises
    ------
    OSError
        When the file cannot be opened.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "tone.wav")
    >>> soundfile.write(path, np.full(16000, 0.5), 16000)
    >>> read_plain(path, 0.5, 3, 16000)
    array([0.5, 0.5, 0.5], dtype=float32)
    >>> read_plain(path, 0.5, 3, 8000) is None
    True
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        header = os.pread(descriptor, _PLAIN_SIZE, 0)
        if len(header) < _PLAIN_SIZE:
            return None
        fmt, rate, bits, length = _PLAIN.unpack(header)
        if fmt != _PLAIN_FMT or rate != sample_rate or bits != _PLAIN_BITS:
            return None
        first = 2 * round(start * sample_rate)
        wanted = 2 * num_samples
        if first < 0 or first + wanted > length:
            return None
        raw = os.pread(descriptor, wanted, _PLAIN_SIZE + first)
    finally:
        os.close(descriptor)
    if len(raw) < wanted:
        return None
    chunk = np.frombuffer(raw, "<i2").astype(np.float32)
    chunk *= FROM_INT16
    return chunk


class _Layout(NamedTuple):
    """Where the samples are and how they are written."""

    file_size: int  # in bytes, as the header has it
    offset: int  # of the first sample, in bytes
    length: int  # of all samples, in bytes, as the header has it
    code: int
    channels: int
    rate: int
    bits: int


class WavSource:
    """An open wav file: linear PCM of 16, 24 or 32 bits or 32-bit float, any number of channels.

    Parameters
    ----------
    path : str
        Audio file.

    Attributes
    ----------
    rate : int
        Samples per second and channel.
    frames : int
        Samples per channel.

    Raises
    ------
    NotImplementedError
        When it is not such a wav file: another reader may know it.
    UserError
        When the file is cut short.
    OSError
        When the file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)
        try:
            layout = _parse(self.descriptor)
            self._check_length(layout)
        except BaseException:
            self.close()
            raise

    def _check_length(self, layout: _Layout) -> None:
        file_size = os.fstat(self.descriptor).st_size
        held = max(file_size - layout.offset, 0)
        # A writer that could not seek back (a pipe, a crash) left both sizes unsettled.
        streamed = layout.length in _STREAMED and layout.file_size != file_size
        length = held if streamed else layout.length
        self.layout, self.rate = layout, layout.rate
        self.integers = layout.code == _PCM
        self.frame_size = layout.channels * layout.bits // 8
        self.frames = length // self.frame_size
        if held < self.frames * self.frame_size:
            second = self.frame_size * self.rate
            raise truncated(self.path, length / second, held / second)

    def read(self, first: int, count: int) -> np.ndarray:
        """Return up to `count` samples from sample `first` on, down-mixed: (count,) float32."""
        layout = self.layout
        count = max(min(count, self.frames - first), 0)
        raw = os.pread(
            self.descriptor, count * self.frame_size, layout.offset + first * self.frame_size
        )
        raw = raw[: len(raw) - len(raw) % self.frame_size]
        return down_mixed(_to_float(raw, layout.code, layout.bits), layout.channels)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


def _to_float(raw: bytes, code: int, bits: int) -> np.ndarray:
    if code == _FLOAT:
        return np.frombuffer(raw, "<f4").astype(np.float32)
    if bits == 16:
        return np.frombuffer(raw, "<i2").astype(np.float32) * FROM_INT16
    if bits == 24:
        # Three bytes become the upper three of a 32-bit integer: the sign comes for free.
        words = np.zeros((len(raw) // 3, 4), np.uint8)
        words[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return words.view("<i4")[:, 0].astype(np.float32) * _FROM_INT32
    return np.frombuffer(raw, "<i4").astype(np.float32) * _FROM_INT32


def _parse(descriptor: int) -> _Layout:
    """Walk the chunks of a RIFF file up to its samples, whatever stands before them."""
    head = os.pread(descriptor, 12, 0)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise NotImplementedError
    file_size = 8 + int.from_bytes(head[4:8], "little")
    position, fmt = 12, b""
    while len(chunk := os.pread(descriptor, 8, position)) == 8:
        name, length = chunk[:4], int.from_bytes(chunk[4:], "little")
        position += 8
        if name == b"data":
            return _Layout(file_size, position, length, *_format(fmt))
        if name == b"fmt ":
            fmt = os.pread(descriptor, min(length, 40), position)
        position += length + length % 2  # chunks are padded to an even size
    raise NotImplementedError


def _format(fmt: bytes) -> tuple[int, int, int, int]:
    """Return (code, channels, rate, bits) of a "fmt " chunk that `_to_float` knows."""
    if len(fmt) < 16:
        raise NotImplementedError
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", fmt)
    if code == _EXTENSIBLE and len(fmt) >= 26:
        code = int.from_bytes(fmt[24:26], "little")  # the sub-format starts with the plain code
    known = (code == _PCM and bits in (16, 24, 32)) or (code == _FLOAT and bits == 32)
    if not known or not channels or not rate or block != channels * bits // 8:
        raise NotImplementedError
    return code, channels, rate, bits
