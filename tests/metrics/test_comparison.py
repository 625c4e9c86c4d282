"""Two systems on the same trials: the same draws for both, and an honest p-value."""

import warnings
from functools import partial

import numpy as np
import pytest

from pyannote_ge2e.metrics import (
    cllr,
    compare_by_metrics,
    compare_systems,
    confidence_interval,
    equal_error_rate,
    hull_equal_error_rate,
    min_dcf,
)
from pyannote_ge2e.metrics.resampling.speaker_bootstrap import SpeakerResampling
from pyannote_ge2e.metrics.resampling.trial_bootstrap import TrialResampling
from pyannote_ge2e.metrics.trials import SortedTrials


def two_systems(better=0.0, noise=0.5, num_trials=600, num_speakers=15, seed=0):
    """Scores of two systems that see the same recordings, labels and speakers."""
    rng = np.random.default_rng(seed)
    labels = np.r_[1, 0, rng.integers(0, 2, num_trials - 2)]
    one = rng.integers(num_speakers, size=num_trials)
    other = (one + rng.integers(1, num_speakers, size=num_trials)) % num_speakers
    other = np.where(labels == 1, one, other)
    effect = 0.4 * rng.normal(size=num_speakers)
    shared = rng.normal(size=num_trials) + effect[one] + effect[other]
    scores, others = (
        (shared + noise * rng.normal(size=num_trials) + (2 + more) * labels).round(1)
        for more in (better, 0)
    )
    return scores, others, labels, np.stack([one, other], axis=1)


@pytest.mark.parametrize("method", ["speaker", "trial"])
@pytest.mark.parametrize(
    "metric", [equal_error_rate, partial(min_dcf, p_target=0.1), cllr, hull_equal_error_rate]
)
def test_equal_to_a_paired_bootstrap_by_hand(method, metric):
    """The draws of the list itself weigh the trials of both systems."""
    scores, other, labels, speakers = two_systems(better=0.2)
    trials = SortedTrials.of(scores, labels == 1)
    resampling = (
        SpeakerResampling(trials, speakers) if method == "speaker" else TrialResampling(trials)
    )
    draws = resampling.draw(np.random.default_rng(3), 99)
    everything = np.arange(len(labels))[None]
    weights = resampling.weights(draws, np.arange(99), everything).astype(int)
    weights = weights[:, np.argsort(trials.order)]  # as the list has the trials
    differences = np.array(
        [
            metric(np.repeat(scores, times), np.repeat(labels, times))
            - metric(np.repeat(other, times), np.repeat(labels, times))
            for times in weights
        ]
    )
    found = compare_systems(
        metric, scores, other, labels, speakers, method=method, level=0.9, seed=3, resamples=99
    )
    assert found.difference == metric(scores, labels) - metric(other, labels)
    assert [found.low, found.high] == pytest.approx(np.quantile(differences, [0.05, 0.95]))
    below, above = (differences <= 1e-14).sum(), (differences >= -1e-14).sum()
    assert found.p_value == pytest.approx(min(1, 2 * (1 + min(below, above)) / 100))


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_several_metrics_are_compared_as_each_of_them(method):
    metrics = [equal_error_rate, partial(min_dcf, p_target=0.1), cllr]
    options = {"method": method, "seed": 5, "resamples": 60}
    together = compare_by_metrics(metrics, *two_systems(better=0.2), **options)
    apart = [compare_systems(metric, *two_systems(better=0.2), **options) for metric in metrics]
    assert together == apart


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_a_system_does_not_differ_from_itself(method):
    scores, _, labels, speakers = two_systems()
    for same in (scores, 3 * scores + 1):
        found = compare_systems(equal_error_rate, scores, same, labels, speakers, method=method)
        assert found.difference == found.low == found.high == 0
        assert found.p_value == 1


