"""Ends of an interval from the resampled values of a metric."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from pyannote_ge2e.metrics.resampling.bootstrap import FloatArray

# Equal values may differ in their last digits, having been summed up in different orders.
ROUNDING = 1e-12


def tails(level: float) -> FloatArray:
    """Two shares with `level` between them."""
    return np.array([(1 - level) / 2, (1 + level) / 2])


def bias_corrected(values: FloatArray, value: float, level: float) -> tuple[float, float]:
    """Bias-corrected percentiles of resampled values of a metric.

    Resamples of an optimistic metric lie about as far below the figure as the figure lies
    below the truth. The share of them that is below tells how far the percentiles must move
    (Efron, "Nonparametric standard errors and confidence intervals", Canadian Journal of
    Statistics 9, 1981).

    Parameters
    ----------
    values : (R,) array
        Metric of the resamples.
    value : float
        Metric of the trials. The interval holds it.
    level : float

    Examples
    --------
    >>> values = np.linspace(0, 1, 1001)
    >>> low, high = bias_corrected(values, 0.5, 0.95)
    >>> round(low, 3), round(high, 3)  # no bias: plain percentiles
    (0.025, 0.975)
    >>> low, high = bias_corrected(values, 0.7, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.181, 0.999)
    """
    num_resamples = len(values)
    slack = ROUNDING * max(1.0, abs(value))
    # Ties count half, and are frequent in short lists.
    below = (np.mean(values < value - slack) + np.mean(values <= value + slack)) / 2
    bias = ndtri(np.clip(below, 1 / (num_resamples + 1), num_resamples / (num_resamples + 1)))
    low, high = np.quantile(values, ndtr(2 * bias + ndtri(tails(level))))
    return min(float(low), value), max(float(high), value)
