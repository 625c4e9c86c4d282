"""Metrics: arrays of scores and labels in, figures with their intervals out."""

from pyannote_ge2e.metrics.band import error_curve_band
from pyannote_ge2e.metrics.cllr import cllr, min_cllr
from pyannote_ge2e.metrics.comparison import Comparison, compare_by_metrics, compare_systems
from pyannote_ge2e.metrics.curve import ErrorCurve, error_curve
from pyannote_ge2e.metrics.dcf import act_dcf, bayes_threshold, min_dcf
from pyannote_ge2e.metrics.eer import (
    equal_error_rate,
    equal_error_threshold,
    hull_equal_error_rate,
)
from pyannote_ge2e.metrics.figures import Figure, Figures, figures_of
from pyannote_ge2e.metrics.interval import confidence_interval, confidence_intervals
from pyannote_ge2e.metrics.rates import ErrorRates, error_rates_at

__all__ = [
    "Comparison",
    "ErrorCurve",
    "ErrorRates",
    "Figure",
    "Figures",
    "act_dcf",
    "bayes_threshold",
    "cllr",
    "compare_by_metrics",
    "compare_systems",
    "confidence_interval",
    "confidence_intervals",
    "equal_error_rate",
    "equal_error_threshold",
    "error_curve",
    "error_curve_band",
    "error_rates_at",
    "figures_of",
    "hull_equal_error_rate",
    "min_cllr",
    "min_dcf",
]
