"""What a report is made from: scored trials and their figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pyannote_ge2e.metrics import Figures


@dataclass(frozen=True)
class Scoring:
    """One way to score the trials, or one of the systems compared.

    Attributes
    ----------
    name : str
        "raw", "s-norm", "raw, calibrated"...
    scores : (T,) array
        Similarities.
    figures : Figures
        See `figures_of`.
    """

    name: str
    scores: NDArray[np.float64]
    figures: Figures

    @property
    def calibrated(self) -> bool:
        """Scores are log likelihood ratios."""
        return self.figures.cllr is not None


@dataclass(frozen=True)
class Evaluation:
    """Scored trials, what they amount to, and where they come from.

    Attributes
    ----------
    title : str
    labels : (T,) array
        1 for targets, 0 for non-targets.
    speakers : (T, 2) array of str, or None
        Both speakers of each trial, where they are known.
    scorings : sequence of Scoring
        At least one, each with a name of its own; their figures are of the same trials, and
        their intervals of one kind.
    facts : mapping of str to str
        What was evaluated: model, protocol, command...
    remarks : sequence of str
        Warnings worth reading before the figures are believed.
    names : (T, 2) array of str, optional
        Both recordings of each trial.
    finding : str, optional
        What was found, in a sentence or two, where the figures do not say it all: that one
        system is better than the other, for instance. It opens the page.

    Raises
    ------
    ValueError
        When there is no scoring, or parts of it do not belong together.
    """

    title: str
    labels: NDArray[np.int64]
    speakers: NDArray[np.str_] | None
    scorings: Sequence[Scoring]
    facts: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    names: NDArray[np.str_] | None = None
    finding: str | None = None

    def __post_init__(self) -> None:
        if not self.scorings:
            raise ValueError("An evaluation needs at least one scoring.")
        names = [scoring.name for scoring in self.scorings]
        if len(set(names)) < len(names):
            raise ValueError(f"Two scorings have the same name: {', '.join(names)}.")
        trials = len(self.labels)
        for scoring in self.scorings:
            of = {len(scoring.scores), scoring.figures.trials}
            if of != {trials}:
                raise ValueError(
                    f"'{scoring.name}' has {len(scoring.scores)} scores and figures of "
                    f"{scoring.figures.trials} trials, but there are {trials} labels."
                )
        for what, pairs in (("speakers", self.speakers), ("names", self.names)):
            if pairs is not None and pairs.shape != (trials, 2):
                raise ValueError(f"Expected ({trials}, 2) {what}, got {pairs.shape}.")
        kinds = {(of.figures.level, of.figures.method) for of in self.scorings}
        if len(kinds) > 1:
            raise ValueError(
                f"Intervals of different kinds do not fit in one table: {sorted(kinds)}."
            )

    @property
    def figures(self) -> Figures:
        """Those of the first scoring: what all have in common may be read from them."""
        return self.scorings[0].figures

    @property
    def p_targets(self) -> list[float]:
        """Priors of a target that any scoring has a detection cost for."""
        return list(dict.fromkeys(p for of in self.scorings for p in of.figures.min_dcf))

    def distinct(self) -> Iterator[tuple[Scoring, list[str]]]:
        """Scorings that rank the trials differently, each with its names.

        Calibration moves thresholds, and leaves the error curve where it is.

        Examples
        --------
        >>> from pyannote_ge2e.metrics import figures_of
        >>> scores, labels = np.array([0.9, 0.1]), np.array([1, 0])
        >>> figures = figures_of(scores, labels, resamples=10)
        >>> scorings = [Scoring("raw", scores, figures), Scoring("scaled", 9 * scores, figures)]
        >>> evaluation = Evaluation("two trials", labels, None, scorings)
        >>> [names for _, names in evaluation.distinct()]
        [['raw', 'scaled']]
        """
        found: list[tuple[Scoring, list[str]]] = []
        for scoring in self.scorings:
            for other, names in found:
                if _same_order(scoring.scores, other.scores):
                    names.append(scoring.name)
                    break
            else:
                found.append((scoring, [scoring.name]))
        yield from found


def _same_order(scores: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Tell whether both rank the trials alike, up to what rounding does to near ties."""
    for one, other in ((scores, others), (others, scores)):
        steps = np.diff(one[np.argsort(other, kind="stable")])
        if steps.min() < -1e-9 * np.ptp(one):
            return False
    return True
