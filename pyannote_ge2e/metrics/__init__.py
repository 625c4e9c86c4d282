"""Metrics: arrays of scores and labels in, figures with their intervals out."""

from pyannote_ge2e.metrics.eer import equal_error_rate, equal_error_threshold
from pyannote_ge2e.metrics.interval import confidence_interval

__all__ = ["confidence_interval", "equal_error_rate", "equal_error_threshold"]
