"""Scoring: embeddings in, similarities out (higher means more alike)."""

from pyannote_ge2e.scoring.calibration import Calibration, fit_calibration
from pyannote_ge2e.scoring.cohort import speaker_means
from pyannote_ge2e.scoring.cosine import cosine_scores
from pyannote_ge2e.scoring.snorm import adaptive_snorm, s_norm, t_norm, z_norm

__all__ = [
    "Calibration",
    "adaptive_snorm",
    "cosine_scores",
    "fit_calibration",
    "s_norm",
    "speaker_means",
    "t_norm",
    "z_norm",
]
