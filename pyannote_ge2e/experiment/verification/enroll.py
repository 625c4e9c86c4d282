"""`emb enroll` and `emb speakers`: who is known, and by how many recordings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pyannote.audio import Model

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.load import load_embedder
from pyannote_ge2e.experiment.output import check_file
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.verification.sides import (
    Side,
    absolute,
    embed_sides,
    recordings_of,
)
from pyannote_ge2e.experiment.verification.store import (
    Voices,
    check_model,
    read_store,
    update_store,
)
from pyannote_ge2e.experiment.verification.verify import load_decided

STORE = "speakers.safetensors"


@dataclass(frozen=True)
class Enrolment:
    """What a store knows of a speaker.

    Attributes
    ----------
    name : str
    recordings : int
        How many, in all.
    speakers : int
        How many speakers the store holds.
    store : str
        Its path.
    """

    name: str
    recordings: int
    speakers: int
    store: str


def enroll(
    name: str,
    files: Side,
    *,
    store: str | Path = STORE,
    model: str | Path | Model | None = None,
    replace: bool = False,
    device: str = "auto",
    check: bool = True,
) -> Enrolment:
    """Remember a speaker by recordings.

    Parameters
    ----------
    name : str
    files : path, or sequence of paths
        Recordings, or folders of them. Those of a speaker who is known already are added.
    store : path
        File that remembers. Made when missing.
    model : str, Path or Model, optional
        As in `verify`. Defaults to the store's model, and to `ge2e` for a new store.
    replace : bool
        Forget the recordings that there were of this speaker.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    check : bool
        Refuse recordings in which nobody speaks.

    Returns
    -------
    enrolment : Enrolment

    Raises
    ------
    UserError
        If a recording cannot be read or holds no speech, or the store is another model's, damaged
        or cannot be written. The store then is as it was.
    """
    if not name.strip() or not name.isprintable():
        raise UserError(f"{name!r} is no name: give one that can be printed.")
    path = Path(store).expanduser()
    if not path.is_dir():  # of which reading says what it is
        check_file(path, "--store")
    recordings = recordings_of(files)
    if model is None:
        model = read_store(path).model if path.exists() else "ge2e"
    with quiet():
        loaded, _ = load_decided(model, device=device, check=check)
        known = read_store(path) if path.exists() else None
        if known is not None:
            check_model(path, known, loaded.digest, loaded.name)
            if known.windows != loaded.embedder.windows:
                loaded = load_embedder(model, device=device, check=check, **known.windows)  # type: ignore[arg-type]
        [embeddings] = embed_sides(loaded.embedder, [recordings])
    fresh = Voices(absolute(loaded.name), loaded.digest, loaded.embedder.windows)

    def add(voices: Voices | None) -> Voices:
        if voices is not None:  # it may have been made by another process meanwhile
            check_model(path, voices, loaded.digest, loaded.name)
        return (voices or fresh).with_recordings(name, embeddings, again=replace)

    voices = update_store(path, add)
    count = int(voices.counts[voices.names.index(name)])
    return Enrolment(name, count, len(voices.names), os.fspath(path))


def speakers(store: str | Path = STORE) -> dict[str, int]:
    """List who was enrolled: number of recordings by name.

    Raises
    ------
    UserError
        If there is no such store, or it is damaged.
    """
    voices = read_store(Path(store).expanduser())
    return dict(zip(voices.names, voices.counts.tolist(), strict=True))


def remove_speaker(name: str, store: str | Path = STORE) -> None:
    """Forget a speaker.

    Raises
    ------
    UserError
        If nobody was enrolled under that name, or the store is missing, damaged or cannot be
        written.
    """
    path = Path(store).expanduser()
    read_store(path)

    def forget(voices: Voices | None) -> Voices:
        assert voices is not None
        return voices.without(name)

    update_store(path, forget)
