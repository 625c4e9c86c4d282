"""minDCF and actDCF by hand, against a loop over thresholds, and what they refuse."""

from fractions import Fraction
from math import log

import numpy as np
import pytest

from pyannote_ge2e.metrics import act_dcf, bayes_threshold, min_dcf


def costs_by_loop(scores, labels, thresholds, p_target, c_miss, c_fa):
    """Normalised cost at each threshold, trial by trial, in fractions."""
    p_target, c_miss, c_fa = map(Fraction, (p_target, c_miss, c_fa))
    costs = []
    for threshold in thresholds:
        misses = alarms = targets = others = 0
        for score, label in zip(scores, labels, strict=True):
            if label:
                targets += 1
                misses += score < threshold
            else:
                others += 1
                alarms += score >= threshold
        cost = p_target * c_miss * Fraction(misses, targets)
        cost += (1 - p_target) * c_fa * Fraction(alarms, others)
        costs.append(cost / min(p_target * c_miss, (1 - p_target) * c_fa))
    return costs


def random_trials(seed, distinct, num=60):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, num)]
    scores = rng.integers(0, distinct, num + 2) + labels * distinct // 3 - distinct / 2
    return scores.astype(float), labels


COSTS = [(0.01, 1, 1), (0.05, 1, 1), (0.5, 1, 1), (0.01, 10, 1), (0.9, 1, 5), (1e-6, 1, 1)]


@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("distinct", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_min_dcf_agrees_with_all_thresholds_in_fractions(seed, distinct, costs):
    scores, labels = random_trials(seed, distinct)
    thresholds = [*sorted({*scores.tolist()}), float("inf")]
    expected = min(costs_by_loop(scores.tolist(), labels.tolist(), thresholds, *costs))
    assert min_dcf(scores, labels, *costs) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("seed", range(5))
def test_act_dcf_agrees_with_the_bayes_threshold_in_fractions(seed, costs):
    scores, labels = random_trials(seed, 30)
    p_target, c_miss, c_fa = costs
    threshold = log(c_fa * (1 - p_target) / (c_miss * p_target))
    (expected,) = costs_by_loop(scores.tolist(), labels.tolist(), [threshold], *costs)
    assert act_dcf(scores, labels, *costs) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("targets", "others", "p_target", "expected"),
    [
        ([2, 3], [0, 1], 0.01, 0),  # perfect
        ([0, 1], [2, 3], 0.01, 1),  # all wrong: reject all
        ([0, 1], [2, 3], 0.99, 1),  # all wrong: accept all
        ([5, 5], [5, 5], 0.3, 1),  # nothing to tell apart
        ([1, 3], [0, 2], 0.5, 1 / 2),  # accept 3, or all but 0
        ([1, 3], [0, 2], 0.01, 1 / 2),  # accept 3: an alarm costs 99 misses
        ([1, 3], [0, 2], 0.99, 1 / 2),  # accept all but 0
        ([1, 3, 4, 4], [0, 2, 3, 3], 0.5, 1 / 2),  # the tie at 3 stays together
    ],
)
def test_min_dcf_by_hand(targets, others, p_target, expected):
    labels = [1] * len(targets) + [0] * len(others)
    cost = min_dcf([*targets, *others], labels, p_target)
    assert cost == pytest.approx(expected, abs=1e-12)


def test_default_costs_are_those_of_one_target_in_a_hundred():
    scores, labels = random_trials(3, 1000)
    assert min_dcf(scores, labels) == min_dcf(scores, labels, 0.01, 1.0, 1.0)
    assert act_dcf(scores, labels) == act_dcf(scores, labels, p_target=0.01, c_miss=1, c_fa=1)
    assert min_dcf(scores, labels) != min_dcf(scores, labels, 0.5)


def test_only_the_ratio_of_costs_and_odds_matters():
    scores, labels = random_trials(4, 1000)
    # Odds of 1 to 99 with misses eleven times as dear, or odds of 1 to 9.
    assert min_dcf(scores, labels, 0.01, 11, 1) == pytest.approx(min_dcf(scores, labels, 0.1))
    assert act_dcf(scores, labels, 0.01, 11, 1) == pytest.approx(act_dcf(scores, labels, 0.1))
    assert min_dcf(scores, labels, 0.1, 3, 3) == pytest.approx(min_dcf(scores, labels, 0.1))


