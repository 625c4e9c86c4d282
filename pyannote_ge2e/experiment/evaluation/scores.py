"""From embeddings to the scores of an evaluation: raw, normalised, calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyannote_ge2e.experiment.evaluation.cohort import own_rows
from pyannote_ge2e.experiment.evaluation.setting import Setting
from pyannote_ge2e.experiment.evaluation.trials import EvaluatedTrials
from pyannote_ge2e.scoring import (
    adaptive_snorm,
    cosine_scores,
    fit_calibration,
    speaker_means,
)

CALIBRATED = ", calibrated"


@dataclass(frozen=True)
class Embedded:
    """Embeddings, one row a file, of the trials and of what they lean on.

    Attributes
    ----------
    trials : (F, D) array
    calibration : (F', D) array, or None
    cohort : (C, D) array, or None
    """

    trials: np.ndarray
    calibration: np.ndarray | None
    cohort: np.ndarray | None


def score(setting: Setting, embedded: Embedded, device: str = "cpu") -> dict[str, np.ndarray]:
    """Score the trials.

    Parameters
    ----------
    setting : Setting
    embedded : Embedded
    device : str
        Where files are compared to the cohort.

    Returns
    -------
    scores : dict
        (T,) float64 array by name: "raw" (cosine), "s-norm", and both with ", calibrated" where
        the setting asks for it.

    Raises
    ------
    ValueError
        If scores cannot be calibrated.
    """
    cohort = embedded.cohort
    normalisation = setting.normalisation
    if cohort is not None and normalisation is not None and normalisation.per_speaker:
        cohort, _ = speaker_means(cohort, np.array(normalisation.cohort.speakers))

    def of(trials: EvaluatedTrials, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        scores = {"raw": cosine_scores(embeddings, trials.index.trials).astype(np.float64)}
        if cohort is not None and normalisation is not None:
            own = None
            if not normalisation.per_speaker:
                own = own_rows(trials.index, trials.file_speakers, normalisation.cohort)
            scores["s-norm"] = adaptive_snorm(
                embeddings,
                embeddings,
                cohort,
                trials.index.trials,
                top=normalisation.top,
                enrolment_in_cohort=own,
                device=device,
            ).astype(np.float64)
        return scores

    scores = of(setting.trials, embedded.trials)
    if setting.calibration_trials is not None and embedded.calibration is not None:
        others = of(setting.calibration_trials, embedded.calibration)
        for name, values in others.items():
            try:
                calibration = fit_calibration(values, setting.calibration_trials.index.labels)
            except ValueError as error:
                raise ValueError(f"--calibrate {setting.calibrate} ({name}): {error}") from error
            scores[name + CALIBRATED] = calibration(scores[name])
    return scores
