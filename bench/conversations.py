"""Conversations of which it is known who speaks when: pyannote.audio's own, and made ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyannote.audio
import soundfile
import torch
from pyannote.core import Annotation, Segment, Timeline
from pyannote.database.util import load_rttm

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


def sample_conversation() -> dict[str, Any]:
    """Read the half minute of two people that pyannote.audio ships.

    `pyannote.audio.sample` reads it too, and needs FFmpeg's libraries for that.

    Returns
    -------
    file : dict
        With `uri`, `waveform`, `sample_rate`, `annotation` and `annotated`.
    """
    folder = Path(pyannote.audio.__file__).parent / "sample"
    samples, rate = soundfile.read(folder / "sample.wav", dtype="float32")
    return _file("sample", samples, rate, load_rttm(folder / "sample.rttm")["sample"])


def made_conversations(folder: Path, number: int = 6, seed: int = 0) -> list[dict[str, Any]]:
    """Make conversations of recordings of one speaker each.

    Parameters
    ----------
    folder : Path
        Holds `speaker/.../utterance.ogg`, all at one sampling rate.
    number : int
        Number of conversations.
    seed : int
        Of their draw: 2 to 4 speakers, up to 20 utterances, pauses of 0.1 to 0.8 s.

    Returns
    -------
    files : list of dict
        As `sample_conversation`.
    """
    rng = np.random.default_rng(seed)
    paths = sorted(path for path in folder.rglob("*.*") if path.suffix in SUFFIXES)
    said: dict[str, list[Path]] = {}
    for path in paths:
        said.setdefault(path.relative_to(folder).parts[0], []).append(path)
    return [_conversation(f"made{k}", said, rng) for k in range(number)]


def _conversation(
    uri: str, said: dict[str, list[Path]], rng: np.random.Generator
) -> dict[str, Any]:
    speakers = rng.choice(list(said), rng.integers(2, 5), replace=False)
    left = {speaker: list(rng.permutation(said[speaker])) for speaker in speakers}
    annotation, pieces, last, time = Annotation(uri=uri), [], "", 0.0
    for _ in range(20):
        others = [speaker for speaker in speakers if speaker != last and left[speaker]]
        if not others:
            break
        last = str(rng.choice(others))
        samples, rate = soundfile.read(left[last].pop(), dtype="float32")
        samples = _trimmed(samples)
        pause = np.zeros(round(rng.uniform(0.1, 0.8) * rate), dtype="float32")
        time += len(pause) / rate
        annotation[Segment(time, time + len(samples) / rate)] = last
        time += len(samples) / rate
        pieces += [pause, samples]
    conversation = np.concatenate(pieces)
    noise = 1e-3 * rng.standard_normal(len(conversation), dtype="float32")
    return _file(uri, conversation + noise, rate, annotation)


def _trimmed(samples: np.ndarray) -> np.ndarray:
    """Drop what is 30 dB below the loudest at both ends; bring the peak to one half."""
    energy = np.convolve(samples**2, np.ones(400), "same")
    loud = np.flatnonzero(energy > 1e-3 * energy.max())
    return 0.5 * samples[loud[0] : loud[-1] + 1] / np.abs(samples).max()


def _file(uri: str, samples: np.ndarray, rate: int, annotation: Annotation) -> dict[str, Any]:
    return {
        "uri": uri,
        "waveform": torch.from_numpy(samples)[None],
        "sample_rate": rate,
        "annotation": annotation,
        "annotated": Timeline([Segment(0, len(samples) / rate)], uri=uri),
    }
