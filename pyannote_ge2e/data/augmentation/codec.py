"""Codecs that speech really goes through: encoded and decoded again, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Literal, NamedTuple

import numpy as np
import soundfile
import torch
from torchaudio.functional import resample

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.transform import Augmentation, Drawn
from pyannote_ge2e.data.augmentation.values import check_choices
from pyannote_ge2e.errors import UserError

Kind = Literal["gsm", "adpcm", "mp3", "vorbis", "opus"]


class _Format(NamedTuple):
    """How libsndfile writes a kind of file."""

    format: str
    subtype: str
    rates: tuple[int, ...]  # Hz; none for that of the chunk, whatever it is
    levels: tuple[float, float] | None  # least and most compression; None where there is no choice


_FORMATS = {
    "gsm": _Format("WAV", "GSM610", (8000,), None),  # 13 kbit/s
    "adpcm": _Format("WAV", "IMA_ADPCM", (8000,), None),  # 32 kbit/s
    "mp3": _Format("MP3", "MPEG_LAYER_III", (), (0.4, 0.9)),
    "vorbis": _Format("OGG", "VORBIS", (), (0.4, 1.0)),
    "opus": _Format("OGG", "OPUS", (8000, 12000, 16000, 24000, 48000), (0.9, 1.0)),
}


class Codec(Augmentation):
    """Encode and decode each chunk with a codec drawn for it, through libsndfile.

    It works on the CPU, in the processes that read audio, like whatever comes before it.

    Parameters
    ----------
    kinds : list of {"gsm", "adpcm", "mp3", "vorbis", "opus"}
        Codecs to draw from. Telephones: "gsm" (the full rate of mobile phones) and "adpcm", both
        at 8 kHz. Files and calls over the internet: "mp3", "vorbis" and "opus", at bit rates drawn
        from the lower ones. "opus" costs five times as much as the others.
    p : float
        Share of the chunks.

    Raises
    ------
    UserError
        If the libsndfile of this machine lacks a codec.
    """

    needs_cpu = True

    def __init__(self, kinds: Sequence[Kind] = ("gsm", "mp3", "vorbis"), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.kinds = check_choices("kinds", kinds, list(_FORMATS))
        for kind in self.kinds:
            how = _FORMATS[kind]
            if not soundfile.check_format(how.format, how.subtype):
                raise UserError(
                    f"kinds: the libsndfile of this machine has no '{kind}': leave it out, or "
                    "install a newer soundfile."
                )

    def draw(self, rng: np.random.Generator, chunks: Chunks) -> Drawn:
        """Draw the codec of each chunk, by its number, and how much it compresses, from 0 to 1."""
        return {
            "kind": torch.from_numpy(rng.integers(len(self.kinds), size=chunks.count)),
            "level": torch.from_numpy(rng.random(chunks.count, np.float32)),
        }

    def augment(
        self, samples: torch.Tensor, drawn: Drawn, length: int, sample_rate: int
    ) -> torch.Tensor:
        """Encode and decode."""
        # Codecs clip beyond 1. What is louder goes through them at full scale.
        peak = samples.abs().amax(dim=-1, keepdim=True).clamp_min(1.0)
        coded = samples / peak
        for number, kind in enumerate(self.kinds):
            rows = (drawn["kind"] == number).nonzero().squeeze(1)
            if len(rows) > 0:
                coded[rows] = _coded(coded[rows], drawn["level"][rows], kind, sample_rate)
        return coded * peak


def _coded(
    samples: torch.Tensor, levels: torch.Tensor, kind: str, sample_rate: int
) -> torch.Tensor:
    rate = _rate(kind, sample_rate)
    sent = resample(samples, sample_rate, rate)
    received = torch.zeros_like(sent)
    for waveform, level, out in zip(sent[:, 0], levels.tolist(), received[:, 0], strict=True):
        decoded = torch.from_numpy(through(waveform.numpy(), rate, kind, level))[: len(out)]
        out[: len(decoded)] = decoded
    return resample(received, rate, sample_rate)[..., : samples.shape[-1]]


def _rate(kind: str, sample_rate: int) -> int:
    """Lowest rate of a codec that carries all of a chunk, or else its highest.

    Examples
    --------
    >>> _rate("opus", 22050), _rate("gsm", 16000), _rate("mp3", 22050)
    (24000, 8000, 22050)
    """
    rates = _FORMATS[kind].rates or (sample_rate,)
    return min((rate for rate in rates if rate >= sample_rate), default=rates[-1])


def through(waveform: np.ndarray, sample_rate: int, kind: str, level: float) -> np.ndarray:
    """Encode and decode a waveform, which may come back a little longer.

    Parameters
    ----------
    waveform : (sample,) float32 array
        Within [-1, 1].
    sample_rate : int
        One that the codec has.
    kind : str
    level : float
        How much it compresses, from 0 to 1.
    """
    how = _FORMATS[kind]
    options = {}
    if how.levels is not None:
        options["compression_level"] = how.levels[0] + level * (how.levels[1] - how.levels[0])
    file = BytesIO()
    soundfile.write(file, waveform, sample_rate, format=how.format, subtype=how.subtype, **options)
    file.seek(0)
    decoded: np.ndarray = soundfile.read(file, dtype="float32")[0]
    return decoded
