"""Audio files that libsndfile knows: seeks made exact where its own are not."""

from __future__ import annotations

import os

import numpy as np
import soundfile

from pyannote_ge2e.data.audio.ogg import ends_within_page, last_page
from pyannote_ge2e.data.audio.samples import undecodable
from pyannote_ge2e.errors import UserError

__all__ = ["SoundFileSource"]

_BINARY = getattr(os, "O_BINARY", 0)  # on Windows only

# libsndfile's answer when it cannot tell how long a stream is.
_UNKNOWN_LENGTH = 2**63 - 1

_MP3_DECODED_SECONDS = 30.0
# An mp3 frame may begin in the bytes of up to nine others before it, which are missing after a
# seek: what is decoded from this many samples (20 of the longest frames) on is right.
_MP3_PRE_ROLL = 20 * 1152


class _ForwardFile(soundfile.SoundFile):
    """A sound file that is read forward after a seek.

    soundfile ends each read of a seekable file with a seek to where it is already, which costs
    as much as the first one: a tenth of the time of a flac chunk, a quarter of an opus chunk.
    """

    def seekable(self) -> bool:
        """Say no: then soundfile reads, and that is all."""
        return False


class SoundFileSource:
    """An open wav, flac, ogg, opus, mp3, aiff or au file, through libsndfile.

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
        When the file is not audio, does not tell how long it is, or is an Ogg file that was cut
        short.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            # By its bytes alone: of a name in ".raw", soundfile wants to be told how it is written.
            self._descriptor = os.open(path, os.O_RDONLY | _BINARY)
            self.file = _ForwardFile(self._descriptor, closefd=True)
        except soundfile.LibsndfileError as error:
            raise UserError(
                f"'{path}' is not audio that can be read: expected wav, flac, ogg, opus or mp3, "
                "or m4a and the like with FFmpeg installed."
            ) from error
        self.rate: int = self.file.samplerate
        self.frames: int = self.file.frames
        self.integers = self.file.subtype.startswith("PCM_")
        if self.frames == _UNKNOWN_LENGTH:
            self.close()
            raise UserError(
                f"'{path}' does not tell how long it is: it was cut short, or written to a pipe. "
                "Copy or convert it again."
            )
        if self.file.format == "OGG" and ends_within_page(self._descriptor):
            self.close()
            raise UserError(
                f"'{path}' is truncated: it ends within a page of its stream. Copy or convert it "
                "again."
            )
        self._position = 0

    def read(self, first: int, count: int) -> np.ndarray:
        """Return up to `count` samples from sample `first` on, down-mixed: (count,) float32."""
        try:
            samples = self._read(first, count)
        except (soundfile.LibsndfileError, MemoryError) as error:  # a header may promise years
            raise undecodable(self.path, first, count, self.rate) from error
        return samples if samples.ndim == 1 else samples.mean(axis=1)

    def _read(self, first: int, count: int) -> np.ndarray:
        if first != self._position:
            self._go_to(first)
        samples = self.file.read(count, dtype="float32")
        self._position = first + len(samples)
        return samples

    def _go_to(self, first: int) -> None:
        """Have the next sample be `first`: by decoding up to it, where a seek is not exact."""
        begin = first
        if self.file.format == "MP3":
            # libmpg123 complains on stderr of the bits that it misses after a seek, and cannot be
            # hushed without taking stderr away from the whole process. Decoding half a minute
            # costs 5 ms: only far into a long file is it worth the noise.
            if 0 <= first - self._position <= _MP3_DECODED_SECONDS * self.rate:
                begin = self._position
            else:
                begin = max(first - _MP3_PRE_ROLL, 0)
        elif self.file.subtype == "VORBIS":
            begin = max(min(first, last_page(self._descriptor) - 1), 0)
            if begin <= self._position <= first:
                begin = self._position
        if begin != self._position:
            self.file.seek(begin)
        if begin < first:
            self.file.read(first - begin, dtype="float32")

    def close(self) -> None:
        """Close the file."""
        self.file.close()
