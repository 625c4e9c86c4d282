"""Figures in words: how they, and what must be said with them, read in every table and picture."""

from __future__ import annotations

from collections.abc import Sequence

from pyannote_ge2e.metrics import Figure, Figures

NOTHING = "-"


def percent(figure: Figure) -> str:
    """Write a rate with its interval, in percent.

    Examples
    --------
    >>> percent(Figure(0.0394, 0.0374, 0.0414))
    '3.94 [3.74, 4.14]'
    """
    return f"{100 * figure.value:.2f} [{100 * figure.low:.2f}, {100 * figure.high:.2f}]"


def cost(figure: Figure | None) -> str:
    """Write a cost with its interval.

    Examples
    --------
    >>> cost(Figure(0.3121, 0.29, 0.334))
    '0.312 [0.290, 0.334]'
    """
    if figure is None:
        return NOTHING
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def interval_in_words(figures: Figures) -> str:
    """Say what the brackets hold.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import figures_of
    >>> interval_in_words(figures_of([0.9, 0.1], [1, 0], resamples=10))
    '95 % interval over trials, too narrow when trials share speakers'
    """
    words = f"{100 * figures.level:g} % interval over {figures.method}s"
    if figures.method == "trial":
        words += ", too narrow when trials share speakers"
    return words


def counts_in_words(figures: Figures) -> str:
    """Say how many trials, targets and speakers the figures are from.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import figures_of
    >>> counts_in_words(figures_of([0.9, 0.1], [1, 0], resamples=10))
    '2 trials, 1 target, speakers unknown'
    """
    counts = [counted(figures.trials, "trial"), counted(figures.targets, "target")]
    if figures.speakers is None:
        counts.append("speakers unknown")
    else:
        counts.append(counted(figures.speakers, "speaker"))
    return ", ".join(counts)


def counted(number: int, thing: str) -> str:
    """Count things.

    Examples
    --------
    >>> counted(1, "trial"), counted(4720, "trial")
    ('1 trial', '4,720 trials')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def one_name(names: Sequence[str]) -> str:
    """Name several scorings that are one curve.

    Examples
    --------
    >>> one_name(["raw", "raw, calibrated"])
    'raw (also: raw, calibrated)'
    """
    first, *others = names
    return f"{first} (also: {', '.join(others)})" if others else first
