"""Which trials, and which speakers, the errors at the equal error rate come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyannote_ge2e.metrics.speakers import numbered_speakers
from pyannote_ge2e.report.evaluation import Evaluation, Scoring

IntArray = NDArray[np.intp]


@dataclass(frozen=True)
class SpeakerErrors:
    """Errors of the trials that a speaker is in, on either side."""

    speaker: str
    misses: int
    targets: int
    false_alarms: int
    others: int


def hardest_trials(
    scoring: Scoring, labels: NDArray[np.int64], most: int = 10
) -> tuple[IntArray, IntArray]:
    """Find the errors at the threshold of the equal error rate that are furthest from it.

    Parameters
    ----------
    scoring : Scoring
    labels : (T,) array
    most : int
        How many of either kind.

    Returns
    -------
    misses, false_alarms : integer arrays
        Rows of the trials, worst first.

    Examples
    --------
    >>> from pyannote_ge2e.metrics import figures_of
    >>> scores, labels = np.array([0.9, 0.2, 0.1, 0.5, 0.0, 0.3]), np.array([1, 1, 1, 0, 0, 0])
    >>> scoring = Scoring("raw", scores, figures_of(scores, labels, resamples=10))
    >>> misses, false_alarms = hardest_trials(scoring, labels)
    >>> misses.tolist(), false_alarms.tolist()
    ([2, 1], [3, 5])
    """
    scores = scoring.scores
    misses, false_alarms = (np.flatnonzero(wrong) for wrong in _errors(scoring, labels))
    return (
        misses[np.argsort(scores[misses], kind="stable")[:most]],
        false_alarms[np.argsort(-scores[false_alarms], kind="stable")[:most]],
    )


def speaker_errors(evaluation: Evaluation, scoring: Scoring) -> list[SpeakerErrors]:
    """Count the errors of each speaker, those with most errors first.

    Misses and false alarms weigh alike, as in the equal error rate, however many more
    non-targets there are.

    Parameters
    ----------
    evaluation : Evaluation
        Its speakers are known.
    scoring : Scoring
        One of its scorings.
    """
    assert evaluation.speakers is not None
    names, sides = numbered_speakers(evaluation.speakers, len(evaluation.labels))
    is_target = evaluation.labels == 1
    misses, false_alarms = _errors(scoring, evaluation.labels)

    def per_speaker(trials: NDArray[np.bool_]) -> IntArray:
        one, other = sides[trials].T
        both = np.concatenate([one, other[one != other]])
        return np.bincount(both, minlength=len(names))

    counts = [per_speaker(each) for each in (misses, is_target, false_alarms, ~is_target)]
    burden = counts[0] / max(misses.sum(), 1) + counts[2] / max(false_alarms.sum(), 1)
    return [
        SpeakerErrors(str(names[row]), *(int(count[row]) for count in counts))
        for row in np.argsort(-burden, kind="stable")
    ]


def share_of(
    evaluation: Evaluation, scoring: Scoring, speakers: list[str]
) -> tuple[float | None, float | None]:
    """Share of the misses, and of the false alarms, that any of some speakers is in.

    Returns
    -------
    misses, false_alarms : float or None
        None where there are no such errors.
    """
    involved = np.isin(np.asarray(evaluation.speakers, dtype=str), speakers)
    either = np.logical_or(involved[:, 0], involved[:, 1])
    misses, false_alarms = (
        float(either[wrong].mean()) if wrong.any() else None
        for wrong in _errors(scoring, evaluation.labels)
    )
    return misses, false_alarms


def _errors(
    scoring: Scoring, labels: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Targets rejected and non-targets accepted.

    The curve crosses at the threshold: trials with just that score are rejected or accepted,
    whichever leaves misses and false alarms more alike.
    """
    is_target = np.asarray(labels) == 1
    scores, threshold = scoring.scores, scoring.figures.threshold
    sides = [
        (~accepted & is_target, accepted & ~is_target)
        for accepted in (scores >= threshold, scores > threshold)
    ]

    def unlike(errors: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> float:
        misses, false_alarms = errors
        return float(abs(misses.sum() / is_target.sum() - false_alarms.sum() / (~is_target).sum()))

    return min(sides, key=unlike)
