"""Lists of scored trials to take figures of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


def of_speakers(
    num_trials=600, num_speakers=12, distance=2.5, speaker_effect=0.4, decimals=1, seed=0
):
    """Scores, labels and (T, 2) speakers, some of whom score higher; ties are frequent."""
    rng = np.random.default_rng(seed)
    labels = np.r_[1, 0, rng.integers(0, 2, num_trials - 2)]
    one = rng.integers(num_speakers, size=num_trials)
    other = (one + rng.integers(1, num_speakers, size=num_trials)) % num_speakers
    other = np.where(labels == 1, one, other)
    effect = speaker_effect * rng.normal(size=num_speakers)
    scores = rng.normal(size=num_trials) + distance * labels + effect[one] + effect[other]
    return scores.round(decimals), labels, np.stack([one, other], axis=1)


@pytest.fixture
def trial_list() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Draw a list of trials."""
    return of_speakers
