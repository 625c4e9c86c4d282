"""Picture of the trade of misses against false alarms (DET).

Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
"""

from __future__ import annotations

import os
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import ndtr

from pyannote_ge2e.metrics import error_curve_band
from pyannote_ge2e.report.det_curve import DetCurve, det_curves, limits_of
from pyannote_ge2e.report.evaluation import Evaluation
from pyannote_ge2e.report.probit import percent_ticks, probit
from pyannote_ge2e.report.style import CURVES, FAINT, INK, drawable, house_style, plain, save
from pyannote_ge2e.report.words import cost, interval_in_words, percent

# Of minDCF, by P_target.
_MARKERS = "D^sv<>P"
_BAND_POINTS = 96
_NEARLY_NONE = 1e-9


def det_plot(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Draw the miss rate against the false-alarm rate, with the interval around it.

    One curve for each scoring that ranks the trials in its own way; the shade is the interval
    of the miss rate at each false-alarm rate. Marked are the equal error rate, on the diagonal,
    and the smallest detection costs. The axes end where the list has no more trials to tell.

    Parameters
    ----------
    evaluation : Evaluation
    path : path
        Picture to write, in the format of its suffix (png, pdf, svg...). It appears whole or
        not at all; an svg is the same bytes each time.

    Raises
    ------
    ValueError
        When the suffix is not that of a picture.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import figures_of
    >>> from pyannote_ge2e.report import Scoring
    >>> scores, labels = np.array([0.9, 0.1, 0.4, 0.5]), np.array([1, 0, 1, 0])
    >>> scoring = Scoring("raw", scores, figures_of(scores, labels, resamples=10))
    >>> folder = getfixture("tmp_path")
    >>> det_plot(Evaluation("four trials", labels, None, [scoring]), folder / "det.png")
    >>> [file.name for file in folder.iterdir()]
    ['det.png']
    """
    save(draw_det(evaluation), path)


def draw_det(evaluation: Evaluation) -> Figure:
    """Draw without writing: see `det_plot`."""
    curves = det_curves(evaluation)
    false_alarm, miss = limits_of(evaluation, curves)
    with house_style():
        figure = Figure(figsize=(5.8, 6.4), layout="constrained")
        axes = figure.subplots()
        axes.set_xlim(*probit(false_alarm))
        axes.set_ylim(*probit(miss))
        percent_ticks(axes.xaxis, *false_alarm)
        percent_ticks(axes.yaxis, *miss)
        axes.set_xlabel("false alarms: non-targets accepted, %")
        axes.set_ylabel("misses: targets rejected, %")
        axes.grid(color=FAINT, alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        plain(axes)
        both = probit([_NEARLY_NONE, 1 - _NEARLY_NONE])
        axes.plot(both, both, color=FAINT, linewidth=0.9, zorder=1.5)
        entries = []
        for curve, (colour, line) in zip(curves, cycle(CURVES), strict=False):
            _draw_band(axes, curve, evaluation, false_alarm, colour)
            axes.plot(
                *curve.visible(false_alarm, miss), color=colour, linestyle=line, linewidth=1.8
            )
            _draw_points(axes, curve, evaluation, colour)
            entries.append(Line2D([], [], color=colour, linestyle=line, label=_label(curve)))
        if all(curve.perfect for curve in curves):
            _say_perfect(axes)
        figure.legend(
            handles=[*entries, *_keys(evaluation)],
            loc="outside lower left",
            frameon=False,
            fontsize=8.5,
            handlelength=3.2,
            labelspacing=0.6,
        )
    return figure


def _draw_band(
    axes: Axes,
    curve: DetCurve,
    evaluation: Evaluation,
    limits: tuple[float, float],
    colour: str,
) -> None:
    figures = curve.scoring.figures
    left, right = probit(limits)
    positions = np.linspace(left, right, _BAND_POINTS)
    low, high = error_curve_band(
        curve.scoring.scores,
        evaluation.labels,
        ndtr(positions),
        evaluation.speakers,
        "speaker" if figures.method == "speaker" else "trial",
        figures.level,
    )
    axes.fill_between(positions, probit(low), probit(high), color=colour, alpha=0.14, linewidth=0)


def _draw_points(axes: Axes, curve: DetCurve, evaluation: Evaluation, colour: str) -> None:
    rate = curve.scoring.figures.equal_error_rate.value
    points = [("o", rate, rate)]
    for p_target, marker in zip(evaluation.p_targets, cycle(_MARKERS), strict=False):
        if p_target in curve.scoring.figures.min_dcf:
            points.append((marker, *curve.cheapest(p_target)))
    for marker, *point in points:
        # What lies beyond the axes is marked at their end, and not cut in half there.
        x, y = (
            np.clip(probit(at), *end)
            for at, end in zip(point, (axes.get_xlim(), axes.get_ylim()), strict=True)
        )
        axes.plot(
            x,
            y,
            marker,
            color=colour,
            markersize=7,
            markeredgecolor="white",
            clip_on=False,
            zorder=3,
        )


def _say_perfect(axes: Axes) -> None:
    axes.text(
        0.5,
        0.5,
        "No errors: all targets score\nabove all non-targets.",
        transform=axes.transAxes,
        horizontalalignment="center",
        verticalalignment="center",
        bbox={"facecolor": "white", "edgecolor": "none"},
    )


def _label(curve: DetCurve) -> str:
    figures = curve.scoring.figures
    costs = ", ".join(f"{cost(figure)} (P={p:g})" for p, figure in figures.min_dcf.items())
    name = curve.name
    if curve.perfect:
        name += " (no errors)"
    label = drawable(f"{name}: EER {percent(figures.equal_error_rate)} %", width=72)
    if label.startswith("_"):
        label = f" {label}"  # else it would be left out
    return f"{label}\nminDCF {costs}" if costs else label


def _keys(evaluation: Evaluation) -> list[Line2D | Patch]:
    """Entries of the legend for what is the same in all colours."""
    points = [("o", "equal error rate (EER)")] + [
        (marker, f"smallest detection cost (minDCF), P={p_target:g}")
        for p_target, marker in zip(evaluation.p_targets, cycle(_MARKERS), strict=False)
    ]
    keys: list[Line2D | Patch] = [
        Line2D([], [], color=INK, linestyle="none", marker=marker, label=label)
        for marker, label in points
    ]
    words = interval_in_words(evaluation.figures)
    return [*keys, Patch(color=INK, alpha=0.2, linewidth=0, label=words)]
