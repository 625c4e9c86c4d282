"""Reports: figures and pictures of what an experiment found.

What draws is imported on first use: a table on a terminal needs no matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.report.evaluation import Evaluation, Scoring
from pyannote_ge2e.report.table import figures_table, markdown_table

if TYPE_CHECKING:
    from pyannote_ge2e.report.det import det_plot
    from pyannote_ge2e.report.histogram import score_histogram, score_histograms
    from pyannote_ge2e.report.write import write_report

_DRAWN = {
    "det_plot": "det",
    "score_histogram": "histogram",
    "score_histograms": "histogram",
    "write_report": "write",
}

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


def __getattr__(name: str) -> Any:
    if name in _DRAWN:
        return getattr(import_module(f"{__name__}.{_DRAWN[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
