"""All that an evaluation depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.experiment.evaluation.cohort import Cohort
from pyannote_ge2e.experiment.evaluation.model import EvaluatedModel
from pyannote_ge2e.experiment.evaluation.trials import EvaluatedTrials
from pyannote_ge2e.experiment.reading import AUDIO, Reading
from pyannote_ge2e.metrics.resampling.drawing import Redrawn


@dataclass(frozen=True)
class Normalisation:
    """How scores are normalised.

    Attributes
    ----------
    cohort : Cohort
    per_speaker : bool
        Whether files are compared to the mean of each speaker, not to each recording.
    top : int
        How many of the nearest count.
    """

    cohort: Cohort
    per_speaker: bool
    top: int

    @property
    def size(self) -> int:
        """Number of embeddings that files are compared to."""
        if self.per_speaker and self.cohort.speakers is not None:
            return len(set(self.cohort.speakers))
        return len(self.cohort.paths)


@dataclass(frozen=True)
class Setting:
    """All that an evaluation depends on.

    Attributes
    ----------
    model : EvaluatedModel
    protocol, subset : str
        Where the trials are.
    trials : EvaluatedTrials
    normalisation : Normalisation or None
        None for raw scores alone.
    calibrate : str or None
        Subset on whose trials scores are calibrated.
    calibration_trials : EvaluatedTrials or None
        These trials.
    duration, step : float
        Of the windows: seconds, and a ratio of it.
    method : "speaker" or "trial"
        What the intervals resample.
    level : float
        Of the intervals.
    resamples, seed : int
        Of the bootstrap.
    p_targets : sequence of float
        Priors of a target in detection costs.
    reading : Reading
        What files are read as.
    """

    model: EvaluatedModel
    protocol: str
    subset: Subset
    trials: EvaluatedTrials
    normalisation: Normalisation | None
    calibrate: Subset | None
    calibration_trials: EvaluatedTrials | None
    duration: float
    step: float
    method: Redrawn
    level: float
    resamples: int
    seed: int
    p_targets: Sequence[float]
    reading: Reading = AUDIO
