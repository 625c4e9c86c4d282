"""Error curves threshold by threshold, and their convex hulls in whole numbers."""

from fractions import Fraction

import numpy as np
import pytest

from pyannote_ge2e.metrics import equal_error_rate, error_curve, hull_equal_error_rate, min_dcf


def random_trials(seed, distinct, num=60):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, num)]
    scores = rng.integers(0, distinct, num + 2) + labels * distinct // 3
    return scores.astype(float), labels


def exact_points(scores, labels):
    """(miss, false alarm) in fractions at each threshold, lowest first."""
    targets = [s for s, label in zip(scores, labels, strict=True) if label]
    others = [s for s, label in zip(scores, labels, strict=True) if not label]
    return [
        (
            Fraction(sum(s < threshold for s in targets), len(targets)),
            Fraction(sum(s >= threshold for s in others), len(others)),
        )
        for threshold in [*sorted({*scores}), float("inf")]
    ]


def exact_corners(points):
    """Corners of the lower hull: points below every line between an earlier and a later one."""

    def spared(point):
        miss, alarm = point
        for m0, a0 in points:
            for m1, a1 in points:
                between = m0 <= miss <= m1 and a1 <= alarm <= a0
                if not between or point in ((m0, a0), (m1, a1)):
                    continue
                # On the line or above it: as dear as a mix of the two, or dearer.
                if (miss - m0) * (a0 - a1) + (alarm - a0) * (m1 - m0) >= 0:
                    return False
        return True

    return [position for position, point in enumerate(points) if spared(point)]


@pytest.mark.parametrize("distinct", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(10))
def test_one_point_for_each_distinct_score_and_one_to_reject_all(seed, distinct):
    scores, labels = random_trials(seed, distinct)
    curve = error_curve(scores, labels)
    assert curve.thresholds.tolist() == [*sorted({*scores.tolist()}), float("inf")]
    for threshold, miss, alarm in zip(curve.thresholds, curve.miss, curve.false_alarm, strict=True):
        assert miss == np.mean(scores[labels == 1] < threshold)
        assert alarm == np.mean(scores[labels == 0] >= threshold)
    assert (curve.miss[0], curve.false_alarm[0]) == (0, 1)
    assert (curve.miss[-1], curve.false_alarm[-1]) == (1, 0)


@pytest.mark.parametrize("distinct", [2, 5, 12, 1000])
@pytest.mark.parametrize("seed", range(10))
def test_hull_has_the_corners_and_nothing_else(seed, distinct):
    scores, labels = random_trials(seed, distinct, num=30)
    corners = exact_corners(exact_points(scores.tolist(), labels.tolist()))
    whole, hull = error_curve(scores, labels), error_curve(scores, labels, hull=True)
    assert hull.thresholds.tolist() == whole.thresholds[corners].tolist()
    assert hull.miss.tolist() == whole.miss[corners].tolist()
    assert hull.false_alarm.tolist() == whole.false_alarm[corners].tolist()


@pytest.mark.parametrize(
    "labels",
    [
        # Shares of pools that are equal, and are rounded to different numbers on their way.
        "000100111110100001010001000100000011000001100001000110100001001",
        "000010010001001011000011010010001000010101010000011000010001101100",
        "100" * 50,
    ],
)
def test_points_on_a_side_are_no_corners(labels):
    labels = np.array([*labels]).astype(int)
    scores = np.arange(len(labels))
    corners = exact_corners(exact_points(scores.tolist(), labels.tolist()))
    hull = error_curve(scores, labels, hull=True)
    assert hull.thresholds.tolist() == np.append(scores, np.inf)[corners].tolist()


@pytest.mark.parametrize(
    ("targets", "others", "expected"),
    [
        ([2, 3], [0, 1], 0),  # perfect
        ([0, 1], [2, 3], 1 / 2),  # all wrong: no better than a coin
        ([5, 5], [5, 5], 1 / 2),  # nothing to tell apart
        ([1, 3], [0, 2], 1 / 4),  # the side from (0, 1/2) to (1/2, 0)
        ([4, 6, 9], [1, 2, 7], 2 / 9),  # the side from (0, 1/3) to (2/3, 0)
        ([1, 1, 2], [0, 1, 1, 1], 6 / 17),  # the side from (0, 3/4) to (2/3, 0)
    ],
)
def test_hull_equal_error_rate_by_hand(targets, others, expected):
    labels = [1] * len(targets) + [0] * len(others)
    rate = hull_equal_error_rate([*targets, *others], labels)
    assert rate == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("distinct", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(10))
def test_hull_equal_error_rate_is_the_least_of_all_mixes_of_two_thresholds(seed, distinct):
    scores, labels = random_trials(seed, distinct, num=30)
    points = exact_points(scores.tolist(), labels.tolist())
    best = Fraction(1)
    for m0, a0 in points:
        for m1, a1 in points:
            if m0 < a0 and m1 >= a1:
                share = (a0 - m0) / ((a0 - m0) + (m1 - a1))
                best = min(best, m0 + share * (m1 - m0))
    assert hull_equal_error_rate(scores, labels) == pytest.approx(float(best), abs=1e-14)


@pytest.mark.parametrize("seed", range(10))
def test_hull_equal_error_rate_is_the_worst_case_over_priors(seed):
    scores, labels = random_trials(seed, 50)
    rate = hull_equal_error_rate(scores, labels)
    assert rate <= equal_error_rate(scores, labels) + 1e-15
    expected_errors = [
        min_dcf(scores, labels, p) * min(p, 1 - p) for p in np.linspace(0.001, 0.999, 999)
    ]
    assert max(expected_errors) == pytest.approx(rate, abs=1e-3)
    assert max(expected_errors) <= rate + 1e-12


def test_curve_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 5000)
    scores = (rng.normal(size=5000) + 2 * labels).round(2)
    alarm, miss, thresholds = metrics.det_curve(labels, scores)
    curve = error_curve(scores, labels)
    # It leaves out thresholds at either end.
    at = np.searchsorted(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.miss[at], miss, atol=1e-12)
    np.testing.assert_allclose(curve.false_alarm[at], alarm, atol=1e-12)


@pytest.mark.parametrize("metric", [error_curve, hull_equal_error_rate])
def test_malformed_trials_are_refused(metric):
    with pytest.raises(ValueError, match="Score 1 is nan"):
        metric([0.1, np.nan], [0, 1])
    with pytest.raises(ValueError, match="no non-targets"):
        metric([0.1, 0.2], [1, 1])
    with pytest.raises(ValueError, match="3 scores but 2 labels"):
        metric([0.1, 0.2, 0.3], [0, 1])
