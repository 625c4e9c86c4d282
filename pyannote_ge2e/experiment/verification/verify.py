"""`emb verify`: whether two recordings, or two sets of them, are of the same speaker."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyannote.audio import Model

from pyannote_ge2e.experiment.embedding.load import Loaded, load_embedder
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.verification.decision import (
    Decision,
    find_decision,
    limit_of,
    read_decision,
)
from pyannote_ge2e.experiment.verification.sides import (
    Side,
    embed_sides,
    recordings_of,
    unit_mean,
)
from pyannote_ge2e.metrics import ErrorRates


@dataclass(frozen=True)
class Verification:
    """Whether two sides are the same speaker, and how sure that is.

    Attributes
    ----------
    score : float
        Cosine of the two sides' embeddings, between -1 and 1: higher is more alike.
    probability : float or None
        That they are the same speaker; None for a model that was never calibrated.
    same : bool or None
        Whether the score reaches the threshold.
    threshold : float or None
        The model's, or the one that was asked for.
    expected : ErrorRates or None
        Errors that deciding at this threshold makes.
    source : str
        What these were counted on; empty where nothing is known.
    model : str
    enrolment, test : list of str
        Paths of the recordings on either side.
    remarks : list of str
        What to mind.
    """

    score: float
    probability: float | None
    same: bool | None
    threshold: float | None
    expected: ErrorRates | None
    source: str
    model: str
    enrolment: list[str]
    test: list[str]
    remarks: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def verify(
    enrolment: Side,
    test: Side,
    *,
    model: str | Path | Model = "ge2e",
    threshold: float | None = None,
    prior: float | None = None,
    calibration: str | Path | None = None,
    device: str = "auto",
    check: bool = True,
) -> Verification:
    """Compare recordings.

    Parameters
    ----------
    enrolment, test : path, or sequence of paths
        Recordings of one speaker each: files of any rate and format, or folders of them. Those of
        one side count as one, by the mean of their embeddings.
    model : str, Path or Model
        Name in our hub, checkpoint, folder of a run, `owner/repo:entry`, `owner/name`; or a model.
    threshold : float, optional
        Score from which on they are the same speaker. Defaults to that of the calibration.
    prior : float, optional
        Probability of the same speaker before anything is heard. Defaults to the calibration's.
    calibration : path, optional
        File of `emb calibrate`. Defaults to the one beside the weights, if any.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    check : bool
        Refuse recordings in which nobody speaks: silent, too short, of a level that never changes.

    Returns
    -------
    verification : Verification

    Raises
    ------
    UserError
        If a recording cannot be read or holds no speech, the model cannot be loaded, or threshold
        or prior are none.

    Examples
    --------
    >>> from pyannote_ge2e.data.synthetic.corpus import make_corpus
    >>> corpus = make_corpus(getfixture("tmp_path") / "voices", speakers=2, utterances=2)
    >>> first, second, *_ = sorted(corpus.rglob("*.wav"))
    >>> verify(first, second, device="cpu").score > 0
    True
    """
    limit_of(None, threshold, prior)
    sides = recordings_of(enrolment), recordings_of(test)
    with quiet():
        loaded, decision = load_decided(model, calibration, device=device, check=check)
        one, other = embed_sides(loaded.embedder, sides)
    score = float(unit_mean(one) @ unit_mean(other))
    limit = limit_of(decision, threshold, prior)
    return Verification(
        score=score,
        probability=None if decision is None else decision.probability(score, prior),
        same=None if limit is None else score >= limit,
        threshold=limit,
        expected=None if decision is None or limit is None else decision.errors_at(limit),
        source="" if decision is None else decision.source,
        model=loaded.name,
        enrolment=[recording.path for recording in sides[0]],
        test=[recording.path for recording in sides[1]],
        remarks=_remarks([[each.path for each in side] for side in sides], decision),
    )


def load_decided(
    model: str | Path | Model,
    calibration: str | Path | None = None,
    *,
    device: str = "auto",
    check: bool = True,
) -> tuple[Loaded, Decision | None]:
    """Load a model, and what its scores mean; its windows are those that told so.

    Raises
    ------
    UserError
        If the model cannot be loaded, or the file of `emb calibrate` is damaged or not of it.
    """
    loaded = load_embedder(model, device=device, check=check)
    if calibration is None:
        decision = find_decision(loaded.name, loaded.weights, loaded.digest)
    else:
        decision = read_decision(Path(calibration).expanduser(), loaded.digest)
    if decision is not None and decision.windows != loaded.embedder.windows:
        network = loaded.embedder.model if loaded.found is None else loaded.found.model
        again = load_embedder(network, device=device, check=check, **decision.windows)  # type: ignore[arg-type]
        loaded = Loaded(loaded.name, again.embedder, loaded.digest, loaded.weights, loaded.found)
    return loaded, decision


def _remarks(sides: list[list[str]], decision: Decision | None) -> list[str]:
    remarks = []
    if decision is not None and max(map(len, sides)) > 1:
        remarks.append(
            "Threshold and probability are those of one recording a side: several score higher, "
            "of the same speaker above all."
        )
    others = {os.path.realpath(path) for path in sides[1]}
    if both := sorted(path for path in sides[0] if os.path.realpath(path) in others):
        remarks.append(f"'{both[0]}' is on both sides: it is compared to itself.")
    return remarks
