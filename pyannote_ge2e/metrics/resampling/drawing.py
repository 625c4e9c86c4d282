"""What all kinds of interval share: their options, what they draw, and metrics of the draws."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from pyannote_ge2e.metrics.resampling.bootstrap import BLOCK, Draws, FloatArray, Resampling
from pyannote_ge2e.metrics.resampling.estimators import Estimator
from pyannote_ge2e.metrics.resampling.speaker_bootstrap import SpeakerResampling
from pyannote_ge2e.metrics.resampling.trial_bootstrap import TrialResampling
from pyannote_ge2e.metrics.trials import SortedTrials

Method = Literal["speaker", "trial", "parametric"]
Redrawn = Literal["speaker", "trial"]  # what a bootstrap draws with replacement


def check_level(level: float) -> None:
    """Refuse a confidence level that is none."""
    if not 0 < level < 1:
        raise ValueError(f"The confidence level must be between 0 and 1, got {level}.")


def checked_options(
    method: str, speakers: ArrayLike | None, level: float, resamples: int
) -> Redrawn:
    """Kind of bootstrap to use. Where it is not the one asked for, a warning tells the user.

    Meant to be called by public functions: the warning names the line that called them.

    Raises
    ------
    ValueError
        When the method is unknown or draws nothing, or a number is out of range.
    """
    if method not in get_args(Method):
        raise ValueError(f"Unknown method {method!r}: choose 'speaker', 'trial' or 'parametric'.")
    check_level(level)
    if resamples < 1:
        raise ValueError(f"At least one resample is needed, got {resamples}.")
    if method == "parametric":
        raise ValueError("The parametric interval draws nothing: choose 'speaker' or 'trial'.")
    if method == "trial":
        return "trial"
    if speakers is None:
        warnings.warn(
            "No speakers given: the interval resamples trials, and is too narrow when "
            "trials share speakers.",
            stacklevel=3,
        )
        return "trial"
    return "speaker"


def resampling_of(trials: SortedTrials, speakers: ArrayLike | None, kind: Redrawn) -> Resampling:
    """Resamples of the kind that `checked_options` returned."""
    if kind == "trial":
        return TrialResampling(trials)
    assert speakers is not None
    return SpeakerResampling(trials, speakers)


def resampled(
    estimators: list[Estimator], resampling: Resampling, seed: int, resamples: int
) -> FloatArray:
    """Metrics of the same resamples.

    Returns
    -------
    values : (M, R) array
        One row an estimator, one column a resample.
    """
    values = np.empty((len(estimators), resamples))
    for columns, draws in draws_of(resampling, seed, resamples):
        for row, estimate in enumerate(estimators):
            values[row, columns] = estimate(draws)
    return values


def draws_of(resampling: Resampling, seed: int, resamples: int) -> Iterator[tuple[slice, Draws]]:
    """Draw as many resamples as fit into memory, again and again.

    Yields
    ------
    columns : slice
        Which of the R resamples these are.
    draws : Draws
    """
    rng = np.random.default_rng(seed)
    size = max(1, BLOCK // resampling.width)
    for start in range(0, resamples, size):
        columns = slice(start, min(start + size, resamples))
        yield columns, resampling.draw(rng, columns.stop - start)
