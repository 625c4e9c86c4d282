"""Tiny corpora on disk, declared to pyannote.database, shared by the whole session."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported
# The networks here are tiny: threads would only wait for each other, and for the workers.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that runs the tests in the background has them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)

SAMPLE_RATE = 16000


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what can be made again: never that of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["PYANNOTE_GE2E_CACHE"] = str(folder)
    return folder


@pytest.fixture
def files_no_larger_than() -> Callable[[int], AbstractContextManager[None]]:
    """While the block runs, the system refuses to let files grow: what a full disk does."""
    import resource

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return limited


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """What pressing Ctrl-C does, also where a shell in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


class TinyProtocol(NamedTuple):
    """Where the protocols are declared, and their names."""

    database_yml: Path
    name: str
    diarization: str
    combined: str  # a meta-protocol of two databases
    no_development: str
    no_annotation: str


def voice(pitch: float, duration: float, rng: np.random.Generator) -> np.ndarray:
    """A hum with a pitch of its own and a little noise: (sample,) float."""
    time = np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE
    wobble = 1 + 0.01 * np.sin(2 * np.pi * rng.uniform(2, 5) * time + rng.uniform(0, 6))
    phase = 2 * np.pi * pitch * np.cumsum(wobble) / SAMPLE_RATE
    hum = sum(np.sin(k * phase) / k for k in range(1, 8))
    return 0.1 * hum + 0.01 * rng.standard_normal(len(time))


class _Corpus:
    """Writes audio, lists, RTTM and UEM files of one database."""

    def __init__(self, root: Path, database: str, rng: np.random.Generator) -> None:
        self.folder = root / database
        self.folder.mkdir(parents=True)
        self.rng = rng

    def verification(self, subset: str, pitches: dict[str, float], utterances: int) -> dict:
        uris = [f"{speaker}/{k}" for speaker in pitches for k in range(utterances)]
        turns = {}
        for uri in uris:
            speaker = uri.split("/")[0]
            duration = round(float(self.rng.uniform(1.0, 2.0)), 3)
            self.write(uri, voice(pitches[speaker], duration, self.rng))
            turns[uri] = [(speaker, 0.0, duration)]
        entry = self.lists(subset, turns)
        trials = self.folder / f"{subset}.trials.txt"
        trials.write_text(
            "".join(
                f"{int(a.split('/')[0] == b.split('/')[0])} {a} {b}\n"
                for i, a in enumerate(uris)
                for b in uris[:i]
            )
        )
        return {**entry, "trial": str(trials)} if subset != "train" else entry

    def diarization(self, subset: str, pitches: list[dict[str, float]]) -> dict:
        turns = {}
        for number, speakers in enumerate(pitches):
            uri = f"{subset}_meeting{number}"
            pieces, start, turns[uri] = [], 0.0, []
            for _ in range(4):
                for speaker, pitch in speakers.items():
                    duration = round(float(self.rng.uniform(1.0, 1.5)), 3)
                    pieces.append(voice(pitch, duration, self.rng))
                    turns[uri].append((speaker, start, duration))
                    start = round(start + duration, 3)
            self.write(uri, np.concatenate(pieces))
        return self.lists(subset, turns)

    def write(self, uri: str, waveform: np.ndarray) -> None:
        path = self.folder / f"{uri}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, waveform, SAMPLE_RATE)

    def lists(self, subset: str, turns: dict[str, list[tuple[str, float, float]]]) -> dict:
        lines = {
            "uri.lst": [f"{uri}\n" for uri in turns],
            "annotation.rttm": [
                f"SPEAKER {uri} 1 {start:.3f} {duration:.3f} <NA> <NA> {speaker} <NA> <NA>\n"
                for uri, spoken in turns.items()
                for speaker, start, duration in spoken
            ],
            "annotated.uem": [
                f"{uri} 1 0.000 {spoken[-1][1] + spoken[-1][2]:.3f}\n"
                for uri, spoken in turns.items()
            ],
        }
        entry = {}
        for name, content in lines.items():
            path = self.folder / f"{subset}.{name}"
            path.write_text("".join(content))
            entry[name.split(".")[0]] = str(path)
        return entry


@pytest.fixture(scope="session")
def tiny_protocol(tmp_path_factory: pytest.TempPathFactory) -> TinyProtocol:
    """Eight training speakers x 4 utterances of 1 to 2 s, four development speakers x 3."""
    import yaml
    from pyannote.database import registry

    root = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)
    tiny, small, meetings = (_Corpus(root, name, rng) for name in ("Tiny", "Small", "Meetings"))
    train = tiny.verification("train", {f"train{k}": 90.0 * 1.12**k for k in range(8)}, 4)
    development = tiny.verification(
        "development", {f"dev{k}": 100.0 * 1.25**k for k in range(4)}, 3
    )
    small_train = small.verification("train", {f"other{k}": 95.0 * 1.2**k for k in range(3)}, 2)
    meeting_train = meetings.diarization(
        "train", [{"A": 100.0, "B": 160.0}, {"A": 120.0, "B": 200.0}]
    )
    meeting_development = meetings.diarization("development", [{"A": 110.0, "B": 180.0}])
    content = {
        "Databases": {
            name: str(root / name / "{uri}.wav") for name in ("Tiny", "Small", "Meetings")
        },
        "Protocols": {
            "Tiny": {
                "SpeakerVerification": {
                    "All": {"scope": "global", "train": train, "development": development},
                    "NoDevelopment": {"scope": "global", "train": train},
                    "NoAnnotation": {
                        "scope": "global",
                        "train": {"uri": train["uri"]},
                        "development": {key: development[key] for key in ("uri", "trial")},
                    },
                }
            },
            "Small": {"SpeakerVerification": {"All": {"scope": "database", "train": small_train}}},
            "Meetings": {
                "SpeakerDiarization": {
                    "All": {
                        "scope": "file",
                        "train": meeting_train,
                        "development": meeting_development,
                    }
                }
            },
            "X": {
                "SpeakerVerification": {
                    "TinyAndSmall": {
                        "train": {
                            "Tiny.SpeakerVerification.All": ["train"],
                            "Small.SpeakerVerification.All": ["train"],
                        }
                    }
                }
            },
        },
    }
    database_yml = root / "database.yml"
    database_yml.write_text(yaml.safe_dump(content))
    registry.load_database(database_yml)
    return TinyProtocol(
        database_yml,
        "Tiny.SpeakerVerification.All",
        "Meetings.SpeakerDiarization.All",
        "X.SpeakerVerification.TinyAndSmall",
        "Tiny.SpeakerVerification.NoDevelopment",
        "Tiny.SpeakerVerification.NoAnnotation",
    )