def test_min_dcf_ignores_monotone_maps_order_and_repetition():
    scores, labels = random_trials(5, 1000)
    scores /= 100
    cost = min_dcf(scores, labels, 0.05)
    order = np.random.default_rng(0).permutation(len(scores))
    assert min_dcf(np.exp(scores), labels, 0.05) == cost
    assert min_dcf(scores**3 - 7, labels, 0.05) == cost
    assert min_dcf(scores[order], labels[order], 0.05) == cost
    assert min_dcf(np.tile(scores, 3), np.tile(labels, 3), 0.05) == pytest.approx(cost)
    # Swapping the classes swaps the errors.
    assert min_dcf(-scores, 1 - labels, 0.95) == pytest.approx(cost)


@pytest.mark.parametrize("seed", range(20))
def test_no_scores_beat_the_best_threshold(seed):
    scores, labels = random_trials(seed, 40)
    for costs in COSTS:
        assert 0 <= min_dcf(scores, labels, *costs) <= min(1, act_dcf(scores, labels, *costs))


@pytest.mark.parametrize("costs", COSTS)
def test_the_best_shift_of_the_scores_makes_act_dcf_min_dcf(costs):
    scores, labels = random_trials(6, 1000)
    threshold = bayes_threshold(*costs)
    shifted = [
        act_dcf(scores - cut + threshold + 1e-9, labels, *costs)
        for cut in [*scores, np.inf]
        if np.isfinite(cut)
    ]
    reject_all = act_dcf(np.full(len(scores), threshold - 1), labels, *costs)
    assert min(*shifted, reject_all) == min_dcf(scores, labels, *costs)


def test_a_score_at_the_threshold_is_accepted():
    assert bayes_threshold(0.5) == 0
    assert act_dcf([0.0, -1.0], [1, 0], p_target=0.5) == 0
    assert act_dcf([1.0, 0.0], [1, 0], p_target=0.5) == 1
    at = bayes_threshold(0.2, 3, 2)
    assert act_dcf([at, np.nextafter(at, -9)], [1, 0], 0.2, 3, 2) == 0


def test_hearing_nothing_costs_exactly_one():
    labels = [1, 0, 0]
    for p_target in np.random.default_rng(0).random(200):
        says_nothing = act_dcf([0.0] * 3, labels, p_target=p_target)
        assert says_nothing == 1
        assert min_dcf([0.0] * 3, labels, p_target=p_target) == 1


def test_true_likelihood_ratios_need_no_other_threshold():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200_000)
    # Variance 2m around +m and -m: the score is its own log likelihood ratio.
    scores = rng.normal(size=len(labels)) * np.sqrt(2 * 4) + 4 * (2 * labels - 1)
    for p_target in (0.01, 0.05, 0.5):
        best = min_dcf(scores, labels, p_target)
        assert best <= act_dcf(scores, labels, p_target) < best * 1.02
        assert act_dcf(scores + 3, labels, p_target) > best * 1.2


@pytest.mark.parametrize("metric", [min_dcf, act_dcf])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p_target": 0}, "p_target must be strictly between 0 and 1, got 0"),
        ({"p_target": 1.0}, "p_target"),
        ({"p_target": -0.1}, "p_target"),
        ({"p_target": float("nan")}, "p_target.*nan"),
        ({"c_miss": 0}, "c_miss must be a positive number, got 0"),
        ({"c_fa": -1}, "c_fa must be a positive number, got -1"),
        ({"c_fa": float("inf")}, "c_fa"),
        ({"c_miss": float("nan")}, "c_miss"),
        ({"p_target": 5e-324}, "p_target 5e-324, c_miss 1.0 and c_fa 1.0 are too extreme"),
        ({"p_target": 1e-300, "c_miss": 1e-300}, "too extreme to compute with"),
        ({"c_miss": 1e308, "c_fa": 1e-308}, "too extreme to compute with"),
    ],
)
def test_priors_and_costs_out_of_range_are_refused(metric, options, message):
    with pytest.raises(ValueError, match=message):
        metric([0.1, 0.9], [0, 1], **options)


@pytest.mark.parametrize("metric", [min_dcf, act_dcf])
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, np.nan], [0, 1], "Score 1 is nan"),
        ([-np.inf, 0.1], [0, 1], "Score 0 is -inf"),
        ([0.1, 0.2], [1, 1], "no non-targets among the 2 trials"),
        ([0.1, 0.2, 0.3], [0, 1], "3 scores but 2 labels"),
        ([0.1, 0.2, 0.3], [0, 1, 2], "Label 2 is 2"),
    ],
)
def test_malformed_trials_are_refused(metric, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        metric(scores, labels)
