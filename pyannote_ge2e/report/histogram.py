"""Picture of the score distributions of targets and non-targets."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from pyannote_ge2e.metrics import bayes_threshold, equal_error_rate, equal_error_threshold
from pyannote_ge2e.metrics.trials import checked_trials
from pyannote_ge2e.report.evaluation import Evaluation, Scoring
from pyannote_ge2e.report.style import INK, NON_TARGET, TARGET, drawable, house_style, plain, save
from pyannote_ge2e.report.words import counted

# Of thresholds: the first is that of the equal error rate.
_LINES = ("--", ":", "-.", (0, (1, 3)), (0, (8, 3)))


def score_histogram(
    scores: ArrayLike,
    labels: ArrayLike,
    path: str | os.PathLike[str],
    title: str | None = None,
    threshold: float | None = None,
) -> None:
    """Draw how the scores of targets and of non-targets are distributed.

    Each class has area 1, whatever its number of trials. The dashed line is the threshold;
    target scores to its left are misses, non-target scores to its right are false alarms.

    Parameters
    ----------
    scores : (T,) array
        Similarities.
    labels : (T,) array
        1 for targets, 0 for non-targets.
    path : path
        Picture to write, in the format of its suffix (png, pdf, svg...). It appears whole or
        not at all.
    title : str, optional
        Text above the picture.
    threshold : float, optional
        Where to draw the line; the threshold of the equal error rate by default.

    Raises
    ------
    ValueError
        When the trials are malformed (see `equal_error_rate`) or the suffix is not that of a
        picture.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> score_histogram([0.9, 0.7, 0.1, 0.3], [1, 1, 0, 0], folder / "scores.png")
    >>> [file.name for file in folder.iterdir()]
    ['scores.png']
    """
    values, is_target = checked_trials(scores, labels)
    rate = equal_error_rate(values, is_target)
    if threshold is None:
        threshold = equal_error_threshold(values, is_target)
        line = f"equal error rate {rate:.2%}, at {threshold:.3f}"
    else:
        line = f"threshold {threshold:.3f}"

    with house_style():
        # A figure of its own, without pyplot: the caller's backend and open figures stay.
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        _draw(axes, values, is_target)
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.2, label=line)
        # Below the axes, where it hides no score.
        figure.legend(frameon=False, loc="outside lower center", ncols=3)
        if title:
            axes.set_title(drawable(title), loc="left")
    save(figure, path)


def score_histograms(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Draw how scores are distributed, one panel below the other for each scoring.

    Lines are the threshold of the equal error rate and, where scores are log likelihood
    ratios, those from which on accepting costs less than rejecting (of actDCF).

    Parameters
    ----------
    evaluation : Evaluation
    path : path
        Picture to write, in the format of its suffix. It appears whole or not at all.

    Raises
    ------
    ValueError
        When the suffix is not that of a picture.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import figures_of
    >>> scores, labels = np.array([0.9, 0.1, 0.4, 0.5]), np.array([1, 0, 1, 0])
    >>> scoring = Scoring("raw", scores, figures_of(scores, labels, resamples=10))
    >>> folder = getfixture("tmp_path")
    >>> score_histograms(Evaluation("four trials", labels, None, [scoring]), folder / "scores.png")
    >>> [file.name for file in folder.iterdir()]
    ['scores.png']
    """
    save(draw_histograms(evaluation), path)


def draw_histograms(evaluation: Evaluation) -> Figure:
    """Draw without writing: see `score_histograms`."""
    scorings = evaluation.scorings
    with house_style():
        # The more thresholds, the more lines below the axes.
        heights = [3.0 + 0.25 * (len(_thresholds(of)) // 2) for of in scorings]
        figure = Figure(figsize=(6.4, sum(heights)), layout="constrained")
        ratios = {"height_ratios": heights}
        panels = figure.subplots(len(scorings), squeeze=False, gridspec_kw=ratios)[:, 0]
        for axes, scoring in zip(panels, scorings, strict=True):
            _draw(axes, *checked_trials(scoring.scores, evaluation.labels))
            for style, (threshold, words) in zip(_LINES, _thresholds(scoring), strict=False):
                axes.axvline(threshold, color=INK, linestyle=style, linewidth=1.2, label=words)
            axes.set_title(drawable(scoring.name), loc="left")
            axes.set_xlabel(
                "log likelihood ratio (higher: more alike)"
                if scoring.calibrated
                else "score (higher: more alike)"
            )
            axes.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False, fontsize=9, ncols=2
            )
    return figure


def _thresholds(scoring: Scoring) -> list[tuple[float, str]]:
    figures = scoring.figures
    rate = 100 * figures.equal_error_rate.value
    found = [(figures.threshold, f"equal error rate {rate:.2f} %, at {figures.threshold:.3f}")]
    for p_target in figures.act_dcf:
        threshold = bayes_threshold(p_target)
        found.append((threshold, f"actDCF (P={p_target:g}), at {threshold:.3f}"))
    return found


def _draw(axes: Axes, values: NDArray[np.float64], is_target: NDArray[np.bool_]) -> None:
    """Both classes, each with area 1."""
    edges = _bin_edges(values)
    for name, kind, colour in (("non-target", False, NON_TARGET), ("target", True, TARGET)):
        of_kind = values[is_target == kind]
        label = f"{name} ({counted(len(of_kind), 'trial')})"
        density, _ = np.histogram(of_kind, edges, density=True)
        axes.stairs(density, edges, fill=True, color=colour, alpha=0.45, label=label)
        axes.stairs(density, edges, color=colour, linewidth=1.5)
    axes.set_xlabel("score (higher: more alike)")
    axes.set_ylabel("density")
    axes.set_ylim(bottom=0)
    plain(axes)


def _bin_edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between 10 and 80 bins of one width for both classes, more for longer lists."""
    low, high = values.min(), values.max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, int(np.clip(2 * len(values) ** (1 / 3), 10, 80)) + 1)
