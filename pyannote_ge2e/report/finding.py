"""What was found, in plain words."""

from __future__ import annotations

from pyannote_ge2e.metrics import Figures
from pyannote_ge2e.report.evaluation import Evaluation
from pyannote_ge2e.report.words import counted


def finding_of(evaluation: Evaluation) -> str:
    """Say in one sentence what the first scoring came to, or what the evaluation says itself.

    Examples
    --------
    >>> import numpy as np
    >>> from pyannote_ge2e.metrics import figures_of
    >>> from pyannote_ge2e.report import Scoring
    >>> scores, labels = np.array([0.9, 0.4, 0.6, 0.1]), np.array([1, 1, 0, 0])
    >>> scoring = Scoring("raw", scores, figures_of(scores, labels, resamples=100))
    >>> finding_of(Evaluation("demo", labels, None, [scoring])).split(";")[0]
    'At the equal error rate, 50.0 of 100 targets are missed and 50.0 of 100 non-targets accepted'
    """
    if evaluation.finding is not None:
        return evaluation.finding
    figures = evaluation.figures
    rate = figures.equal_error_rate
    name = f"{evaluation.scorings[0].name}: " if len(evaluation.scorings) > 1 else ""
    if rate.value == 0:
        others = counted(figures.trials - figures.targets, "non-target")
        return (
            f"{name}No errors: all {counted(figures.targets, 'target')} score above all {others}."
        )
    value, low, high, unit = _out_of(rate.value, rate.low, rate.high)
    at = "at" if name else "At"
    return (
        f"{name}{at} the equal error rate, {value} of {unit} targets are missed and {value} of "
        f"{unit} non-targets accepted; with {100 * figures.level:g} % confidence over new "
        f"{_drawn(figures)}, between {low} and {high}."
    )


def other_findings(evaluation: Evaluation) -> list[str]:
    """Say the same, in short, of the other scorings whose error rate is another.

    None if the evaluation says itself what was found.
    """
    if evaluation.finding is not None:
        return []
    found = []
    for scoring, names in list(evaluation.distinct())[1:]:
        rate = scoring.figures.equal_error_rate
        value, low, high, unit = _out_of(rate.value, rate.low, rate.high)
        found.append(f"{names[0]}: {value} of {unit}, between {low} and {high}.")
    return found


def _drawn(figures: Figures) -> str:
    return "speakers" if figures.method == "speaker" else "trials of the same kind"


def _out_of(value: float, low: float, high: float) -> tuple[str, str, str, str]:
    """Rates with one decimal, and out of how many: more where they are small."""
    unit = 100
    while 0 < high * unit < 1:
        unit *= 10
    return f"{value * unit:.1f}", f"{low * unit:.1f}", f"{high * unit:.1f}", f"{unit:,}"
