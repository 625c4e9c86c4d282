"""Background noise, from a folder or a collection."""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.data.augmentation.audio_files import AudioFiles, Names
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.mixing import Mixture
from pyannote_ge2e.data.augmentation.values import check_order


class BackgroundNoise(Mixture):
    """Add noise from a collection, at a signal-to-noise ratio drawn for each chunk.

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

    def __init__(
        self,
        collection: Names,
        snr_min: float = 5.0,
        snr_max: float = 20.0,
        p: float = 1.0,
    ) -> None:
        super().__init__(p=p)
        self.snr = check_order("snr_min", snr_min, "snr_max", snr_max)
        self.files = AudioFiles(collection, "noise")

    def noise(self, rng: np.random.Generator, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
        """Read a stretch of noise for each chunk."""
        return stretches(rng, self.files, chunks), rng.uniform(*self.snr, chunks.count)


def stretches(rng: np.random.Generator, files: AudioFiles, chunks: Chunks) -> np.ndarray:
    """Read a stretch of a file at random for each chunk: (chunk, sample) float32."""
    noise = np.empty((chunks.count, chunks.length), np.float32)
    for row in noise:
        row[:] = files.stretch(rng, chunks.length, chunks.sample_rate)
    return noise
