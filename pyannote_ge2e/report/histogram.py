"""Picture of the score distributions of targets and non-targets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pyannote_ge2e.metrics import equal_error_rate, equal_error_threshold
from pyannote_ge2e.metrics.trials import checked_trials

# Blue and orange of Okabe & Ito, told apart by colour-blind readers and in grey print.
TARGET, NON_TARGET, INK = "#0072B2", "#E69F00", "#333333"


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

    # A figure of its own, without pyplot: the caller's backend and open figures stay as they are.
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    edges = _bin_edges(values)
    for name, kind, colour in (("non-target", False, NON_TARGET), ("target", True, TARGET)):
        of_kind = values[is_target == kind]
        label = f"{name} ({len(of_kind):,} trials)"
        density, _ = np.histogram(of_kind, edges, density=True)
        axes.stairs(density, edges, fill=True, color=colour, alpha=0.45, label=label)
        axes.stairs(density, edges, color=colour, linewidth=1.5)
    axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.2, label=line)
    axes.set_xlabel("score (higher: more alike)", color=INK)
    axes.set_ylabel("density", color=INK)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    # Below the axes, where it hides no score.
    figure.legend(frameon=False, loc="outside lower center", ncols=3)
    if title:
        axes.set_title(title, loc="left", color=INK)
    _save(figure, Path(path))


def _bin_edges(values: np.ndarray) -> np.ndarray:
    """Between 10 and 80 bins of one width for both classes, more for longer lists."""
    low, high = values.min(), values.max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, int(np.clip(2 * len(values) ** (1 / 3), 10, 80)) + 1)


def _save(figure: Figure, path: Path) -> None:
    """Write under a temporary name in the same folder, then rename."""
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in FigureCanvasAgg.get_supported_filetypes():
        raise ValueError(
            f"Cannot tell the picture format of {str(path)!r}: use a suffix like .png."
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.savefig(temporary, format=suffix, dpi=150)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
