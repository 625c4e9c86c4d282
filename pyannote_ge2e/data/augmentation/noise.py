"""Background noise; any other augmentation is torch-audiomentations'."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_audiomentations.core.transforms_interface import BaseWaveformTransform
from torch_audiomentations.utils.object_dict import ObjectDict

from pyannote_ge2e.data.audio.reader import audio_duration, read_chunk, read_segment
from pyannote_ge2e.data.known import known_protocols
from pyannote_ge2e.errors import UserError

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a"})


class BackgroundNoise(BaseWaveformTransform):
    """Add noise from a collection, at a signal-to-noise ratio drawn for each chunk.

    (torch-audiomentations has `AddBackgroundNoise`, which calls a function that torchaudio 2.11
    no longer has.)

    Parameters
    ----------
    collection : str, Path or sequence of them
        pyannote.database collection, such as `MUSAN.Collection.BackgroundNoise`, or a folder of
        audio files, searched in depth.
    snr_min, snr_max : float
        Bounds of the signal-to-noise ratio, in dB.
    p : float
        Share of the chunks to which noise is added.

    Raises
    ------
    UserError
        If a collection is neither declared nor a folder, or holds no audio file.
    """

    supports_multichannel = False
    supports_target = False

    def __init__(
        self,
        collection: str | Path | Sequence[str | Path],
        snr_min: float = 5.0,
        snr_max: float = 20.0,
        p: float = 1.0,
    ) -> None:
        super().__init__(mode="per_example", p=p, output_type="dict")
        if snr_min > snr_max:
            raise UserError(f"Noise: snr_min ({snr_min:g}) is above snr_max ({snr_max:g}).")
        self.snr_min = snr_min
        self.snr_max = snr_max
        names = [collection] if isinstance(collection, str | Path) else list(collection)
        self.paths = [path for name in names for path in noise_files(name)]

    def randomize_parameters(
        self, samples: torch.Tensor, sample_rate: int | None = None, **_: Any
    ) -> None:
        """Draw noise, (batch, sample), and its ratio to the signal in dB, (batch, 1)."""
        batch, length = samples.shape[0], samples.shape[-1]
        noise = [self._noise(length, sample_rate or 16000) for _ in range(batch)]
        self.transform_parameters["noise"] = torch.from_numpy(np.stack(noise))
        span = self.snr_max - self.snr_min
        self.transform_parameters["snr"] = self.snr_min + span * torch.rand(batch, 1)

    def apply_transform(
        self, samples: torch.Tensor, sample_rate: int | None = None, **_: Any
    ) -> ObjectDict:
        """Add the noise that was drawn."""
        noise = self.transform_parameters["noise"]
        gain = _rms(samples.squeeze(1)) / 10 ** (self.transform_parameters["snr"] / 20)
        noise = noise * gain / _rms(noise).clamp_min(1e-8)
        return ObjectDict(
            samples=samples + noise.unsqueeze(1),
            sample_rate=sample_rate,
            targets=None,
            target_rate=None,
        )

    def _noise(self, length: int, sample_rate: int) -> np.ndarray:
        """Stretch of a noise file drawn at random; a file shorter than that is repeated."""
        path = random.choice(self.paths)
        spare = audio_duration(path) - length / sample_rate
        if spare > 0:
            return read_chunk(path, random.uniform(0, spare), length, sample_rate)
        return np.resize(read_segment(path, sample_rate=sample_rate), length)


def noise_files(collection: str | Path) -> list[str]:
    """Audio files of a pyannote.database collection, or of a folder.

    Raises
    ------
    UserError
        If there is no such collection, or nothing in it.
    """
    folder = Path(collection).expanduser()
    if folder.is_dir():
        paths = sorted(
            str(path) for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES
        )
    else:
        paths = _collection(str(collection))
    if not paths:
        raise UserError(f"The noise collection '{collection}' holds no audio file.")
    return paths


def _collection(name: str) -> list[str]:
    from pyannote.database import FileFinder, registry

    if name not in known_protocols(registry):
        if os.sep in name or name.count(".") != 2:
            raise UserError(
                f"There is no folder of noise '{name}': check the path, or name a collection that "
                "a database.yml declares, such as MUSAN.Collection.BackgroundNoise."
            )
        corpus = name.split(".")[0]
        source = " (openslr.org/17)" if corpus == "MUSAN" else ""
        raise UserError(
            f"Noise collection '{name}' is neither declared nor a folder: get {corpus}{source} and "
            "give its folder of noise files as 'collection', or declare the collection in a "
            "database.yml."
        )
    protocol = registry.get_protocol(name, preprocessors={"audio": FileFinder()})
    try:
        return [str(file["audio"]) for file in protocol.files()]
    except (FileNotFoundError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"Noise collection '{name}': {reason}") from error


def _rms(waveforms: torch.Tensor) -> torch.Tensor:
    return waveforms.square().mean(dim=-1, keepdim=True).sqrt()
