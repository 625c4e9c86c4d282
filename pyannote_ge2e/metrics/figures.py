"""All figures of one list of scored trials, each with its interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.metrics.cllr import cllr, cllr_of_hull
from pyannote_ge2e.metrics.dcf import act_dcf, check_costs, dcf_of_error_rates, min_dcf
from pyannote_ge2e.metrics.eer import crossing, equal_error_rate
from pyannote_ge2e.metrics.hull import hull_points
from pyannote_ge2e.metrics.interval import confidence_intervals
from pyannote_ge2e.metrics.resampling.drawing import Redrawn
from pyannote_ge2e.metrics.resampling.estimators import Metric
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials


@dataclass(frozen=True)
class Figure:
    """A figure and the interval around it."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """``{"value": ..., "low": ..., "high": ...}``."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Figures:
    """What one list of scored trials amounts to.

    Attributes
    ----------
    equal_error_rate : Figure
    threshold : float
        Score at which misses and false alarms are equally frequent.
    min_dcf : dict of float to Figure
        By P_target.
    act_dcf : dict of float to Figure
        By P_target. Empty unless the scores are log likelihood ratios.
    cllr : Figure, optional
        In bits. None unless the scores are log likelihood ratios.
    min_cllr : float
        In bits.
    level : float
        Of the intervals.
    method : "speaker" or "trial"
        What the intervals resample.
    resamples : int
    trials, targets : int
        How many of each.
    speakers : int, optional
        How many in all. None when unknown.
    """

    equal_error_rate: Figure
    threshold: float
    min_dcf: dict[float, Figure]
    act_dcf: dict[float, Figure]
    cllr: Figure | None
    min_cllr: float
    level: float
    method: str
    resamples: int
    trials: int
    targets: int
    speakers: int | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: P_targets become strings such as "0.01"."""
        return {
            "equal_error_rate": self.equal_error_rate.as_dict(),
            "threshold": self.threshold,
            "min_dcf": {str(p): figure.as_dict() for p, figure in self.min_dcf.items()},
            "act_dcf": {str(p): figure.as_dict() for p, figure in self.act_dcf.items()},
            "cllr": self.cllr and self.cllr.as_dict(),
            "min_cllr": self.min_cllr,
            "level": self.level,
            "method": self.method,
            "resamples": self.resamples,
            "trials": self.trials,
            "targets": self.targets,
            "speakers": self.speakers,
        }


def figures_of(
    scores: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None = None,
    *,
    method: Redrawn = "speaker",
    p_targets: Iterable[float] = (0.01, 0.05),
    calibrated: bool = False,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
) -> Figures:
    """Equal error rate, detection costs and costs of log likelihood ratios, with intervals.

    Parameters
    ----------
    scores : (T,) array
        Similarities: higher means more alike.
    labels : (T,) array
        1 for targets, 0 for non-targets.
    speakers : (T, 2) array, optional
        Names or numbers of the two speakers of each trial.
    method : "speaker" or "trial"
        What the intervals resample, as in `confidence_interval`. Without `speakers`, trials
        are resampled whatever is asked for, and the result says so.
    p_targets : floats
        Prior probabilities of a target that detection costs are computed for.
    calibrated : bool
        Scores are natural-log likelihood ratios: add actDCF and Cllr.
    level, seed, resamples
        As in `confidence_interval`.

    Returns
    -------
    figures : Figures

    Raises
    ------
    ValueError
        When the trials are malformed, `speakers` contradict the labels or are too few to
        resample, or an option is out of range.

    Examples
    --------
    >>> scores, labels = [0.9, 0.4, 0.6, 0.1, 0.3, 0.5], [1, 1, 1, 0, 0, 0]
    >>> figures = figures_of(scores, labels, p_targets=[0.5], resamples=100)
    >>> round(figures.equal_error_rate.value, 3), round(figures.min_dcf[0.5].value, 3)
    (0.333, 0.333)
    >>> figures.method, figures.trials, figures.speakers
    ('trial', 6, None)
    """
    if method not in ("speaker", "trial"):
        raise ValueError(f"Unknown method {method!r}: choose 'speaker' or 'trial'.")
    p_targets = [float(p_target) for p_target in p_targets]
    for p_target in p_targets:
        check_costs(p_target, 1, 1)
    scores, is_target = checked_trials(scores, labels)
    if speakers is None:
        method = "trial"

    trials = SortedTrials.of(scores, is_target)
    miss, false_alarm = trials.error_rates()
    rate, point = crossing(miss, false_alarm)
    corners = hull_points(trials)
    calibrated_at = p_targets if calibrated else []
    metrics: list[tuple[Metric, float]] = [(equal_error_rate, float(rate))]
    for p in p_targets:
        cost = float(dcf_of_error_rates(miss, false_alarm, p, 1, 1).min())
        metrics.append((partial(min_dcf, p_target=p), cost))
    for p in calibrated_at:
        metrics.append((partial(act_dcf, p_target=p), act_dcf(scores, is_target, p)))
    if calibrated:
        metrics.append((cllr, cllr(scores, is_target)))
    # All at once: they share the draws, and what it takes to draw.
    plain = [metric for metric, _ in metrics]
    intervals = confidence_intervals(
        plain, scores, is_target, speakers, method, level, seed, resamples
    )
    figures = iter(
        Figure(value, *interval) for (_, value), interval in zip(metrics, intervals, strict=True)
    )
    return Figures(
        equal_error_rate=next(figures),
        threshold=float(trials.scores[trials.boundaries[point] - 1]),
        min_dcf={p: next(figures) for p in p_targets},
        act_dcf={p: next(figures) for p in calibrated_at},
        cllr=next(figures) if calibrated else None,
        min_cllr=cllr_of_hull(miss[corners], false_alarm[corners]),
        level=level,
        method=method,
        resamples=resamples,
        trials=len(scores),
        targets=int(is_target.sum()),
        speakers=None if speakers is None else len(set(np.asarray(speakers).ravel().tolist())),
    )
