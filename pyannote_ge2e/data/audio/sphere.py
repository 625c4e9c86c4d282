"""NIST SPHERE files, such as the `.wav` files of TIMIT: a header in words, then plain samples."""

from __future__ import annotations

import io
import os
from typing import NamedTuple

import numpy as np
import soundfile

from pyannote_ge2e.data.audio.samples import FROM_INT16, down_mixed, truncated
from pyannote_ge2e.errors import UserError

__all__ = ["SPHERE_MAGIC", "SphereSource"]

SPHERE_MAGIC = b"NIST_1A"
"""How such a file begins, whatever it is called."""

_LONGEST_HEADER = 2**20
_BYTE_ORDER = {"01": "LITTLE", "10": "BIG"}


class _Layout(NamedTuple):
    """Where the samples are and how they are written."""

    offset: int  # of the first sample, in bytes
    frames: int
    channels: int
    rate: int
    width: int  # of a sample, in bytes
    subtype: str  # libsndfile's word
    endian: str  # libsndfile's word


class SphereSource:
    """An open SPHERE file: linear PCM, mu-law or A-law, any number of channels, not compressed.

    It is read by position, and its length is the one that the header promises: libsndfile, which
    knows the format, takes whatever the file holds.

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
        When the file is compressed, cut short, or has a header that says too little.
    OSError
        When the file cannot be opened.
    """

    integers = True

    def __init__(self, path: str) -> None:
        self.path = path
        self.file = open(path, "rb")  # noqa: SIM115  (closed by `close`)
        try:
            self.layout = self._parse()
            self._check_length()
        except BaseException:
            self.close()
            raise
        self.rate, self.frames = self.layout.rate, self.layout.frames

    def _parse(self) -> _Layout:
        fields, offset = self._header()
        coding, *how = fields.get("sample_coding", "pcm").lower().split(",")
        if how or coding not in ("pcm", "ulaw", "mu-law", "alaw"):
            raise UserError(
                f"'{self.path}' is compressed SPHERE ({','.join([coding, *how])}): convert it with "
                "'sph2pipe -f wav', of the Linguistic Data Consortium, and give the new file."
            )
        try:
            frames, channels, rate = (
                int(fields[name]) for name in ("sample_count", "channel_count", "sample_rate")
            )
            width = 1 if coding != "pcm" else int(fields.get("sample_n_bytes", "2"))
            subtype = f"PCM_{8 * width if width > 1 else 'S8'}" if coding == "pcm" else coding
            order = fields.get("sample_byte_format", "01")[:2] if width > 1 else "01"
            layout = _Layout(
                offset,
                frames,
                channels,
                rate,
                width,
                {"ulaw": "ULAW", "mu-law": "ULAW", "alaw": "ALAW"}.get(subtype, subtype),
                _BYTE_ORDER[order],
            )
            if not 1 <= width <= 4 or channels < 1 or rate < 1 or frames < 0:
                raise ValueError
        except (KeyError, ValueError) as error:
            raise UserError(
                f"'{self.path}' has a SPHERE header that does not say how its samples are written "
                "(sample_count, channel_count, sample_rate, sample_n_bytes, sample_byte_format): "
                "mend it or convert it to wav."
            ) from error
        return layout

    def _header(self) -> tuple[dict[str, str], int]:
        """Read the fields, and how many bytes they take: "name -type value" one a line."""
        head = self.file.read(16)
        size = head[8:16].strip()
        if not size.isdigit() or not 16 <= int(size) <= _LONGEST_HEADER:
            raise UserError(f"'{self.path}' has a SPHERE header of no size: convert it to wav.")
        lines = self.file.read(int(size) - 16).decode("latin-1").split("end_head")[0].split("\n")
        fields = (line.split(maxsplit=2) for line in lines)
        return {field[0]: field[2].strip() for field in fields if len(field) == 3}, int(size)

    def _check_length(self) -> None:
        layout = self.layout
        held = os.fstat(self.file.fileno()).st_size - layout.offset
        size = layout.width * layout.channels
        if held < layout.frames * size:
            second = size * layout.rate
            raise truncated(self.path, layout.frames / layout.rate, max(held, 0) / second)

    def read(self, first: int, count: int) -> np.ndarray:
        """Return up to `count` samples from sample `first` on, down-mixed: (count,) float32."""
        layout = self.layout
        count = max(min(count, self.frames - first), 0)
        size = layout.width * layout.channels
        self.file.seek(layout.offset + first * size)
        return down_mixed(_to_float(self.file.read(count * size), layout), layout.channels)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _to_float(raw: bytes, layout: _Layout) -> np.ndarray:
    raw = raw[: len(raw) - len(raw) % (layout.width * layout.channels)]
    if layout.subtype == "PCM_16":
        order = "<" if layout.endian == "LITTLE" else ">"
        return np.frombuffer(raw, f"{order}i2").astype(np.float32) * FROM_INT16
    samples, _ = soundfile.read(
        io.BytesIO(raw),
        dtype="float32",
        channels=1,
        samplerate=layout.rate,
        format="RAW",
        subtype=layout.subtype,
        endian=layout.endian,
    )
    return samples
