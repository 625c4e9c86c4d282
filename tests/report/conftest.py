"""Evaluations to report: a list with speakers and names, and whatever lists a test asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyannote_ge2e.metrics import figures_of
from pyannote_ge2e.report import Evaluation, Scoring, write_report

RESAMPLES = 50


def of_lists(title="a list", speakers=None, names=None, calibrated=(), labels=(), **scorings):
    """An evaluation with one scoring for each keyword."""
    labels = np.asarray(labels, dtype=np.int64)
    return Evaluation(
        title=title,
        labels=labels,
        speakers=speakers,
        names=names,
        scorings=[
            Scoring(
                name,
                np.asarray(scores, dtype=np.float64),
                figures_of(
                    scores, labels, speakers, calibrated=name in calibrated, resamples=RESAMPLES
                ),
            )
            for name, scores in scorings.items()
        ],
    )


@pytest.fixture
def make() -> Callable[..., Evaluation]:
    """Build an evaluation from lists."""
    return of_lists


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """600 trials of 12 speakers, raw and normalised, and the raw ones calibrated."""
    rng = np.random.default_rng(0)
    one = rng.integers(12, size=600)
    other = np.where(rng.random(600) < 0.4, one, (one + rng.integers(1, 12, size=600)) % 12)
    labels = (one == other).astype(np.int64)
    ease = rng.normal(0, 0.4, 12)
    raw = 2.0 * labels + rng.normal(size=600) + ease[one] + ease[other]
    found = of_lists(
        title="Demo.SpeakerVerification.All, test",
        labels=labels,
        speakers=np.array([f"speaker{k}" for k in range(12)])[np.stack([one, other], axis=1)],
        names=np.array([f"file{k}" for k in range(1200)]).reshape(600, 2),
        calibrated=("raw, calibrated",),
        **{
            "raw": raw,
            "s-norm": raw + rng.normal(0, 0.3, 600),
            "raw, calibrated": 2.0 * raw - 2.5,
        },
    )
    facts = {"Model": "models/GE2E/weights/0040.pt", "Command": "emb evaluate"}
    remarks = ["3 speakers of the cohort are in the trials too."]
    return Evaluation(**{**vars(found), "facts": facts, "remarks": remarks})


@pytest.fixture(scope="session")
def report(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with its report: to read, not to change."""
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    write_report(evaluation, folder)
    return folder
