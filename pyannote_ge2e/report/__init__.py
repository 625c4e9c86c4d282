"""Reports: figures and pictures of what an experiment found."""

from pyannote_ge2e.report.det import det_plot
from pyannote_ge2e.report.evaluation import Evaluation, Scoring
from pyannote_ge2e.report.histogram import score_histogram, score_histograms
from pyannote_ge2e.report.table import figures_table, markdown_table
from pyannote_ge2e.report.write import write_report

__all__ = [
    "Evaluation",
    "Scoring",
    "det_plot",
    "figures_table",
    "markdown_table",
    "score_histogram",
    "score_histograms",
    "write_report",
]
