"""Band around the error curve: percentiles of interpolated miss rates, exactly."""

import warnings

import numpy as np
import pytest

from pyannote_ge2e.metrics import confidence_interval, equal_error_rate, error_curve_band
from pyannote_ge2e.metrics.band import misses_at
from pyannote_ge2e.metrics.resampling.grid import Grid
from pyannote_ge2e.metrics.resampling.speaker_bootstrap import SpeakerResampling
from pyannote_ge2e.metrics.resampling.trial_bootstrap import TrialResampling
from pyannote_ge2e.metrics.trials import SortedTrials

RATES = np.array([0, 1e-4, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.999, 1])


def miss_at(rate, scores, labels):
    """Walk the thresholds upwards until no more than `rate` of the non-targets are accepted."""
    targets, others = scores[labels == 1], scores[labels == 0]
    before = None
    for threshold in [*np.unique(scores), np.inf]:
        point = np.mean(targets < threshold), np.mean(others >= threshold)
        if point[1] <= rate:
            if before is None:
                return point[0]
            share = (before[1] - rate) / (before[1] - point[1])
            return before[0] + share * (point[0] - before[0])
        before = point
    raise AssertionError("the last threshold accepts nothing")


@pytest.mark.parametrize("kind", ["speaker", "trial"])
@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("distance", [0, 2, 20])
def test_miss_rates_of_resamples_are_those_of_the_repeated_trials(
    trial_list, kind, decimals, distance
):
    scores, labels, speakers = trial_list(decimals=decimals, distance=distance)
    trials = SortedTrials.of(scores, labels == 1)
    resampling = (
        SpeakerResampling(trials, speakers) if kind == "speaker" else TrialResampling(trials)
    )
    draws = resampling.draw(np.random.default_rng(0), 10)
    everything = np.arange(len(labels))[None]
    weights = resampling.weights(draws, np.arange(10), everything).astype(int)
    expected = [
        [
            miss_at(rate, np.repeat(trials.scores, times), np.repeat(trials.is_target, times))
            for rate in RATES
        ]
        for times in weights
    ]
    for blocks in (4096, 7):
        found = misses_at(RATES, Grid(resampling, blocks=blocks), draws)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_by_hand():
    """One target of two is below half of the non-targets; a resample has it 0, 1 or 2 times."""
    low, high = error_curve_band(
        [1.0, 4.0, 0.0, 0.0, 2.0, 2.0], [1, 1, 0, 0, 0, 0], [0, 1], method="trial", resamples=200
    )
    np.testing.assert_array_equal(low, [0, 0])
    np.testing.assert_array_equal(high, [1, 0])


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_band_narrows_with_the_level_and_holds_the_curve(trial_list, method):
    scores, labels, speakers = trial_list()
    curve = np.array([miss_at(rate, scores, labels) for rate in RATES])
    narrow, wide = (
        error_curve_band(scores, labels, RATES, speakers, method=method, level=level)
        for level in (0.5, 0.99)
    )
    assert (wide[0] <= narrow[0]).all()
    assert (narrow[1] <= wide[1]).all()
    assert ((wide[0] <= curve) & (curve <= wide[1])).all()
    assert (np.diff(wide[0]) <= 0).all()
    assert (np.diff(wide[1]) <= 0).all()


def test_band_crosses_the_diagonal_at_the_interval_of_the_equal_error_rate(trial_list):
    """Miss below r at false alarm r, and equal error rate below r, are the same event."""
    trials = trial_list(2000, decimals=6)
    low, high = confidence_interval(equal_error_rate, *trials, resamples=300)
    scores, labels, speakers = trials
    bottom, top = error_curve_band(scores, labels, [low, high], speakers, resamples=300)
    assert bottom[0] == pytest.approx(low, abs=2e-3)
    assert top[1] == pytest.approx(high, abs=2e-3)


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_short_arrays_change_nothing(trial_list, method, monkeypatch):
    scores, labels, speakers = trial_list()
    options = {"speakers": speakers, "method": method, "resamples": 30}
    expected = error_curve_band(scores, labels, RATES, **options)
    for module in ("speaker_bootstrap", "grid", "drawing"):
        monkeypatch.setattr(f"pyannote_ge2e.metrics.resampling.{module}.BLOCK", 90)
    np.testing.assert_array_equal(error_curve_band(scores, labels, RATES, **options), expected)


def test_seed_decides_and_the_order_of_trials_does_not(trial_list):
    scores, labels, speakers = trial_list()
    first = error_curve_band(scores, labels, RATES, speakers, resamples=30)
    np.testing.assert_array_equal(
        error_curve_band(scores[::-1], labels[::-1], RATES, speakers[::-1], resamples=30), first
    )
    other = error_curve_band(scores, labels, RATES, speakers, seed=1, resamples=30)
    assert not np.array_equal(other, first)


def test_without_speakers_a_warning_says_so(trial_list):
    scores, labels, _ = trial_list()
    with pytest.warns(UserWarning, match="No speakers given"):
        fallback = error_curve_band(scores, labels, RATES, resamples=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trial = error_curve_band(scores, labels, RATES, method="trial", resamples=20)
    np.testing.assert_array_equal(fallback, trial)


@pytest.mark.parametrize("rates", [[-0.1], [1.5], [np.nan], 0.1, [[0.1]]])
def test_false_alarm_rates_that_are_none_are_refused(rates):
    with pytest.raises(ValueError, match="list of numbers between 0 and 1"):
        error_curve_band([0.1, 0.2], [0, 1], rates, method="trial")


def test_options_are_checked():
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        error_curve_band([0.1, 0.2], [0, 1], [0.1], method="trial", level=95)
