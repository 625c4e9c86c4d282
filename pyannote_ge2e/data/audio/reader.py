"""Reading audio: a stretch of any file, mono, float32, at the rate that was asked for.

A random chunk costs a seek and a read whatever the container: wav and NIST SPHERE by position
(`wav`, `sphere`), flac, ogg, opus and mp3 through libsndfile, anything else (m4a...) through FFmpeg
(`containers`). The content of a file tells what it is, not its name.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy.signal import firwin, resample_poly

from pyannote_ge2e.data.audio.containers import FFmpegSource, SoundFileSource, has_ffmpeg
from pyannote_ge2e.data.audio.mp4 import MP4_MAGIC, mp4_duration
from pyannote_ge2e.data.audio.sphere import SPHERE_MAGIC, SphereSource
from pyannote_ge2e.data.audio.wav import WavSource, read_plain
from pyannote_ge2e.errors import UserError

__all__ = [
    "audio_duration",
    "checked_duration",
    "opened_blocks",
    "placed",
    "read_chunk",
    "read_segment",
]

_POSITIONAL_READS = hasattr(os, "pread")  # everywhere but on Windows
_BINARY = getattr(os, "O_BINARY", 0)  # on Windows only
_TAIL = 0.1  # seconds that are decoded to see whether a file ends where it says


class _Source(Protocol):
    rate: int
    frames: int
    integers: bool  # whether samples are stored as integers, which are always numbers

    def read(self, first: int, count: int) -> np.ndarray: ...

    def close(self) -> None: ...


def read_chunk(path: str, start: float, num_samples: int, sample_rate: int = 16000) -> np.ndarray:
    """Read exactly `num_samples` samples.

    Parameters
    ----------
    path : str
        Audio file.
    start : float
        Start of the chunk, in seconds, rounded to a sample.
    num_samples : int
        Length of the chunk, in samples at `sample_rate`.
    sample_rate : int, optional
        Rate of the chunk, in Hz. A file at another rate is resampled.

    Returns
    -------
    chunk : (num_samples,) float32 array
        Mean of the channels, within [-1, 1] for integer files.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated, not audio, too short for the chunk, or holds
        samples that are no numbers.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "stereo.flac")
    >>> soundfile.write(path, np.full((48000, 2), [0.25, 0.75]), 48000)
    >>> chunk = read_chunk(path, start=0.25, num_samples=8000)
    >>> chunk.shape, chunk.dtype, float(chunk[4000].round(3))
    ((8000,), dtype('float32'), 0.5)
    """
    if _POSITIONAL_READS and path.endswith(".wav"):
        try:
            chunk = read_plain(path, start, num_samples, sample_rate)
        except OSError as error:
            raise _explained(path, error) from error
        if chunk is not None:
            return chunk
    with _opened(path) as source:
        count = math.ceil(num_samples * source.rate / sample_rate)
        first = placed(round(start * source.rate), count, source.frames, source.rate)
        if first < 0 or first + count > source.frames:
            raise UserError(
                f"'{path}' is too short: it lasts {source.frames / source.rate:.3f} s and "
                f"{num_samples / sample_rate:.3f} s were wanted from {start:.3f} s on. "
                "Was it replaced after its duration was listed?"
            )
        return _resampled(source, path, first, count, sample_rate)[:num_samples]


def placed(first: int, count: int, frames: int, rate: float) -> int:
    """Where `count` of `frames` samples begin that were wanted from `first` on.

    Times travel as decimal seconds: a rounding of up to 1 ms is no reason to stop.

    Examples
    --------
    >>> placed(8001, 8000, frames=16000, rate=16000), placed(9000, 8000, frames=16000, rate=16000)
    (8000, 9000)
    """
    overshoot = first + count - frames
    return first - overshoot if 0 < overshoot <= rate // 1000 + 1 else first


def read_segment(
    path: str, start: float = 0.0, end: float | None = None, sample_rate: int = 16000
) -> np.ndarray:
    """Read from `start` to `end`, or what the file holds of it.

    Parameters
    ----------
    path : str
        Audio file.
    start, end : float, optional
        In seconds, rounded to a sample. Default to the whole file.
    sample_rate : int, optional
        Rate of the waveform, in Hz. A file at another rate is resampled.

    Returns
    -------
    waveform : (samples,) float32 array
        Mean of the channels.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated, not audio, holds nothing of the segment, or
        samples that are no numbers.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "one_second.wav")
    >>> soundfile.write(path, np.zeros(16000), 16000)
    >>> read_segment(path, start=0.75, end=5.0).shape
    (4000,)
    """
    with _opened(path) as source:
        first = max(round(start * source.rate), 0)
        last = source.frames if end is None else min(round(end * source.rate), source.frames)
        if first >= last:
            asked = f"from {start:.3f} s on" if end is None else f"from {start:.3f} to {end:.3f} s"
            raise UserError(
                f"'{path}' holds nothing {asked}: it lasts {source.frames / source.rate:.3f} s."
            )
        return _resampled(source, path, first, last - first, sample_rate)


@contextmanager
def opened_blocks(
    path: str, sample_rate: int = 16000, block: float = 30.0
) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """Open a file to read it from its start to its end, so many seconds at a time.

    Put end to end, the blocks are what `read_segment` gives of the whole file, which may be longer
    than memory.

    Parameters
    ----------
    path : str
        Audio file.
    sample_rate : int, optional
        Rate of the blocks, in Hz. A file at another rate is resampled.
    block : float, optional
        Length of a block, in seconds.

    Yields
    ------
    samples : int
        Samples in all, as the header gives them.
    blocks : iterator of (samples,) float32 arrays
        Raises `UserError` as `read_segment` does, where the file is damaged.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated or not audio.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "ten_seconds.flac")
    >>> soundfile.write(path, np.zeros(80000), 8000)
    >>> with opened_blocks(path, 16000, block=4.0) as (samples, blocks):
    ...     print(samples, [len(block) for block in blocks])
    160000 [64000, 64000, 32000]
    """
    with _opened(path) as source:
        up, down = _ratio(source.rate, sample_rate)
        size = max(round(block * source.rate) // down, 1) * down
        overlapping = _Overlapping(source)
        yield (
            -(-source.frames * up // down),
            (
                _resampled(overlapping, path, first, min(size, source.frames - first), sample_rate)
                for first in range(0, source.frames, size)
            ),
        )


def audio_duration(path: str) -> float:
    """Return the duration that the header of a file gives, in seconds.

    Parameters
    ----------
    path : str
        Audio file.

    Raises
    ------
    UserError
        When the file is missing, empty, not audio, or a wav that is cut short.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "one_second.ogg")
    >>> soundfile.write(path, np.zeros(16000), 16000)
    >>> audio_duration(path)
    1.0
    """
    with _opened(path) as source:
        return source.frames / source.rate


def checked_duration(path: str) -> float:
    """Return the duration of a file in seconds, once the file is sure to hold that much.

    A wav, SPHERE or m4a file that is cut short is told by its size, and the duration of an Ogg file
    is that of its last page. Other headers may promise what is not there: the end is decoded.

    Parameters
    ----------
    path : str
        Audio file.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated or not audio.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "cut.flac"
    >>> soundfile.write(path, np.random.default_rng(0).standard_normal(16000) / 10, 16000)
    >>> checked_duration(str(path))
    1.0
    >>> _ = path.write_bytes(path.read_bytes()[:9000])
    >>> checked_duration(str(path))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: '...cut.flac' is damaged or truncated: ...
    """
    try:
        magic = _magic(path)
        # An m4a file that nobody can read is left to FFmpeg's source, which says so.
        if magic[4:8] == MP4_MAGIC and has_ffmpeg():
            duration = mp4_duration(path)
            if duration is not None:
                return duration
    except OSError as error:
        raise _explained(path, error) from error
    with _opened(path, magic) as source:
        is_ogg = isinstance(source, SoundFileSource) and source.file.format == "OGG"
        if not is_ogg and not isinstance(source, WavSource | SphereSource):
            count = min(math.ceil(_TAIL * source.rate), source.frames)
            _read_all(source, path, source.frames - count, count)
        return source.frames / source.rate


@contextmanager
def _opened(path: str, magic: bytes | None = None) -> Iterator[_Source]:
    try:
        source = _open(path, _magic(path) if magic is None else magic)
    except OSError as error:
        raise _explained(path, error) from error
    try:
        if source.frames <= 0:
            raise UserError(f"'{path}' holds no audio: a header and not one sample.")
        yield source
    finally:
        source.close()


def _magic(path: str) -> bytes:
    """First 16 bytes of a file."""
    descriptor = os.open(path, os.O_RDONLY | _BINARY)
    try:
        magic = os.read(descriptor, 16)
    finally:
        os.close(descriptor)
    if not magic:
        raise UserError(f"'{path}' is empty (0 bytes): expected audio.")
    return magic


def _open(path: str, magic: bytes) -> _Source:
    """Open a file with the first reader that knows what it is, by its content."""
    if magic.startswith(b"RIFF") and _POSITIONAL_READS:
        try:
            return WavSource(path)
        except NotImplementedError:
            pass
    if magic.startswith(SPHERE_MAGIC):
        return SphereSource(path)
    if FFmpegSource.expects(path, magic):
        return FFmpegSource(path, magic)
    return SoundFileSource(path)


def _explained(path: str, error: OSError) -> UserError:
    if isinstance(error, FileNotFoundError):
        return UserError(f"No such audio file: '{path}'. Check the path, and what moved.")
    if isinstance(error, IsADirectoryError):
        return UserError(f"'{path}' is a folder: expected an audio file.")
    if isinstance(error, PermissionError):
        return UserError(f"'{path}' may not be read: give this user permission to read it.")
    return UserError(f"'{path}' cannot be read: {error.strerror or error}.")


def _resampled(source: _Source, path: str, first: int, count: int, sample_rate: int) -> np.ndarray:
    """Read `count` samples at the source's rate, converted to `sample_rate`."""
    if source.rate == sample_rate:
        return _read_all(source, path, first, count)
    up, down = _ratio(source.rate, sample_rate)
    # Context on both sides, so that a chunk does not fade in and out where the file does not.
    # A whole number of `down` samples in front keeps the output on the same grid.
    taps = _low_pass(up, down)
    context = math.ceil(len(taps) / (2 * up * down)) * down
    before = min(context, first // down * down)
    after = min(context, source.frames - first - count)
    waveform = _read_all(source, path, first - before, before + count + after)
    waveform = resample_poly(waveform, up, down, window=taps)
    skip = before // down * up
    return np.ascontiguousarray(waveform[skip : skip + math.ceil(count * up / down)])


def _ratio(rate: int, sample_rate: int) -> tuple[int, int]:
    """Return (up, down): so many samples come of so many."""
    common = math.gcd(rate, sample_rate)
    return sample_rate // common, rate // common


class _Overlapping:
    """A source read forward by stretches that overlap a little, each of its samples decoded once.

    What comes of a seek in a lossy file may differ from what comes of reading on.
    """

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.rate, self.frames, self.integers = source.rate, source.frames, source.integers
        self._first = 0
        self._held = np.empty(0, np.float32)

    def read(self, first: int, count: int) -> np.ndarray:
        kept = self._held[first - self._first :]
        missing = count - len(kept)
        if missing > 0:
            more = self.source.read(first + len(kept), missing)
            kept = np.concatenate([kept, more]) if len(kept) else more
        self._first, self._held = first, kept
        return kept[:count]

    def close(self) -> None:
        self.source.close()


def _read_all(source: _Source, path: str, first: int, count: int) -> np.ndarray:
    samples = source.read(first, count)
    if len(samples) < count:
        raise UserError(
            f"'{path}' is truncated: {count / source.rate:.3f} s were wanted from "
            f"{first / source.rate:.3f} s on and {len(samples) / source.rate:.3f} s could be "
            "read. Copy or convert it again."
        )
    if not source.integers and not (finite := np.isfinite(samples)).all():
        raise UserError(
            f"'{path}' holds samples that are no numbers (nan or infinite), the first of them at "
            f"{(first + finite.argmin()) / source.rate:.3f} s: mend the file or leave it out."
        )
    return samples


@lru_cache(maxsize=16)
def _low_pass(up: int, down: int) -> np.ndarray:
    """Design the anti-aliasing filter once for each pair of rates (10 zero crossings a side)."""
    factor = max(up, down)
    return firwin(20 * factor + 1, 1 / factor, window=("kaiser", 5.0)).astype(np.float32)
