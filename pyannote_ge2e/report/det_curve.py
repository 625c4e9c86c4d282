"""What of error curves is to be seen: where the axes end, and which points make the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from pyannote_ge2e.metrics import ErrorCurve, error_curve
from pyannote_ge2e.metrics.dcf import dcf_of_error_rates
from pyannote_ge2e.report.evaluation import Evaluation, Scoring
from pyannote_ge2e.report.probit import probit
from pyannote_ge2e.report.words import one_name

FloatArray = NDArray[np.float64]
Limits = tuple[float, float]

# Cells along an axis within its limits: finer than what print shows.
_CELLS = 1500
# No rate above this, and no axis narrower than so many standard deviations.
_HIGHEST, _NARROWEST = 0.99, 1.2
# Steps of a line that is straight in rates, hence bent on probit axes.
_STEPS = 64


@dataclass(frozen=True)
class DetCurve:
    """A scoring that ranks the trials in its own way, with its error curve.

    Attributes
    ----------
    scoring : Scoring
    name : str
        Of all scorings with this curve.
    curve : ErrorCurve
    """

    scoring: Scoring
    name: str
    curve: ErrorCurve

    @property
    def perfect(self) -> bool:
        """All targets score above all non-targets."""
        return bool(((self.curve.miss == 0) & (self.curve.false_alarm == 0)).any())

    def cheapest(self, p_target: float) -> tuple[float, float]:
        """False-alarm and miss rate where the detection cost is smallest."""
        miss, false_alarm = self.curve.miss, self.curve.false_alarm
        point = dcf_of_error_rates(miss, false_alarm, p_target, 1.0, 1.0).argmin()
        return float(false_alarm[point]), float(miss[point])

    def miss_at(self, false_alarm: float) -> float:
        """Miss rate where the curve, its points joined by lines, has so many false alarms."""
        return float(np.interp(-false_alarm, -self.curve.false_alarm, self.curve.miss))

    def visible(self, false_alarm: Limits, miss: Limits) -> tuple[FloatArray, FloatArray]:
        """See `visible_curve`."""
        return visible_curve(self.curve, false_alarm, miss)


def det_curves(evaluation: Evaluation) -> list[DetCurve]:
    """Curves of all scorings; those that are the same curve appear once, with all their names."""
    return [
        DetCurve(scoring, one_name(names), error_curve(scoring.scores, evaluation.labels))
        for scoring, names in evaluation.distinct()
    ]


def limits_of(evaluation: Evaluation, curves: list[DetCurve]) -> tuple[Limits, Limits]:
    """Rates between which the axes show what the list can tell.

    False alarms range over the equal error rate, with its interval, and the smallest detection
    costs; misses over what the curves have there. No axis goes below half an error: a smaller
    rate needs a longer list.

    Returns
    -------
    false_alarm, miss : (low, high)
    """
    trials, targets = len(evaluation.labels), int(np.sum(evaluation.labels))
    rates = [curve.scoring.figures.equal_error_rate for curve in curves]
    marks = [curve.cheapest(p) for curve in curves for p in curve.scoring.figures.min_dcf]
    equal = [rate.value for rate in rates]
    false_alarm = _limits(
        [rate.low for rate in rates] + [x for x, _ in marks],
        [*equal, *(rate.high for rate in rates)],
        max(1 / trials, 0.5 / (trials - targets)),
        margin=0.5,
    )
    # Where a curve comes in at the left, and where it goes out at the right.
    ends = [curve.miss_at(rate) for curve in curves for rate in false_alarm]
    miss = _limits(
        [*equal, *ends, *(y for _, y in marks)],
        [*equal, *ends, *(y for _, y in marks)],
        max(1 / trials, 0.5 / targets),
        margin=0.15,
    )
    return false_alarm, miss


def _limits(lowest: list[float], highest: list[float], smallest: float, margin: float) -> Limits:
    """Ends of an axis that shows all of these rates, unless they are too small or all errors."""
    low = max(float(probit(smallest)), float(probit(lowest).min()) - margin)
    high = max((float(probit(rate)) for rate in highest if rate < 1), default=0.0) + margin
    high = min(max(high, low + _NARROWEST), float(probit(_HIGHEST)))
    low = min(low, high - _NARROWEST)
    return float(ndtr(low)), float(ndtr(high))


def visible_curve(
    curve: ErrorCurve, false_alarm: Limits, miss: Limits
) -> tuple[FloatArray, FloatArray]:
    """Positions on probit axes of the points that make the picture.

    Parameters
    ----------
    curve : ErrorCurve
    false_alarm, miss : (low, high)
        Limits of the axes, as rates.

    Returns
    -------
    x, y : (K,) arrays
        Some thousand points at most, both ends included.

    Examples
    --------
    >>> curve = ErrorCurve(np.array([0.5, np.inf]), np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    >>> x, y = visible_curve(curve, (0.1, 0.9), (0.1, 0.9))
    >>> bool(np.allclose(x, -y))  # one tie of all scores: misses + false alarms = 1
    True
    """
    rates = np.stack([curve.false_alarm, curve.miss])
    limits = probit([false_alarm, miss])
    rates = rates[:, _kept(probit(rates), limits)]
    x, y = probit(_subdivided(rates))
    return x, y


def _kept(positions: FloatArray, limits: FloatArray) -> NDArray[np.intp]:
    """First and last point in each cell of a grid; one cell holds all that is beyond a limit."""
    size = (limits[:, 1:] - limits[:, :1]) / _CELLS
    cells = np.floor((positions - limits[:, :1]) / size).clip(-1, _CELLS)
    moves = np.flatnonzero((np.diff(cells, axis=1) != 0).any(axis=0))
    return np.unique(np.concatenate([[0], moves, moves + 1, [positions.shape[1] - 1]]))


def _subdivided(rates: FloatArray) -> FloatArray:
    """Insert points on the way where both rates change at once, as tied scores make them."""
    if rates.shape[1] > _CELLS:
        return rates
    way = np.linspace(0, 1, _STEPS, endpoint=False)
    pieces = [
        start[:, None] + (end - start)[:, None] * (way if (start != end).all() else way[:1])
        for start, end in zip(rates.T[:-1], rates.T[1:], strict=True)
    ]
    return np.concatenate([*pieces, rates[:, -1:]], axis=1)
