"""Files of every format to read chunks from, and how to forget that they were read."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from pyannote_ge2e.data.audio.pack.layout import About
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.batches.pack_source import PackSource
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, draw_voice, speak

CHUNK = 2 * SAMPLE_RATE
FILES = 8

_HOW = {
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "sphere": {"format": "NIST", "subtype": "PCM_16"},
}


class Chunk(NamedTuple):
    """Where a chunk is."""

    path: str
    file: int  # its number
    first: int  # sample


def write_files(folder: Path, suffix: str) -> list[str]:
    """Write the same voices in any format."""
    folder = folder / suffix
    folder.mkdir()
    rng = np.random.default_rng(0)
    paths = []
    for number in range(FILES):
        waveform = speak(draw_voice(rng), rng.uniform(4, 16), rng)
        waveform *= 0.8 / np.abs(waveform).max()
        path = folder / f"{number}.{suffix}"
        if suffix == "m4a":
            _encode(path, waveform)
        else:
            soundfile.write(path, waveform, SAMPLE_RATE, **_HOW.get(suffix, {}))
        paths.append(str(path))
    os.sync()  # what is not on disk yet cannot be dropped
    return paths


def _encode(path: Path, waveform: np.ndarray) -> None:
    import torch
    from torchcodec.encoders import AudioEncoder

    samples = torch.from_numpy(waveform.astype(np.float32))[None]
    AudioEncoder(samples, sample_rate=SAMPLE_RATE).to_file(path)


def draw(paths: list[str], lengths: list[int], count: int) -> list[Chunk]:
    """Draw chunks, the same ones for all formats."""
    rng = np.random.default_rng(1)
    files = rng.integers(len(paths), size=count).tolist()
    return [Chunk(paths[k], k, int(rng.integers(lengths[k] - CHUNK))) for k in files]


def index_of(paths: list[str], lengths: list[int]) -> Index:
    """Index of files, four to a speaker."""
    return Index.of(
        Utterance(str(k // 4), "Bench", path, 0.0, length / SAMPLE_RATE, Path(path).stem)
        for k, (path, length) in enumerate(zip(paths, lengths, strict=True))
    )


def packed(index: Index, folder: Path) -> PackSource:
    """Pack the files of an index."""
    write_pack(index, folder, About("Bench", "train", SAMPLE_RATE))
    os.sync()
    return PackSource(index, folder)


def forget(path: str, memory: mmap.mmap | None = None) -> None:
    """Drop the pages of a file from the page cache, and from the memory it is mapped to."""
    if memory is not None:
        memory.madvise(mmap.MADV_DONTNEED)
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
