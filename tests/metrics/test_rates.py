"""Errors at thresholds that were fixed before."""

from __future__ import annotations

import numpy as np
import pytest

from pyannote_ge2e.metrics import (
    confidence_interval,
    equal_error_rate,
    equal_error_threshold,
    error_rates_at,
)


@pytest.fixture(scope="module")
def trials() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and speakers of all pairs among 12 speakers of 6 recordings."""
    rng = np.random.default_rng(0)
    speaker = np.repeat(np.arange(12), 6)
    one, other = np.triu_indices(len(speaker), 1)
    labels = (speaker[one] == speaker[other]).astype(int)
    ease = rng.normal(0, 0.4, 12)[speaker[one]]
    scores = labels * (1.5 + ease) + rng.normal(size=len(labels))
    return scores, labels, np.stack([speaker[one], speaker[other]], axis=1)


def test_rates_are_counts_from_the_threshold_on(trials) -> None:
    scores, labels, speakers = trials
    for rates in error_rates_at([-1.0, 0.3, float(scores[5])], scores, labels, speakers):
        accepted = scores >= rates.threshold
        assert rates.false_alarm.value == accepted[labels == 0].mean()
        assert rates.miss.value == (~accepted)[labels == 1].mean()
        for figure in (rates.false_alarm, rates.miss):
            assert figure.low <= figure.value <= figure.high


def test_intervals_are_those_of_any_other_metric(trials) -> None:
    scores, labels, speakers = trials

    def miss_rate(scores, labels) -> float:
        return float((scores[labels == 1] < 0.5).mean())

    [rates] = error_rates_at([0.5], scores, labels, speakers, seed=3, resamples=60)
    wanted = confidence_interval(miss_rate, scores, labels, speakers, seed=3, resamples=60)
    assert (rates.miss.low, rates.miss.high) == pytest.approx(wanted)


def test_at_the_equal_error_threshold_both_are_the_equal_error_rate(trials) -> None:
    scores, labels, speakers = trials
    threshold = equal_error_threshold(scores, labels)
    [rates] = error_rates_at([threshold], scores, labels, speakers)
    wanted = equal_error_rate(scores, labels)
    assert rates.false_alarm.value == pytest.approx(wanted, abs=0.01)
    assert rates.miss.value == pytest.approx(wanted, abs=0.01)


def test_redrawing_speakers_widens_what_redrawing_trials_gives(trials) -> None:
    scores, labels, speakers = trials
    [over_speakers] = error_rates_at([0.5], scores, labels, speakers)
    [over_trials] = error_rates_at([0.5], scores, labels, method="trial")
    widths = [each.miss.high - each.miss.low for each in (over_speakers, over_trials)]
    assert widths[0] > widths[1]
