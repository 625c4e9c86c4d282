"""Reading audio: a stretch of any file, mono, float32, at the rate that was asked for.

A random chunk costs a seek and a read whatever the container: wav and NIST SPHERE by position
(`wav`, `sphere`), flac, ogg, opus and mp3 through libsndfile (`sound_file`), anything else (m4a...)
through FFmpeg (`containers`). The content of a file tells what it is, not its name (`opening`).
"""

from __future__ import annotations

import math

import numpy as np

from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.audio.mp4 import MP4_MAGIC, mp4_duration
from pyannote_ge2e.data.audio.opening import POSITIONAL_READS, explained, first_bytes, opened
from pyannote_ge2e.data.audio.resampling import read_all, read_resampled
from pyannote_ge2e.data.audio.sound_file import SoundFileSource
from pyannote_ge2e.data.audio.sphere import SphereSource
from pyannote_ge2e.data.audio.wav import WavSource, read_plain
from pyannote_ge2e.errors import UserError

__all__ = ["audio_duration", "checked_duration", "placed", "read_chunk", "read_segment"]

_TAIL = 0.1  # seconds that are decoded to see whether a file ends where it says


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
    if POSITIONAL_READS and path.endswith(".wav"):
        try:
            chunk = read_plain(path, start, num_samples, sample_rate)
        except OSError as error:
            raise explained(path, error) from error
        if chunk is not None:
            return chunk
    with opened(path) as source:
        count = math.ceil(num_samples * source.rate / sample_rate)
        first = placed(round(start * source.rate), count, source.frames, source.rate)
        if first < 0 or first + count > source.frames:
            raise UserError(
                f"'{path}' is too short: it lasts {source.frames / source.rate:.3f} s and "
                f"{num_samples / sample_rate:.3f} s were wanted from {start:.3f} s on. "
                "Was it replaced after its duration was listed?"
            )
        return read_resampled(source, path, first, count, sample_rate)[:num_samples]


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
    with opened(path) as source:
        first = max(round(start * source.rate), 0)
        last = source.frames if end is None else min(round(end * source.rate), source.frames)
        if first >= last:
            asked = f"from {start:.3f} s on" if end is None else f"from {start:.3f} to {end:.3f} s"
            raise UserError(
                f"'{path}' holds nothing {asked}: it lasts {source.frames / source.rate:.3f} s."
            )
        return read_resampled(source, path, first, last - first, sample_rate)


def audio_duration(path: str) -> float:
    """Return the duration that the header of a file gives, in seconds.

    Parameters
    ----------
    path : str
        Audio file.

    Raises
    ------
    UserError
        When the file is missing, empty, not audio, or a wav or Ogg file that is cut short.

    Examples
    --------
    >>> import numpy as np, pathlib, soundfile, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = str(pathlib.Path(folder.name) / "one_second.ogg")
    >>> soundfile.write(path, np.zeros(16000), 16000)
    >>> audio_duration(path)
    1.0
    """
    with opened(path) as source:
        return source.frames / source.rate


def checked_duration(path: str) -> float:
    """Return the duration of a file in seconds, once the file is sure to hold that much.

    A wav, SPHERE or m4a file that is cut short is told by its size, an Ogg file by its last page,
    which also tells its duration. Other headers may promise what is not there: the end is decoded.

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
        magic = first_bytes(path)
        # An m4a file that nobody can read is left to FFmpeg's source, which says so.
        if magic[4:8] == MP4_MAGIC and has_ffmpeg():
            duration = mp4_duration(path)
            if duration is not None:
                return duration
    except OSError as error:
        raise explained(path, error) from error
    with opened(path, magic) as source:
        is_ogg = isinstance(source, SoundFileSource) and source.file.format == "OGG"
        if not is_ogg and not isinstance(source, WavSource | SphereSource):
            count = min(math.ceil(_TAIL * source.rate), source.frames)
            read_all(source, path, source.frames - count, count)
        return source.frames / source.rate
