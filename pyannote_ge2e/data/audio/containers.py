"""Audio files that libsndfile does not know (m4a and the rest), through FFmpeg."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np

from pyannote_ge2e.data.audio.mp4 import MP4_MAGIC
from pyannote_ge2e.data.audio.samples import undecodable
from pyannote_ge2e.errors import UserError

__all__ = ["FFMPEG_ADVICE", "FFMPEG_SUFFIXES", "FFmpegSource", "has_ffmpeg"]

FFMPEG_SUFFIXES = frozenset([".m4a", ".mp4", ".mov", ".aac", ".wma", ".webm", ".mkv", ".amr"])
"""Suffixes of the containers that libsndfile does not know."""

FFMPEG_ADVICE = (
    "needs FFmpeg's libraries, which were not found: install them (`apt install ffmpeg`, "
    "`conda install ffmpeg` or `brew install ffmpeg`), or convert to wav or flac"
)

_ADTS_MAGIC = (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")  # bare AAC
_FFMPEG_MAGIC = (b"\x1aE\xdf\xa3", b"0&\xb2u", b"#!AMR", *_ADTS_MAGIC)
_MP3_MAGIC = (b"ID3", *(bytes([0xFF, second]) for second in (0xE2, 0xE3, 0xF2, 0xF3, 0xFA, 0xFB)))
_LIBSNDFILE_MAGIC = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"FORM", b".snd", *_MP3_MAGIC)


class FFmpegSource:
    """An open m4a, aac, wma, webm... file, through torchcodec.

    The m4a family is read by seek; the others are decoded whole.

    Parameters
    ----------
    path : str
        Audio file.
    magic : bytes
        Its first 16 bytes.

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

    def __init__(self, path: str, magic: bytes) -> None:
        self.path = path
        try:
            self.decoder = _audio_decoder()(path, num_channels=1)
            self.rate: int = self.decoder.metadata.sample_rate
            self.decoded = self._decoded(magic)
            if self.decoded is None:
                seconds = self.decoder.metadata.duration_seconds_from_header
                self.frames = round(seconds * self.rate)
            else:
                self.frames = len(self.decoded)
        except Exception as error:  # torchcodec raises whatever FFmpeg makes it raise
            if not has_ffmpeg():
                raise UserError(f"'{path}' {FFMPEG_ADVICE}.") from error
            raise UserError(
                f"'{path}' is not audio that FFmpeg can read: expected m4a, wav, flac, ogg..."
            ) from error

    def _decoded(self, magic: bytes) -> np.ndarray | None:
        """All samples, of a container in which none can be found by its time; else None."""
        # The clock of Matroska and WMA ticks in milliseconds, and bare AAC has none: a chunk found
        # by it would begin up to 48 samples off, and their header may not tell how long they are.
        if magic[4:8] == MP4_MAGIC and self.decoder.metadata.duration_seconds_from_header:
            return None
        samples: np.ndarray = self.decoder.get_all_samples().data[0].numpy()
        return samples

    @staticmethod
    def expects(path: str, magic: bytes) -> bool:
        """Tell whether FFmpeg is the one to ask, from a file's first 16 bytes, or else its name."""
        if magic[4:8] == MP4_MAGIC or magic.startswith(_FFMPEG_MAGIC):
            return True
        known = magic.startswith(_LIBSNDFILE_MAGIC)
        return not known and os.path.splitext(path)[1].lower() in FFMPEG_SUFFIXES

    def read(self, first: int, count: int) -> np.ndarray:
        """Return up to `count` samples from sample `first` on, down-mixed: (count,) float32."""
        if self.decoded is not None:
            return self.decoded[first : first + count]
        # Encoders delay what they encode by a part of a packet, so the header's duration and
        # the samples may differ by one: ask for a little more, and keep what was wanted.
        start, stop = first / self.rate, (first + count + 1) / self.rate
        try:
            samples = self.decoder.get_samples_played_in_range(start, stop)
        except Exception as error:
            raise undecodable(self.path, first, count, self.rate) from error
        waveform: np.ndarray = samples.data[0].numpy()[:count]
        return waveform

    def close(self) -> None:
        """Drop the decoder, and its descriptor with it."""
        del self.decoder


def _audio_decoder() -> Any:
    from torchcodec.decoders import AudioDecoder  # imports torch: not for those who never need it

    return AudioDecoder


@cache
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
