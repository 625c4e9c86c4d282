"""Compressed and rarer audio files: libsndfile for what it knows, FFmpeg for the rest."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import soundfile

from pyannote_ge2e.errors import UserError

__all__ = ["FFMPEG_ADVICE", "FFMPEG_SUFFIXES", "FFmpegSource", "SoundFileSource", "has_ffmpeg"]

FFMPEG_SUFFIXES = frozenset([".m4a", ".mp4", ".mov", ".aac", ".wma", ".webm", ".mkv", ".amr"])
"""Suffixes of the containers that libsndfile does not know."""

FFMPEG_ADVICE = (
    "needs FFmpeg's libraries, which were not found: install them (`apt install ffmpeg`, "
    "`conda install ffmpeg` or `brew install ffmpeg`), or convert to wav or flac"
)

_FFMPEG_MAGIC = (b"\x1aE\xdf\xa3", b"0&\xb2u", b"#!AMR", b"\xff\xf1", b"\xff\xf9")

# libsndfile's answer when it cannot tell how long a stream is.
_UNKNOWN_LENGTH = 2**63 - 1
_MP3_DECODED_SECONDS = 30.0


class _ForwardFile(soundfile.SoundFile):
    """A sound file that is read once after a seek.

    soundfile ends each read of a seekable file with a seek to where it is already, which costs
    as much as the first one: a tenth of the time of a flac chunk, a quarter of an opus chunk.
    """

    def seekable(self) -> bool:
        """Say no: then soundfile reads, and that is all."""
        return False


class SoundFileSource:
    """An open wav, flac, ogg, opus, mp3, aiff, au or sphere file, through libsndfile.

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
    UserError
        When the file is not audio.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.file = _ForwardFile(path)
        except (soundfile.LibsndfileError, TypeError) as error:
            # TypeError: soundfile cannot guess the layout of a headerless ".raw" file.
            raise UserError(
                f"'{path}' is not audio that can be read: expected wav, flac, ogg, opus or mp3, "
                "or m4a and the like with FFmpeg installed."
            ) from error
        self.rate: int = self.file.samplerate
        self.frames: int = self.file.frames
        self.integers = self.file.subtype.startswith("PCM_")
        if self.frames == _UNKNOWN_LENGTH:
            self.frames = 0

    def read(self, first: int, count: int) -> np.ndarray:
        """Return up to `count` samples from sample `first` on, down-mixed: (count,) float32."""
        try:
            samples = self._read(first, count)
        except soundfile.LibsndfileError as error:
            raise UserError(
                f"'{self.path}' is damaged or truncated: {count / self.rate:.3f} s cannot be "
                f"decoded from {first / self.rate:.3f} s on. Copy or convert it again."
            ) from error
        return samples if samples.ndim == 1 else samples.mean(axis=1)

    def _read(self, first: int, count: int) -> np.ndarray:
        # libmpg123 complains on stderr of the bits that it misses after a seek, and cannot be
        # hushed without taking stderr away from the whole process. Decoding half a minute
        # costs 5 ms: only far into a long file is it worth the noise.
        if self.path.lower().endswith(".mp3") and first < _MP3_DECODED_SECONDS * self.rate:
            return self.file.read(first + count, dtype="float32")[first:]
        if first:
            self.file.seek(first)
        return self.file.read(count, dtype="float32")

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class FFmpegSource:
    """An open m4a, aac, wma, webm... file, through torchcodec.

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
    UserError
        When FFmpeg is not installed or cannot decode the file.
    """

    integers = False

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.decoder = _audio_decoder()(path, num_channels=1)
            self.rate: int = self.decoder.metadata.sample_rate
            self.frames: int = self._count()
        except Exception as error:  # torchcodec raises whatever FFmpeg makes it raise
            if not has_ffmpeg():
                raise UserError(f"'{path}' {FFMPEG_ADVICE}.") from error
            raise UserError(
                f"'{path}' is not audio that FFmpeg can read: expected m4a, wav, flac, ogg..."
            ) from error

    def _count(self) -> int:
        seconds = self.decoder.metadata.duration_seconds_from_header
        # Matroska does not say, and of bare AAC the duration is a guess from the bit rate.
        if seconds is None or self.path.lower().endswith(".aac"):
            return int(self.decoder.get_all_samples().data.shape[1])
        return round(seconds * self.rate)

    @staticmethod
    def expects(path: str, magic: bytes) -> bool:
        """Tell whether FFmpeg is the one to ask, from a file's name and first 16 bytes."""
        return (
            magic[4:8] == b"ftyp"
            or magic.startswith(_FFMPEG_MAGIC)
            or os.path.splitext(path)[1].lower() in FFMPEG_SUFFIXES
        )

    def read(self, first: int, count: int) -> np.ndarray:
        """Return up to `count` samples from sample `first` on, down-mixed: (count,) float32."""
        # Encoders delay what they encode by a part of a packet, so the header's duration and
        # the samples may differ by one: ask for a little more, and keep what was wanted.
        start, stop = first / self.rate, (first + count + 1) / self.rate
        try:
            samples = self.decoder.get_samples_played_in_range(start, stop)
        except Exception as error:
            raise UserError(
                f"'{self.path}' is damaged or truncated: {count / self.rate:.3f} s cannot be "
                f"decoded from {start:.3f} s on. Copy or convert it again."
            ) from error
        waveform: np.ndarray = samples.data[0].numpy()[:count]
        return waveform

    def close(self) -> None:
        """Drop the decoder, and its descriptor with it."""
        del self.decoder


def _audio_decoder() -> Any:
    from torchcodec.decoders import AudioDecoder  # imports torch: not for those who never need it

    return AudioDecoder


def has_ffmpeg() -> bool:
    """Tell whether torchcodec finds FFmpeg's libraries.

    Examples
    --------
    >>> has_ffmpeg() in (True, False)
    True
    """
    try:
        _audio_decoder()(b"")
    except Exception as error:
        return "libtorchcodec" not in str(error) and not isinstance(error, ImportError)
    return True