def test_differences_of_rounding_alone_are_none():
    """A metric whose last digit depends on the unit of the scores."""

    def share_of_targets(scores, labels):
        return np.mean(labels) + (1e-16 if np.max(scores) > 100 else 0)

    scores, _, labels, speakers = two_systems()
    found = compare_systems(
        share_of_targets, 1000 * scores, scores, labels, speakers, resamples=100
    )
    assert found.low == found.high == 0
    assert found.p_value == 1


def test_swapping_the_systems_swaps_the_signs():
    scores, other, labels, speakers = two_systems(better=0.3)
    one, two = (
        compare_systems(equal_error_rate, *pair, labels, speakers, resamples=200)
        for pair in ((scores, other), (other, scores))
    )
    assert one.difference == -two.difference
    assert [one.low, one.high] == pytest.approx([-two.high, -two.low])
    assert one.p_value == two.p_value


def test_better_in_every_resample_is_not_a_p_value_of_zero():
    scores, other, labels, speakers = two_systems(better=3)
    found = compare_systems(equal_error_rate, scores, other, labels, speakers, resamples=99)
    assert found.high < 0
    assert found.p_value == pytest.approx(2 / 100)


def test_pairing_tells_apart_what_single_intervals_cannot():
    scores, other, labels, speakers = two_systems(better=0.3, noise=0.2, num_trials=3000)
    low, high = confidence_interval(equal_error_rate, scores, labels, speakers)
    other_low, _ = confidence_interval(equal_error_rate, other, labels, speakers)
    found = compare_systems(equal_error_rate, scores, other, labels, speakers)
    assert other_low < high  # the intervals overlap
    assert found.high < 0
    assert found.high - found.low < 0.8 * (high - low)
    assert found.p_value < 0.05


@pytest.mark.parametrize(("method", "at_least"), [("speaker", 0.2), ("trial", 0.4)])
def test_equally_good_systems_are_rarely_told_apart(method, at_least):
    """They differ by noise: p-values of trials are uniform, those of speakers rather too large."""
    p_values = np.array(
        [
            compare_systems(
                equal_error_rate, *two_systems(seed=seed), method=method, resamples=100
            ).p_value
            for seed in range(200)
        ]
    )
    assert np.mean(p_values < 0.05) <= 0.08
    assert at_least < np.mean(p_values < 0.5) < 0.6


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_seed_decides(method):
    systems = two_systems(better=0.1)
    first, again, other = (
        compare_systems(equal_error_rate, *systems, method=method, seed=seed, resamples=50)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_order_of_trials_does_not_matter_to_the_speaker_bootstrap():
    systems = two_systems(better=0.1)
    order = np.random.default_rng(0).permutation(len(systems[0]))
    assert compare_systems(equal_error_rate, *systems, resamples=50) == compare_systems(
        equal_error_rate, *(array[order] for array in systems), resamples=50
    )


def test_without_speakers_a_warning_says_so_once():
    scores, other, labels, _ = two_systems()
    with pytest.warns(UserWarning, match="No speakers given") as caught:
        fallback = compare_systems(equal_error_rate, scores, other, labels, resamples=20)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trial = compare_systems(
            equal_error_rate, scores, other, labels, method="trial", resamples=20
        )
    assert fallback == trial


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ([0.1], {}, "Of the second system: There are 1 scores but 2 labels"),
        ([0.1, np.nan], {}, "Of the second system: Score 1 is nan"),
        ([0.1, 0.2], {"method": "parametric"}, "draws nothing: choose 'speaker' or 'trial'"),
        ([0.1, 0.2], {"method": "jackknife"}, "Unknown method 'jackknife'"),
        ([0.1, 0.2], {"level": 95}, "between 0 and 1, got 95"),
        ([0.1, 0.2], {"resamples": 0}, "At least one resample"),
    ],
)
def test_nonsense_is_refused(other, options, message):
    with pytest.raises(ValueError, match=message):
        compare_systems(
            equal_error_rate, [0.1, 0.2], other, [0, 1], **{"method": "trial", **options}
        )
