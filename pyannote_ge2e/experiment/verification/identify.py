"""`emb identify`: who of those that were enrolled speaks in a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyannote.audio import Model

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.load import load_embedder
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.verification.decision import limit_of
from pyannote_ge2e.experiment.verification.enroll import STORE
from pyannote_ge2e.experiment.verification.sides import (
    Side,
    embed_sides,
    recordings_of,
    unit_mean,
)
from pyannote_ge2e.experiment.verification.store import check_model, read_store
from pyannote_ge2e.experiment.verification.verify import load_decided


@dataclass(frozen=True)
class Candidate:
    """A speaker that it may be.

    Attributes
    ----------
    name : str
    score : float
        Cosine between the recording and the speaker's mean.
    probability : float or None
        That it is this speaker rather than another person, whoever else is enrolled; None for a
        model that was never calibrated.
    recordings : int
        By how many the speaker is known.
    """

    name: str
    score: float
    probability: float | None
    recordings: int


@dataclass(frozen=True)
class Identification:
    """Who it may be.

    Attributes
    ----------
    name : str or None
        The best candidate, if it reaches the threshold; None for somebody unknown, or without a
        threshold.
    candidates : list of Candidate
        Best first.
    threshold : float or None
    speakers : int
        How many there are in the store.
    model : str
    """

    name: str | None
    candidates: list[Candidate]
    threshold: float | None
    speakers: int
    model: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def identify(
    files: Side,
    *,
    store: str | Path = STORE,
    top: int = 5,
    model: str | Path | Model | None = None,
    threshold: float | None = None,
    prior: float | None = None,
    calibration: str | Path | None = None,
    device: str = "auto",
    check: bool = True,
) -> Identification:
    """Compare a recording to everyone who was enrolled.

    Parameters
    ----------
    files : path, or sequence of paths
        Recordings of one speaker.
    store : path
        File of `enroll`.
    top : int
        How many candidates to return at most.
    model : str, Path or Model, optional
        As in `verify`. Defaults to the store's.
    threshold, prior, calibration, device, check
        As in `verify`.

    Returns
    -------
    identification : Identification

    Raises
    ------
    UserError
        If the recording cannot be read or holds no speech, or the store is missing, empty, damaged
        or another model's, or made with other windows than the calibration; or threshold or prior
        are none.
    """
    limit_of(None, threshold, prior)
    path = Path(store).expanduser()
    voices = read_store(path)
    if not voices.names:
        raise UserError(f"Nobody is enrolled in '{path}': 'emb enroll NAME FILES' adds someone.")
    recordings = recordings_of(files)
    wanted = voices.model if model is None else model
    with quiet():
        loaded, decision = load_decided(wanted, calibration, device=device, check=check)
        check_model(path, voices, loaded.digest, loaded.name)
        if voices.windows != loaded.embedder.windows:
            if decision is not None:
                raise UserError(
                    f"'{path}' was made with windows of {_in_words(voices.windows)}, and the model "
                    f"was calibrated with {_in_words(decision.windows)}, so that its threshold is "
                    "that of other scores: calibrate it with those of the store (emb calibrate "
                    "--duration --step), or enrol anew, into another --store."
                )
            loaded = load_embedder(wanted, device=device, check=check, **voices.windows)  # type: ignore[arg-type]
        [embeddings] = embed_sides(loaded.embedder, [recordings])
    means = voices.means / np.maximum(np.linalg.norm(voices.means, axis=1, keepdims=True), 1e-12)
    scores = means @ unit_mean(embeddings)
    limit = limit_of(decision, threshold, prior)
    candidates = [
        Candidate(
            voices.names[row],
            float(scores[row]),
            None if decision is None else decision.probability(float(scores[row]), prior),
            int(voices.counts[row]),
        )
        for row in np.argsort(-scores, kind="stable")[:top]
    ]
    known = limit is not None and candidates[0].score >= limit
    return Identification(
        candidates[0].name if known else None, candidates, limit, len(voices.names), loaded.name
    )


def _in_words(windows: Mapping[str, float]) -> str:
    if not windows:
        return "the model's own"
    return f"{windows['duration']:g} s, a step of {windows['step']:g} of that"
