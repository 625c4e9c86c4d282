"""Packs of a few files: for the tests of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyannote_ge2e.data.audio.pack.layout import About
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.index.index import Index, Utterance

RATE = 16000
ABOUT = About("Tiny.SpeakerVerification.All", "train", RATE)
COMMAND = "pyannote-audio emb pack Tiny.SpeakerVerification.All"
SUFFIXES = ["wav", "flac", "ogg"]


def noise(seconds: float, seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def index_of(paths: list[Path], seconds: float = 0.5) -> Index:
    return Index.of(
        Utterance(f"speaker{k % 3}", "Tiny", str(path), 0.0, seconds, uri=path.stem)
        for k, path in enumerate(paths)
    )


def samples_of(pack: Pack, row: int) -> np.ndarray:
    out = np.empty(pack.samples.item(row), np.float32)
    pack.read(row, 0, out)
    return out
