"""A corpus that a table declares: for the tests of protocols of tables."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml
from pyannote.database import registry

from pyannote_ge2e.data.tables.write import write_table

# Sends a protocol through pyannote's own objects: only they can make such a key.
FOREIGN = {"channel": lambda file: 1}
SPEAKERS, UTTERANCES = ("zoë", "001", "NA", "bob b."), 3
_number = count()


class Corpus:
    """Voices of four speakers in a folder, declared by a table under a name of their own."""

    def __init__(self, folder: Path, uri: str = "{speaker}{k}") -> None:
        self.database = f"Table{next(_number)}"
        self.folder = folder / self.database
        self.folder.mkdir()
        rng = np.random.default_rng(0)
        numbered = [(speaker, k) for k in range(UTTERANCES) for speaker in SPEAKERS]
        self.uris = [uri.format(speaker=s.replace(" ", "_"), k=k) for s, k in numbered]
        self.speakers = [speaker for speaker, _ in numbered]
        self.milliseconds = rng.integers(1000, 1500, len(numbered)).tolist()
        for name, length in zip(self.uris, self.milliseconds, strict=True):
            self.record(f"{name}.wav", length)
        self.templates = [str(self.folder / "{uri}.wav")]
        self.scope = "database"
        self.write()

    def record(self, name: str, milliseconds: int) -> None:
        noise = 0.1 * np.random.default_rng(len(name)).standard_normal(milliseconds * 16 + 5)
        soundfile.write(self.folder / name, noise, 16000)

    def write(self) -> None:
        self.paths = write_table(self.folder, "train", self.uris, self.speakers, self.milliseconds)
        pairs = [(a, b) for a in range(len(self.uris)) for b in range(a)]
        self.trials = self.folder / "train.trial"
        self.trials.write_text(
            "".join(
                f"{int(self.speakers[a] == self.speakers[b])} {self.uris[a]} {self.uris[b]}\n"
                for a, b in pairs
            ),
            encoding="utf-8",
        )
        self.subset = {key: str(path) for key, path in self.paths.items()}

    def declare(self, meta: dict[str, Any] | None = None, **more: Any) -> str:
        """Name of the protocol, as declared now."""
        trials = {**self.subset, "trial": str(self.trials)}
        content = {
            "Databases": {self.database: self.templates},
            "Protocols": {
                self.database: {
                    "SpeakerVerification": {
                        "All": {"scope": self.scope, "train": self.subset, "development": trials},
                        **more,
                    }
                },
            },
        }
        if meta:
            content["Protocols"]["X"] = {"SpeakerVerification": meta}
        path = self.folder / "database.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        registry.load_database(path)
        return f"{self.database}.SpeakerVerification.All"
