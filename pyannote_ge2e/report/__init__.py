"""Reports: figures and pictures of what an experiment found."""

from pyannote_ge2e.report.histogram import score_histogram

__all__ = ["score_histogram"]
