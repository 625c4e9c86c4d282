"""Error curves without sorting all trials: only the stretches that may decide are looked into.

Sorting takes most of the time that a figure takes. Counting trials in narrow buckets of scores
takes a fraction of it, and gives the exact error rates at the edges of the buckets. These say in
which few buckets the figure is decided, and only the trials in there are sorted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pyannote_ge2e.metrics.trials import SortedTrials

FloatArray = NDArray[np.float64]

# Few enough to stay in the processor's cache, enough to leave little to sort among millions.
BUCKETS = 1 << 14


def thinned_error_rates(
    scores: FloatArray,
    is_target: NDArray[np.bool_],
    undecided: Callable[[FloatArray, FloatArray], NDArray[np.bool_]],
) -> tuple[FloatArray, FloatArray]:
    """Some points of the error curve, among which are all that may decide a figure.

    Parameters
    ----------
    scores : (T,) float array
    is_target : (T,) boolean array
        Checked trials.
    undecided : callable
        Given the miss and false-alarm rates (E,) at consecutive points of the curve, tells
        between which of them (E - 1,) there may be a point that matters.

    Returns
    -------
    miss, false_alarm : (P,) arrays
        From "accept all" to "reject all": the same numbers as those of
        `SortedTrials.error_rates`, with points left out, and with points repeated.

    Examples
    --------
    >>> scores, is_target = np.array([0.1, 0.5, 0.5, 0.9]), np.array([False, True, False, True])
    >>> errors = thinned_error_rates(scores, is_target, lambda miss, _: miss[1:] > 0.5)
    >>> np.unique(errors, axis=1)
    array([[0. , 0. , 0.5, 1. ],
           [0.5, 1. , 0. , 0. ]])
    """
    buckets = min(BUCKETS, len(scores))
    bucket = _numbered(scores, buckets)
    targets = np.bincount(bucket[is_target], minlength=buckets)
    others = np.bincount(bucket, minlength=buckets) - targets

    targets_below, others_below = _before(targets), _before(others)
    look = undecided(*_rates(targets_below, others_below))
    inside = look[bucket]
    if not inside.any():
        return _rates(targets_below, others_below)
    trials = SortedTrials.of(scores[inside], is_target[inside])
    within = bucket[inside][trials.order][trials.boundaries[:-1]]
    # Both counts grow along the curve: sorting each puts the points in order.
    return _rates(
        *(
            np.sort(np.concatenate([edges, inner[1:] + _before(np.where(look, 0, each))[within]]))
            for edges, inner, each in (
                (targets_below, trials.targets_below, targets),
                (others_below, trials.others_below, others),
            )
        )
    )


def _numbered(scores: FloatArray, buckets: int) -> NDArray[np.intp]:
    """Bucket of each score: rounding never swaps two scores, so that buckets are in order."""
    # The largest number minus the smallest would overflow: half of it does not.
    halves = scores / 2
    low, high = float(halves.min()), float(halves.max())
    # A few scores far out must not leave all others in one bucket: they join the last ones.
    sample = np.sort(halves[:: len(halves) // 4096 + 1])
    lower, upper = sample[[len(sample) // 4, 3 * len(sample) // 4]].tolist()
    if lower < upper:
        reach = 10 * (upper - lower)
        low, high = max(low, lower - reach), min(high, upper + reach)
    # In place: an array a step would take twice the time.
    share = np.clip(halves, low, high, out=halves)
    share -= low
    share /= high - low or 1.0
    share *= buckets - 1
    return share.astype(np.intp)


def _before(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """(B,) counts to (B + 1,) totals before each bucket and after the last."""
    return np.concatenate([[0], np.cumsum(counts)])


def _rates(
    targets_below: NDArray[np.intp], others_below: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    # As `SortedTrials.error_rates`, to the last bit.
    num_others = others_below[-1]
    return targets_below / targets_below[-1], (num_others - others_below) / num_others
