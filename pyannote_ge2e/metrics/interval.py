"""Confidence interval of a metric of verification trials."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from pyannote_ge2e.metrics.bootstrap import Resampling, SpeakerResampling, TrialResampling
from pyannote_ge2e.metrics.eer import equal_error_rate
from pyannote_ge2e.metrics.trials import SortedTrials, checked_trials

Metric = Callable[[Any, Any], float]
Method = Literal["speaker", "trial", "parametric"]

# Resamples x trials handled at once: 8 MB an array, whatever the number of trials.
BLOCK = 1 << 20

# Resamples drawn on the whole curve, to learn which stretch of it decides.
PILOT = 32


def confidence_interval(
    metric: Metric,
    scores: ArrayLike,
    labels: ArrayLike,
    speakers: ArrayLike | None = None,
    method: Method = "speaker",
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[float, float]:
    """Confidence interval of a metric such as the equal error rate.

    Trials share speakers, hence are not independent: the default redraws speakers, not
    trials, and gives the wider interval that new speakers deserve.

    Parameters
    ----------
    metric : callable
        ``metric(scores, labels) -> float``. `equal_error_rate` is resampled fast; any other
        callable is given each resample as a list of trials.
    scores : (T,) array
        Similarities.
    labels : (T,) array
        1 for targets, 0 for non-targets.
    speakers : (T, 2) array, optional
        Names or numbers of the two speakers of each trial.
    method : "speaker", "trial" or "parametric"
        "speaker"
            Two-way bootstrap: speakers are drawn with replacement, a target counts as often
            as its speaker was drawn, a non-target as often as the product of its two.
            Without `speakers`, trials are drawn instead, with a warning.
        "trial"
            Bootstrap of the trials, targets and non-targets apart.
        "parametric"
            For the equal error rate only, and without drawing anything. Its variance is that
            of the mean of two binomial rates (Bengio & Mariéthoz, Odyssey 2004, eq. 14); the
            interval is the exact one (Clopper & Pearson, 1934) of as many trials as have that
            variance. Trials are taken to be independent.
    level : float
        Share of intervals that should hold the true figure.
    seed : int
        Same seed, same interval.
    resamples : int
        Number of bootstrap resamples. Those without any target or non-target are redrawn.

    Returns
    -------
    low, high : float
        Percentiles of the resampled metric (for "parametric": see there). A bootstrap of
        trials without any error gives (0, 0).

    Raises
    ------
    ValueError
        When the trials are malformed, `speakers` contradict the labels or are too few to
        resample, or an option is out of range.

    Examples
    --------
    >>> scores, labels = [0.9, 0.4, 0.6, 0.1, 0.3, 0.5], [1, 1, 1, 0, 0, 0]
    >>> low, high = confidence_interval(equal_error_rate, scores, labels, method="trial")
    >>> low <= equal_error_rate(scores, labels) <= high
    True
    """
    if method not in get_args(Method):
        raise ValueError(f"Unknown method {method!r}: choose 'speaker', 'trial' or 'parametric'.")
    if not 0 < level < 1:
        raise ValueError(f"The confidence level must be between 0 and 1, got {level}.")
    if resamples < 1:
        raise ValueError(f"At least one resample is needed, got {resamples}.")
    checked_scores, is_target = checked_trials(scores, labels)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "parametric":
        return _parametric(metric, checked_scores, is_target, tails)

    trials = SortedTrials.of(checked_scores, is_target)
    resampling: Resampling
    if method == "speaker" and speakers is not None:
        resampling = SpeakerResampling(trials, speakers)
    else:
        if method == "speaker":
            warnings.warn(
                "No speakers given: the interval resamples trials, and is too narrow when "
                "trials share speakers.",
                stacklevel=2,
            )
        resampling = TrialResampling(trials)
    rng = np.random.default_rng(seed)
    if hasattr(metric, "of_error_rates"):
        values = _of_curves(metric.of_error_rates, trials, resampling, rng, resamples)
    else:
        values = _of_lists(metric, trials, resampling, rng, resamples)
    low, high = np.quantile(values, tails)
    return float(low), float(high)


def _of_curves(
    of_error_rates: Callable,
    trials: SortedTrials,
    resampling: Resampling,
    rng: np.random.Generator,
    resamples: int,
) -> NDArray[np.float64]:
    """Metric of each resample by its error curve.

    A few resamples show around which point of the curve the metric is decided. The others
    are computed on a stretch around it, and on the whole curve when the stretch was too short:
    exact, at the price of the stretch.
    """
    end = len(trials.boundaries) - 1
    values = np.empty(resamples)

    def decided(
        draw: NDArray[np.float64], first: int, last: int
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        return of_error_rates(*resampling.error_rates(draw, first, last))

    def blocks(start: int, stop: int, num_trials: int) -> Iterator[slice]:
        rows = max(1, BLOCK // max(num_trials, resampling.width))
        for position in range(start, stop, rows):
            yield slice(position, min(position + rows, stop))

    points = np.empty(min(PILOT, resamples), dtype=np.intp)
    for block in blocks(0, len(points), len(trials.order)):
        draw = resampling.draw(rng, block.stop - block.start)
        values[block], points[block] = decided(draw, 0, end)

    margin = int(np.ptp(points)) + 1
    first, last = max(0, int(points.min()) - margin), min(end, int(points.max()) + margin)
    num_trials = int(trials.boundaries[last] - trials.boundaries[first])
    for block in blocks(len(points), resamples, num_trials):
        draw = resampling.draw(rng, block.stop - block.start)
        values[block], points = decided(draw, first, last)
        for row in np.flatnonzero(points < 0):
            values[block][row : row + 1], _ = decided(draw[row : row + 1], 0, end)
    return values


def _of_lists(
    metric: Metric,
    trials: SortedTrials,
    resampling: Resampling,
    rng: np.random.Generator,
    resamples: int,
) -> NDArray[np.float64]:
    """Metric of each resample by repeating trials as often as they were drawn."""
    values = np.empty(resamples)
    for position in range(resamples):
        times = resampling.weights(resampling.draw(rng, 1))[0].astype(np.intp)
        labels = trials.is_target.astype(np.int64)
        values[position] = metric(np.repeat(trials.scores, times), np.repeat(labels, times))
    return values


def _parametric(
    metric: Metric,
    scores: NDArray[np.float64],
    is_target: NDArray[np.bool_],
    tails: NDArray[np.float64],
) -> tuple[float, float]:
    if metric is not equal_error_rate:
        raise ValueError("The parametric interval is that of equal_error_rate: resample instead.")
    rate = equal_error_rate(scores, is_target)
    num_targets = int(is_target.sum())
    # rate (1 - rate) (1/targets + 1/non-targets) / 4 = rate (1 - rate) / num_trials
    num_trials = 4 / (1 / num_targets + 1 / (len(scores) - num_targets))
    errors = rate * num_trials
    correct = num_trials - errors
    low = betaincinv(errors, correct + 1, tails[0]) if errors > 0 else 0.0
    high = betaincinv(errors + 1, correct, tails[1]) if correct > 0 else 1.0
    return float(low), float(high)
