"""Intervals: seeded, of sane widths, and what they refuse."""

import warnings

import numpy as np
import pytest

from pyannote_ge2e.metrics import confidence_interval, equal_error_rate


def without_shortcut(scores, labels):
    return equal_error_rate(scores, labels)


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_any_callable_gives_the_same_interval_as_the_shortcut(trial_list, method):
    trials = trial_list()
    quick = confidence_interval(equal_error_rate, *trials, method=method, resamples=100)
    plain = confidence_interval(without_shortcut, *trials, method=method, resamples=100)
    assert quick == pytest.approx(plain, abs=1e-13)


@pytest.mark.parametrize("method", ["speaker", "trial", "parametric"])
def test_interval_holds_the_rate_and_grows_with_the_level(trial_list, method):
    trials = trial_list()
    rate = equal_error_rate(*trials[:2])
    narrow = confidence_interval(equal_error_rate, *trials, method=method, level=0.5)
    wide = confidence_interval(equal_error_rate, *trials, method=method, level=0.99)
    assert 0 <= wide[0] < narrow[0] < rate < narrow[1] < wide[1] <= 1


def test_seed_decides(trial_list):
    trials = trial_list()
    first, again, other = (
        confidence_interval(equal_error_rate, *trials, seed=seed, resamples=50)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_order_of_trials_does_not_matter_to_the_speaker_bootstrap(trial_list):
    trials = trial_list()
    order = np.random.default_rng(0).permutation(len(trials[0]))
    shuffled = tuple(array[order] for array in trials)
    assert confidence_interval(equal_error_rate, *trials, resamples=50) == confidence_interval(
        equal_error_rate, *shuffled, resamples=50
    )


def test_names_and_numbers_of_speakers_give_the_same_interval(trial_list):
    scores, labels, speakers = trial_list()
    names = np.array([f"id{number:03d}" for number in range(12)])[speakers]
    assert confidence_interval(
        equal_error_rate, scores, labels, speakers, resamples=50
    ) == confidence_interval(equal_error_rate, scores, labels, names, resamples=50)


def test_heterogeneous_speakers_widen_the_speaker_interval_only(trial_list):
    trials = trial_list(num_trials=4000, speaker_effect=1.0)
    low, high = confidence_interval(equal_error_rate, *trials, method="speaker")
    trial_low, trial_high = confidence_interval(equal_error_rate, *trials, method="trial")
    assert high - low > 2 * (trial_high - trial_low)


def test_trial_and_parametric_intervals_agree_on_independent_trials(trial_list):
    scores, labels, _ = trial_list(num_trials=5000, speaker_effect=0, decimals=6)
    trial = confidence_interval(equal_error_rate, scores, labels, method="trial")
    parametric = confidence_interval(equal_error_rate, scores, labels, method="parametric")
    assert np.diff(trial) == pytest.approx(np.diff(parametric), rel=0.15)


@pytest.mark.parametrize("method", ["trial", "parametric"])
def test_nominal_coverage_on_independent_trials(method):
    """Two unit normals 2 apart: the true rate is Φ(-1)."""
    truth = 0.15865525393145707
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        labels = np.arange(400) % 2
        scores = rng.normal(size=400) + 2 * labels
        low, high = confidence_interval(
            equal_error_rate, scores, labels, method=method, resamples=100
        )
        held += low <= truth <= high
    assert 88 <= held <= 100


def test_without_speakers_trials_are_resampled_and_a_warning_says_so(trial_list):
    scores, labels, _ = trial_list()
    with pytest.warns(UserWarning, match="No speakers given"):
        fallback = confidence_interval(equal_error_rate, scores, labels, resamples=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trial = confidence_interval(equal_error_rate, scores, labels, method="trial", resamples=50)
    assert fallback == trial


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "jackknife"}, "choose 'speaker', 'trial' or 'parametric'"),
        ({"level": 95}, "between 0 and 1, got 95"),
        ({"resamples": 0}, "At least one resample"),
        ({"speakers": [[0, 0]]}, r"two speakers of each of the 4 trials, got .* \(1, 2\)"),
        (
            {"speakers": [[0, 1], [1, 1], [0, 1], [0, 1]]},
            "Trial 0 is a target but .* differ: 0 and",
        ),
        ({"speakers": [[0, 0], [1, 1], [0, 0], [0, 1]]}, "Trial 2 is a non-target but .* agree"),
    ],
)
def test_options_and_speakers_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        confidence_interval(equal_error_rate, [0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], **options)


@pytest.mark.parametrize("other", [None, 7])
def test_speakers_of_mixed_types_are_refused(other):
    speakers = np.array([["a", "a"], [other, other], ["a", other], [other, "a"]], dtype=object)
    with pytest.raises(ValueError, match="Speakers must be all names or all numbers"):
        confidence_interval(equal_error_rate, [0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], speakers)


def test_a_missing_speaker_is_named_as_such():
    speakers = [[1.0, 1.0], [2.0, 2.0], [1.0, np.nan], [2.0, 1.0]]
    with pytest.raises(ValueError, match="A speaker is NaN: name both speakers of every trial"):
        confidence_interval(equal_error_rate, [0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], speakers)


def test_malformed_trials_are_refused():
    with pytest.raises(ValueError, match="Score 0 is nan"):
        confidence_interval(equal_error_rate, [np.nan, 0.1], [0, 1], method="trial")


def test_parametric_interval_of_another_metric_is_refused():
    with pytest.raises(ValueError, match="equal_error_rate"):
        confidence_interval(without_shortcut, [0.9, 0.1], [1, 0], method="parametric")
