"""Files of a report: figures, pictures, and the page that shows both."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pyannote_ge2e.report.det import draw_det
from pyannote_ge2e.report.evaluation import Evaluation
from pyannote_ge2e.report.files import replacing
from pyannote_ge2e.report.histogram import draw_histograms
from pyannote_ge2e.report.page import page
from pyannote_ge2e.report.remarks import remarks_of
from pyannote_ge2e.report.style import render, svg_text
from pyannote_ge2e.report.table import escaped_markdown, markdown_table

FILES = ("metrics.json", "metrics.md", "det.svg", "det.png", "scores.png", "report.html")


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """Write the figures and pictures of an evaluation, and a page with all of them.

    Written are `metrics.json`, `metrics.md`, `det.svg`, `det.png`, `scores.png` and
    `report.html`, which needs none of the others. All take their places once the last is
    written: what fails on the way leaves the earlier ones as they were.

    Parameters
    ----------
    evaluation : Evaluation
    folder : Path
        Made when missing.

    Examples
    --------
    >>> import numpy as np
    >>> from pyannote_ge2e.metrics import figures_of
    >>> from pyannote_ge2e.report import Scoring
    >>> scores, labels = np.array([0.9, 0.1, 0.4, 0.5]), np.array([1, 0, 1, 0])
    >>> scoring = Scoring("raw", scores, figures_of(scores, labels, resamples=10))
    >>> folder = getfixture("tmp_path") / "evaluate"
    >>> write_report(Evaluation("four trials", labels, None, [scoring]), folder)
    >>> sorted(file.name for file in folder.iterdir())
    ['det.png', 'det.svg', 'metrics.json', 'metrics.md', 'report.html', 'scores.png']
    """
    folder = Path(folder)
    det, histograms = draw_det(evaluation), draw_histograms(evaluation)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        metrics_json, metrics_md, det_svg, det_png, scores_png, report_html = (
            files.enter_context(replacing(folder / name)) for name in FILES
        )
        _write(metrics_json, _json(evaluation))
        _write(metrics_md, _markdown(evaluation))
        det_as_svg = svg_text(det)
        _write(det_svg, det_as_svg)
        render(det, det_png, "png")
        render(histograms, scores_png, "png")
        _write(report_html, page(evaluation, det_as_svg, svg_text(histograms)))


def _write(path: Path, text: str) -> None:
    # Names of files need not be text: what is none shows as a question mark.
    path.write_text(text, encoding="utf-8", errors="replace")


def _json(evaluation: Evaluation) -> str:
    figures = evaluation.figures
    values = {
        "title": evaluation.title,
        "level": figures.level,
        "method": figures.method,
        "trials": figures.trials,
        "targets": figures.targets,
        "speakers": figures.speakers,
        "scorings": {of.name: of.figures.as_dict() for of in evaluation.scorings},
        "facts": dict(evaluation.facts),
        "remarks": remarks_of(evaluation),
    }
    return json.dumps(_plain(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Nothing that JSON lacks: what is not a finite number is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _markdown(evaluation: Evaluation) -> str:
    lines = [f"# {escaped_markdown(evaluation.title)}", "", markdown_table(evaluation)]
    lines += [f"> {escaped_markdown(remark)}\n" for remark in remarks_of(evaluation)]
    if evaluation.facts:
        lines += ["| what was tested | |", "| :--- | :--- |"]
        lines += [
            f"| {escaped_markdown(name)} | {escaped_markdown(fact)} |"
            for name, fact in evaluation.facts.items()
        ]
    return "\n".join(lines).rstrip() + "\n"
