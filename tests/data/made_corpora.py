"""Small corpora on disk, prepared and read back: for the tests of `prepare`."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import rich.console
import soundfile
from pyannote.database import FileFinder
from pyannote.database.registry import Registry

from pyannote_ge2e.data.prepare.run import Prepared

RATE = 16000


@cache
def noise(seconds: float, rate: int, suffix: str) -> bytes:
    """A file of noise: made once, and written often."""
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * rate))
    how = {".opus": {"format": "OGG", "subtype": "OPUS"}}.get(suffix, {"format": suffix[1:]})
    soundfile.write(file := io.BytesIO(), samples, rate, **how)
    return file.getvalue()


def write(path: Path, seconds: float = 0.2, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(noise(seconds, rate, path.suffix.lower()))
    return path


def corpus(folder: Path, speakers: int = 10, utterances: int = 3, suffix: str = ".wav") -> Path:
    for speaker in range(speakers):
        for utterance in range(utterances):
            write(folder / f"id{speaker:02d}" / "session" / f"{utterance:05d}{suffix}")
    return folder


def protocol(prepared: Prepared):
    """Read back with nothing but pyannote.database."""
    registry = Registry()
    registry.load_database(prepared.database_yml)
    return registry.get_protocol(prepared.protocol, {"audio": FileFinder(registry=registry)})


def speakers(files) -> set[str]:
    return {label for file in files for label in file["annotation"].labels()}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def text(prepared: Prepared) -> str:
    console = rich.console.Console(file=io.StringIO(), width=100)
    console.print(prepared.table())
    return console.file.getvalue()
