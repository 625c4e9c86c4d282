"""The equal error rate by hand, against exact fractions, and what it refuses."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from pyannote_ge2e.metrics import equal_error_rate, equal_error_threshold


def exact_equal_error_rate(scores, labels):
    """Walk the interpolated ROC threshold by threshold, in fractions."""
    targets = [s for s, label in zip(scores, labels, strict=True) if label]
    others = [s for s, label in zip(scores, labels, strict=True) if not label]
    points = [
        (
            Fraction(sum(s < threshold for s in targets), len(targets)),
            Fraction(sum(s >= threshold for s in others), len(others)),
        )
        for threshold in [*sorted({*scores}), float("inf")]
    ]
    for (miss, alarm), (next_miss, next_alarm) in pairwise(points):
        if next_miss >= next_alarm:
            share = (alarm - miss) / ((alarm - miss) + (next_miss - next_alarm))
            return miss + share * (next_miss - miss)
    raise AssertionError("the curve ends with every target missed")


@pytest.mark.parametrize(
    ("targets", "others", "expected"),
    [
        ([2, 3], [0, 1], 0),  # perfect
        ([0, 1], [2, 3], 1),  # all wrong
        ([1, 3], [0, 2], 1 / 2),  # one of two each way
        ([1, 3, 4], [0, 2, 0.5], 1 / 3),
        ([1, 3, 4, 5], [0, 2], 1 / 4),  # alarms fall from 1/2 to 0 while misses stay at 1/4
        ([3, 5], [0, 1, 2, 4], 1 / 4),  # misses rise from 0 to 1/2 while alarms stay at 1/4
        ([5, 5], [5, 5], 1 / 2),  # nothing to tell apart
        ([5, 5, 9], [5, 1, 1], 2 / 9),  # tie: (0, 1/3) to (2/3, 0) crosses at 2/9
        ([1, 1, 2], [0, 1, 1, 1], 6 / 17),  # tie: (0, 3/4) to (2/3, 0) crosses at 6/17
    ],
)
def test_hand_computed(targets, others, expected):
    labels = [1] * len(targets) + [0] * len(others)
    assert equal_error_rate([*targets, *others], labels) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("distinct", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_exact_fractions(distinct, seed):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, 40)]
    scores = (rng.integers(0, distinct, 42) + labels * distinct // 3).astype(float)
    expected = exact_equal_error_rate(scores.tolist(), labels.tolist())
    assert equal_error_rate(scores, labels) == pytest.approx(float(expected), abs=1e-14)


def test_neither_order_nor_monotone_maps_nor_repetition_change_it():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    scores = rng.normal(size=200) + labels
    rate = equal_error_rate(scores, labels)
    order = rng.permutation(200)
    assert equal_error_rate(scores[order], labels[order]) == rate
    assert equal_error_rate(np.exp(scores), labels) == rate
    assert equal_error_rate(np.tile(scores, 3), np.tile(labels, 3)) == pytest.approx(rate)
    assert equal_error_rate(-scores, 1 - labels) == pytest.approx(rate)


def test_accepts_lists_booleans_and_float_labels():
    assert equal_error_rate([1, 2], [False, True]) == 0
    assert equal_error_rate(np.float32([1, 2]), [0.0, 1.0]) == 0


def test_threshold_splits_errors_evenly():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 500)
    scores = rng.normal(size=500).round(1) + labels
    threshold = equal_error_threshold(scores, labels)
    targets, others = scores[labels == 1], scores[labels == 0]
    assert np.mean(targets < threshold) <= np.mean(others >= threshold)
    assert np.mean(targets <= threshold) >= np.mean(others > threshold)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, np.nan], [0, 1], "Score 1 is nan"),
        ([np.inf, 0.1], [0, 1], "Score 0 is inf"),
        ([0.1, 0.2], [1, 1], "no non-targets among the 2 trials"),
        ([0.1, 0.2], [0, 0], "no targets among the 2 trials"),
        ([], [], "no targets among the 0 trials"),
        ([0.1, 0.2, 0.3], [0, 1], "3 scores but 2 labels"),
        ([0.1, 0.2, 0.3], [0, 1, 2], "Label 2 is 2"),
        ([0.1, 0.2], [-1, 1], "Label 0 is -1"),
        ([0.1, 0.2], [0, np.nan], "Label 1 is nan"),
        ([0.1, 0.2], ["target", "nontarget"], "Label 0 is target"),
        ([[0.1], [0.2]], [0, 1], r"shape \(2, 1\)"),
    ],
)
def test_malformed_trials_are_refused(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        equal_error_rate(scores, labels)
