"""Probit axes: error rates of normally distributed scores lie on a straight line."""

from __future__ import annotations

import numpy as np
from matplotlib.axis import Axis
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

# Rates that get a tick, in percent.
TICKS = (
    *(0.0001, 0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40),
    *(60, 80, 90, 95, 98, 99, 99.5, 99.9),
)
# Stands for no errors at all, which is infinitely far: beyond any limit of an axis.
_NONE = 1e-12


def probit(rates: ArrayLike) -> NDArray[np.float64]:
    """Rates to positions on the axis: quantiles of the normal distribution.

    Rates 0 and 1 are far outside, but finite.

    Parameters
    ----------
    rates : array
        Fractions.

    Examples
    --------
    >>> probit([0.025, 0.5]).round(2)
    array([-1.96,  0.  ])
    """
    return ndtri(np.clip(np.asarray(rates, dtype=np.float64), _NONE, 1 - _NONE))


def percent_ticks(axis: Axis, low: float, high: float) -> None:
    """Put ticks in percent on a probit axis.

    Parameters
    ----------
    axis : Axis
    low, high : float
        Rates where the axis ends.
    """
    percents = [tick for tick in TICKS if low <= tick / 100 <= high]
    axis.set_ticks(probit(np.divide(percents, 100)), [f"{tick:g}" for tick in percents])
