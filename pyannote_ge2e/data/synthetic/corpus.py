"""A corpus of synthetic voices on disk, in VoxCeleb's layout: `speaker/session/utterance.wav`."""

from __future__ import annotations

import json
import os
import shutil
import wave
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, channel, draw_voice, record, speak
from pyannote_ge2e.errors import UserError

__all__ = ["make_corpus"]

_MARK = "synthetic.json"
_VERSION = 1  # of the voices: a corpus of another version is another corpus


def make_corpus(
    folder: Path,
    speakers: int = 60,
    utterances: int = 10,
    seed: int = 0,
    *,
    sessions: int = 2,
    seconds: tuple[float, float] = (2.0, 4.0),
    subsets: Sequence[int] | None = None,
    processes: int | None = None,
) -> Path:
    """Write a corpus of synthetic speakers, the same for the same arguments.

    Each session has its own channel, each utterance its own words, noise and level.

    Parameters
    ----------
    folder : Path
        Made whole or not at all.
    speakers : int, optional
    utterances : int, optional
        Of each speaker.
    seed : int, optional
    sessions : int, optional
        Over which a speaker's utterances are spread.
    seconds : pair of float, optional
        Shortest and longest utterance.
    subsets : three int, optional
        Speakers in top folders named train, dev and test. Without it, speakers are top folders.
    processes : int, optional
        Defaults to the number of CPUs. Does not change the voices.

    Returns
    -------
    folder : Path

    Raises
    ------
    UserError
        When the folder holds something else, or cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> parent = TemporaryDirectory()
    >>> corpus = make_corpus(Path(parent.name) / "voices", speakers=2, utterances=2, processes=1)
    >>> sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.wav"))
    ['s0000/a/00000.wav', 's0000/b/00001.wav', 's0001/a/00000.wav', 's0001/b/00001.wav']
    """
    folder = Path(folder)
    if min(speakers, utterances, sessions) < 1 or not 0.1 <= seconds[0] <= seconds[1]:
        raise UserError("A corpus needs speakers, utterances and sessions, of 0.1 s or more.")
    if subsets is not None and (len(subsets) != 3 or sum(subsets) != speakers):
        raise UserError(
            f"Subsets {tuple(subsets)} should be three numbers of speakers, {speakers} together."
        )
    recipe = {
        **{"version": _VERSION, "seed": seed, "speakers": speakers, "utterances": utterances},
        **{"sessions": sessions, "seconds": list(seconds)},
        "subsets": None if subsets is None else list(subsets),
    }
    if folder.is_dir() and any(folder.iterdir()):
        if _recipe(folder) == recipe:
            return folder
        raise UserError(f"'{folder}' is not empty and holds something else: choose another folder.")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    jobs = [
        (str(temporary / _top(speaker, subsets)), speaker, utterances, sessions, seconds, seed)
        for speaker in range(speakers)
    ]
    try:
        temporary.mkdir(parents=True)
        _run(jobs, processes or os.cpu_count() or 1)
        (temporary / _MARK).write_text(json.dumps(recipe), encoding="utf-8")
        if folder.is_dir():
            folder.rmdir()  # an empty one: Windows does not rename over it
        os.replace(temporary, folder)
    except OSError as error:
        raise UserError(f"Cannot write '{folder}': {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _recipe(folder: Path) -> object:
    try:
        return json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _top(speaker: int, subsets: Sequence[int] | None) -> str:
    if subsets is None:
        return ""
    return ("train", "dev", "test")[int(np.searchsorted(np.cumsum(subsets), speaker, "right"))]


def _run(jobs: list[tuple], processes: int) -> None:
    if processes == 1:
        for job in jobs:
            _make_speaker(job)
        return
    with ProcessPoolExecutor(processes) as pool:
        for _ in pool.map(_make_speaker, jobs):
            pass


def _make_speaker(job: tuple[str, int, int, int, tuple[float, float], int]) -> None:
    """Write a speaker's utterances; every random number depends on who and which alone."""
    top, speaker, utterances, sessions, seconds, seed = job
    voice = draw_voice(np.random.default_rng([seed, speaker]))
    for number in range(utterances):
        session = number % sessions
        response = channel(np.random.default_rng([seed, speaker, 1, session]))
        rng = np.random.default_rng([seed, speaker, 2, number])
        waveform = record(speak(voice, rng.uniform(*seconds), rng), response, rng)
        path = Path(top, f"s{speaker:04d}", chr(ord("a") + session), f"{number:05d}.wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(waveform.tobytes())
