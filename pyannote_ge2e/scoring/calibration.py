"""Calibration: similarities in, log likelihood ratios out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from pyannote_ge2e.metrics.dcf import check_costs
from pyannote_ge2e.metrics.trials import checked_trials

FloatArray = NDArray[np.float64]

# Scores that separate the classes would make the scale grow without end. This holds it where
# the trials next to the gap get log likelihood ratios of about ten, and moves the scale of
# scores that overlap by a few parts in a hundred thousand.
RIDGE = 1e-6


@dataclass(frozen=True)
class Calibration:
    """Straight line from scores to natural-log likelihood ratios.

    Attributes
    ----------
    scale, offset : float
        ``llr = scale * score + offset``.

    Examples
    --------
    >>> Calibration(scale=10.0, offset=-4.0)([0.4, 0.7])
    array([0., 3.])
    """

    scale: float
    offset: float

    def __call__(self, scores: ArrayLike) -> FloatArray:
        """Natural-log likelihood ratios of scores of any shape."""
        return self.scale * np.asarray(scores, dtype=np.float64) + self.offset


def fit_calibration(scores: ArrayLike, labels: ArrayLike, p_target: float = 0.5) -> Calibration:
    """Fit the line from scores to log likelihood ratios by logistic regression.

    Targets weigh `p_target` in all and non-targets the rest, however many of each there are,
    and the prior log odds are added to what the line says (Brümmer et al., "Fusion of
    heterogeneous speaker recognition systems in the STBU submission for the NIST speaker
    recognition evaluation 2006", IEEE TASLP 15(7), 2007; Brümmer & de Villiers, "The BOSARIS
    toolkit", 2013). With `p_target` one half, it minimises `cllr`.

    Scores that separate the classes have no best scale, only ever better ones: a slight ridge
    keeps it finite.

    Parameters
    ----------
    scores : (T,) array
        Similarities: higher means more alike. Of other trials than those to be judged.
    labels : (T,) array
        1 for targets (same speaker), 0 for non-targets.
    p_target : float
        Prior probability of a target at which to be at one's best.

    Returns
    -------
    calibration : Calibration
        Of positive scale: the order of the scores, hence `min_dcf` and the equal error rate,
        stay as they are.

    Raises
    ------
    ValueError
        When the trials are malformed, `p_target` is out of range, all scores are equal or
        beyond what can be squared, or targets do not score higher than non-targets.

    Examples
    --------
    >>> scores, labels = [0.9, 0.5, 0.7, 0.1, 0.6, 0.3], [1, 1, 1, 0, 0, 0]
    >>> calibration = fit_calibration(scores, labels)
    >>> bool(calibration(0.9) > 0 > calibration(0.1))
    True
    """
    check_costs(p_target, 1, 1)
    scores, is_target = checked_trials(scores, labels)
    low, high = scores.min(), scores.max()
    if low == high:
        raise ValueError(f"All scores are {low}: there is nothing to calibrate.")
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        centre, spread = scores.mean(), scores.std()
        if not np.isfinite([spread, 1 / spread]).all():
            raise ValueError(
                f"Scores between {low} and {high} are too large or too close to each other to "
                "calibrate: multiply them by a factor first."
            )
    # Whatever the unit of the scores, the line starts level and has a slope of about one.
    slope, height = _regression((scores - centre) / spread, is_target, p_target)
    scale = slope / spread
    if scale <= 0:
        raise ValueError(
            f"Targets do not score higher than non-targets (the scale would be {scale:.3g}): "
            "scores must be similarities, higher for the same speaker."
        )
    return Calibration(float(scale), float(height - scale * centre))


def _regression(inputs: FloatArray, is_target: NDArray[np.bool_], p_target: float) -> FloatArray:
    """Slope and height of the line with the least weighted logistic loss."""
    sign = np.where(is_target, 1.0, -1.0)
    num_targets = np.count_nonzero(is_target)
    num_others = len(inputs) - num_targets
    # The lighter class weighs 1 in all: at any prior, the ridge stays slight beside it.
    lighter = min(p_target, 1 - p_target)
    weights = np.where(is_target, p_target / num_targets, (1 - p_target) / num_others) / lighter
    prior = logit(p_target)

    def margin(line: FloatArray) -> FloatArray:
        return sign * (line[0] * inputs + line[1] + prior)

    def loss(line: FloatArray) -> tuple[float, FloatArray]:
        margins = margin(line)
        pull = -weights * sign * expit(-margins)
        value = weights @ np.logaddexp(0, -margins) + RIDGE / 2 * line[0] ** 2
        return value, np.array([pull @ inputs + RIDGE * line[0], pull.sum()])

    def curvature(line: FloatArray) -> FloatArray:
        margins = margin(line)
        bend = weights * expit(margins) * expit(-margins)
        mixed = bend @ inputs
        return np.array([[bend @ inputs**2 + RIDGE, mixed], [mixed, bend.sum()]])

    found = minimize(
        loss, np.zeros(2), jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-9}
    )
    return found.x
