"""MUSAN's noise, music and babble, each at its usual signal-to-noise ratios."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyannote_ge2e.data.augmentation.audio_files import AudioFiles
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.mixing import Mixture, several_voices
from pyannote_ge2e.data.augmentation.noise import stretches
from pyannote_ge2e.data.augmentation.values import Range, check_counts, check_path, check_range
from pyannote_ge2e.errors import UserError

KINDS = ("noise", "music", "speech")


class Musan(Mixture):
    """Add noise, music or babble of MUSAN (openslr.org/17), one of them drawn for each chunk.

    Parameters
    ----------
    folder : str or Path
        MUSAN as it unpacks: it holds the folders `noise`, `music` and `speech`.
    noise, music, speech : [float, float] or None
        Bounds of the signal-to-noise ratio of each kind, in dB; None leaves a kind out.
    num_voices : [int, int]
        Fewest and most files of speech that make babble together.
    p : float
        Share of the chunks to which something is added.

    Raises
    ------
    UserError
        If the folder is not that of MUSAN, or a value cannot be.
    """

    def __init__(
        self,
        folder: str | Path,
        noise: Range | None = (0.0, 15.0),
        music: Range | None = (5.0, 15.0),
        speech: Range | None = (13.0, 20.0),
        num_voices: Range = (3, 7),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        given = dict(zip(KINDS, (noise, music, speech), strict=True))
        self.snr = {
            kind: check_range(kind, bounds) for kind, bounds in given.items() if bounds is not None
        }
        if not self.snr:
            raise UserError("noise, music and speech are all left out: keep one of them.")
        self.num_voices = check_counts("num_voices", num_voices, least=1)
        root = Path(check_path("folder", folder)).expanduser()
        if not root.is_dir():
            raise UserError(
                f"folder: there is no folder '{root}': get MUSAN (openslr.org/17), and give the "
                "folder that holds its noise, music and speech."
            )
        for kind in self.snr:
            if not (root / kind).is_dir():
                raise UserError(
                    f"folder: '{root}' has no folder '{kind}': give MUSAN's own, which holds "
                    f"noise, music and speech, or leave this kind out with '{kind}: null'."
                )
        self.files = {kind: AudioFiles(root / kind, kind, "folder") for kind in self.snr}

    def noise(self, rng: np.random.Generator, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
        """Draw a kind for each chunk, and read it."""
        kinds = list(self.snr)
        drawn = rng.integers(len(kinds), size=chunks.count)
        noise = np.empty((chunks.count, chunks.length), np.float32)
        snr = np.empty(chunks.count)
        for number, kind in enumerate(kinds):
            rows = np.flatnonzero(drawn == number)
            if len(rows) > 0:
                read = self._babble if kind == "speech" else self._stretches
                noise[rows] = read(rng, kind, chunks.at(rows))
                snr[rows] = rng.uniform(*self.snr[kind], len(rows))
        return noise, snr

    def _stretches(self, rng: np.random.Generator, kind: str, chunks: Chunks) -> np.ndarray:
        return stretches(rng, self.files[kind], chunks)

    def _babble(self, rng: np.random.Generator, kind: str, chunks: Chunks) -> np.ndarray:
        files = self.files[kind]
        size = max(chunks.count, self.num_voices[1])
        pool = [files.stretch(rng, chunks.length, chunks.sample_rate) for _ in range(size)]
        return several_voices(rng, pool, [np.arange(size)] * chunks.count, self.num_voices)
