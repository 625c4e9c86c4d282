"""torch-audiomentations' transforms that read files, under their own names and parameters.

Its version 0.12 calls `torchaudio.info`, which torchaudio 2.11 no longer has. Here they read with
our reader: any format, any sample rate.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pyannote_ge2e.data.augmentation.audio_files import AudioFiles, Names
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.impulse_response import responses
from pyannote_ge2e.data.augmentation.mixing import Mixture
from pyannote_ge2e.data.augmentation.noise import stretches
from pyannote_ge2e.data.augmentation.room import Room
from pyannote_ge2e.data.augmentation.values import check_choices, check_order

Mode = Literal["per_example", "per_channel", "per_batch"]
MODES = ["per_example", "per_channel", "per_batch"]


class AddBackgroundNoise(Mixture):
    """Add background noise, with the parameters of torch-audiomentations.

    Parameters
    ----------
    background_paths : str, Path or sequence of them
        Folders or audio files.
    min_snr_in_db, max_snr_in_db : float
        Bounds of the signal-to-noise ratio.
    mode, p_mode : {"per_example", "per_channel", "per_batch"}
        Whether each chunk has noise of its own.
    p : float
        Share of the chunks to which noise is added.
    """

    def __init__(
        self,
        background_paths: Names,
        min_snr_in_db: float = 3.0,
        max_snr_in_db: float = 30.0,
        mode: Mode = "per_example",
        p: float = 0.5,
        p_mode: Mode | None = None,
    ) -> None:
        super().__init__(p, *_modes(mode, p_mode))
        self.snr = check_order("min_snr_in_db", min_snr_in_db, "max_snr_in_db", max_snr_in_db)
        self.files = AudioFiles(background_paths, "noise", "background_paths")

    def noise(self, rng: np.random.Generator, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
        """Read a stretch of noise for each chunk."""
        return stretches(rng, self.files, chunks), rng.uniform(*self.snr, chunks.count)


class ApplyImpulseResponse(Room):
    """Convolve with impulse responses, with the parameters of torch-audiomentations.

    Parameters
    ----------
    ir_paths : str, Path or sequence of them
        Folders or audio files.
    compensate_for_propagation_delay : bool
        Whether speech stays where it is, or comes as late as the responses have it.
    mode, p_mode : {"per_example", "per_channel", "per_batch"}
        Whether each chunk has a response of its own.
    p : float
        Share of the chunks that are convolved.
    """

    def __init__(
        self,
        ir_paths: Names,
        compensate_for_propagation_delay: bool = False,
        mode: Mode = "per_example",
        p: float = 0.5,
        p_mode: Mode | None = None,
    ) -> None:
        super().__init__(p, False, compensate_for_propagation_delay, *_modes(mode, p_mode))
        self.files = AudioFiles(ir_paths, "impulse responses", "ir_paths")

    def responses(self, rng: np.random.Generator, chunks: Chunks) -> list[np.ndarray]:
        """Read a response for each chunk."""
        return responses(rng, self.files, chunks)


def _modes(mode: str, p_mode: str | None) -> tuple[str, str | None]:
    check_choices("mode", mode, MODES)
    if p_mode is not None:
        check_choices("p_mode", p_mode, MODES)
    # There is one channel: a channel is an example.
    as_example = {"per_channel": "per_example"}
    return as_example.get(mode, mode), p_mode and as_example.get(p_mode, p_mode)
