"""Voices that were enrolled: one safetensors file, written whole or not at all.

It holds the mean embedding of each speaker's recordings (each of unit length) and their number,
so that more can be added later, and says which model made them: another model's embeddings can
be compared to none of these.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.prepare.lock import alone
from pyannote_ge2e.errors import UserError

FORMAT = 1
_KIND = "pyannote-ge2e speakers"


@dataclass(frozen=True)
class Voices:
    """Speakers that one model embedded.

    Attributes
    ----------
    model : str
        What the model was called.
    digest : str
        What tells its embeddings from those of others: see `Loaded`.
    windows : dict
        See `Embedder.windows`.
    names : list of S str
    means : (S, D) float32 array
        Mean of the unit embeddings of each speaker's recordings.
    counts : (S,) int64 array
        How many recordings.
    """

    model: str
    digest: str
    windows: dict[str, float]
    names: list[str] = field(default_factory=list)
    means: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def with_recordings(self, name: str, embeddings: np.ndarray, again: bool = False) -> Voices:
        """Add recordings of a speaker.

        Parameters
        ----------
        name : str
        embeddings : (F, D) array
            Of unit length.
        again : bool
            Forget the recordings that there were.

        Examples
        --------
        >>> voices = Voices("ge2e", "0f", {}).with_recordings("alice", np.eye(2)[:1])
        >>> voices.with_recordings("alice", np.eye(2)[1:]).means.tolist()
        [[0.5, 0.5]]
        """
        total, count = embeddings.sum(axis=0), len(embeddings)
        rest = self
        if name in self.names:
            row = self.names.index(name)
            if not again:
                total = total + self.means[row] * self.counts[row]
                count += int(self.counts[row])
            rest = self.without(name)
        means = [*rest.means, (total / count).astype(np.float32)]
        order = sorted(range(len(means)), key=[*rest.names, name].__getitem__)
        return replace(
            self,
            names=[[*rest.names, name][row] for row in order],
            means=np.stack([means[row] for row in order]),
            counts=np.append(rest.counts, count)[order],
        )

    def without(self, name: str) -> Voices:
        """Remove a speaker.

        Raises
        ------
        UserError
            If there is none of that name; the nearest ones are given.
        """
        if name not in self.names:
            raise UserError(unknown_name(name, self.names))
        kept = [row for row, each in enumerate(self.names) if each != name]
        return replace(
            self,
            names=[self.names[row] for row in kept],
            means=self.means[kept],
            counts=self.counts[kept],
        )


def unknown_name(name: str, names: Sequence[str]) -> str:
    """Say that nobody was enrolled under a name, and which names are near.

    Examples
    --------
    >>> unknown_name("alise", ["bob", "alice"])
    "Nobody was enrolled as 'alise'. Did you mean 'alice'?"
    >>> unknown_name("zoe", ["bob", "alice"])
    "Nobody was enrolled as 'zoe': there are alice, bob."
    """
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return f"Nobody was enrolled as '{name}'. Did you mean {' or '.join(map(repr, near))}?"
    if not names:
        return f"Nobody was enrolled as '{name}': there is nobody yet."
    first = sorted(names)[:5]
    more = f" and {len(names) - len(first):,} more" if len(names) > len(first) else ""
    return f"Nobody was enrolled as '{name}': there are {', '.join(first)}{more}."


def read_store(path: Path) -> Voices:
    """Read a store.

    Raises
    ------
    UserError
        If it is missing, damaged, of a newer version, or no store at all.
    """
    if path.is_dir():
        raise UserError(f"'{path}' is a folder: give the file that 'emb enroll' is to write.")
    if not path.is_file():
        raise UserError(f"There is no store '{path}': make it with 'emb enroll NAME FILES'.")
    try:
        with safe_open(path, "numpy") as file:
            said = file.metadata() or {}
            if said.get("kind") != _KIND:
                raise UserError(f"'{path}' is not a store of speakers: 'emb enroll' makes those.")
            if int(said["format"]) > FORMAT:
                raise UserError(
                    f"'{path}' was written by a newer version of pyannote-ge2e: upgrade to read it."
                )
            voices = Voices(
                said["model"],
                said["digest"],
                json.loads(said["windows"]),
                json.loads(said["names"]),
                file.get_tensor("means"),
                file.get_tensor("counts"),
            )
        if said["sha256"] != _sum_of(voices):
            raise ValueError("other bytes")
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except UserError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"'{path}' is damaged, or is not a store of speakers: restore it from a copy, or enrol "
            "into another file."
        ) from error
    return voices


def update_store(path: Path, change: Callable[[Voices | None], Voices]) -> Voices:
    """Change a store while no other process does.

    It stays as private as it was, and a link to it stays a link.

    Parameters
    ----------
    path : Path
    change : callable
        Takes what the store holds, None when there is no such file, and returns what it is to.

    Returns
    -------
    voices : Voices
        What it holds now.

    Raises
    ------
    UserError
        As `read_store`, or if it cannot be written: what was there before is then untouched.
    """
    path = Path(os.path.realpath(path))
    with alone(path.with_name(f".{path.name}.lock"), waiting_for=f"'{path}'"):
        voices = change(read_store(path) if path.exists() else None)
        content = save(
            {"means": np.ascontiguousarray(voices.means), "counts": voices.counts},
            metadata={
                "kind": _KIND,
                "format": str(FORMAT),
                "model": voices.model,
                "digest": voices.digest,
                "windows": json.dumps(voices.windows),
                "names": json.dumps(voices.names),
                "sha256": _sum_of(voices),
            },
        )
        with replacing(path) as temporary:
            if path.exists():
                temporary.touch(0o600)
                shutil.copymode(path, temporary)
            temporary.write_bytes(content)
    return voices


def _sum_of(voices: Voices) -> str:
    """Sum of all that a store holds: bytes that changed on a disk would be another voice."""
    said: list[Any] = [voices.model, voices.digest, voices.windows, voices.names]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for array in (voices.means, voices.counts):
        digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def check_model(path: Path, voices: Voices, digest: str, model: str) -> None:
    """Refuse to compare the embeddings of one model to those of another.

    Raises
    ------
    UserError
        If the store is another model's.
    """
    if voices.digest != digest:
        raise UserError(
            f"'{path}' was made with the model '{voices.model}', and '{model}' has other weights: "
            "embeddings of the two cannot be compared. Give --model, or another --store."
        )
