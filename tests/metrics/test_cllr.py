"""Cllr by hand and by loop, and its least value against brute-force pooling."""

from fractions import Fraction
from itertools import combinations
from math import exp, inf, log, log1p, log2

import numpy as np
import pytest

from pyannote_ge2e.metrics import cllr, min_cllr


def cllr_by_loop(llrs, labels):
    """Mean costs in bits, one trial after the other; infinite log odds allowed."""
    costs = {0: [], 1: []}
    for llr, label in zip(llrs, labels, strict=True):
        against = -llr if label else llr
        costs[label].append((max(against, 0) + log1p(exp(-abs(against)))) / log(2))
    return sum(sum(of_class) / len(of_class) for of_class in costs.values()) / 2


def pooled_by_hand(scores, labels):
    """Log likelihood ratio of each trial: pool adjacent violators, in fractions, one by one."""
    pools = []
    for score in sorted({*scores}):
        of_score = [label for s, label in zip(scores, labels, strict=True) if s == score]
        pools.append(([score], sum(of_score), len(of_score)))
        while len(pools) > 1:
            (low, t0, n0), (high, t1, n1) = pools[-2:]
            if Fraction(t0, n0) < Fraction(t1, n1):
                break
            pools[-2:] = [(low + high, t0 + t1, n0 + n1)]
    prior = log(sum(labels) / (len(labels) - sum(labels)))
    ratio = {}
    for pool, targets, trials in pools:
        others = trials - targets
        llr = inf if others == 0 else -inf if targets == 0 else log(targets / others) - prior
        ratio |= dict.fromkeys(pool, llr)
    return [ratio[score] for score in scores]


def random_trials(seed, distinct, num=60):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, num)]
    scores = rng.integers(0, distinct, num + 2) + labels * distinct // 4
    return scores.astype(float), labels


@pytest.mark.parametrize("seed", range(10))
def test_agrees_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    labels = np.r_[0, 1, rng.integers(0, 2, 50)]
    llrs = rng.normal(size=52) * 10.0 ** rng.integers(-2, 3)
    assert cllr(llrs, labels) == pytest.approx(cllr_by_loop(llrs, labels.tolist()), rel=1e-13)


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([0.0] * 5, [1, 0, 0, 1, 0], 1),  # nothing said costs one bit
        ([log(3), -log(3)], [1, 0], log2(4 / 3)),
        ([log(3), log(3)], [1, 0], (log2(4 / 3) + 2) / 2),
        ([log(3), 0, 0], [1, 1, 0], ((log2(4 / 3) + 1) / 2 + 1) / 2),  # classes weigh the same
    ],
)
def test_by_hand(scores, labels, expected):
    assert cllr(scores, labels) == pytest.approx(expected, rel=1e-15)


@pytest.mark.filterwarnings("error")
def test_huge_scores_neither_overflow_nor_vanish():
    assert cllr([1e6, -1e6], [1, 0]) == 0
    assert cllr([-1e6, 1e6], [1, 0]) == pytest.approx(1e6 / log(2))
    assert cllr([-1e300, 1e300], [1, 0]) == pytest.approx(1e300 / log(2))
    # Not lost beside one: log1p(exp(-40)).
    assert cllr([40.0, -40.0], [1, 0]) == pytest.approx(exp(-40) / log(2), rel=1e-12)


@pytest.mark.parametrize("distinct", [2, 4, 20, 1000])
@pytest.mark.parametrize("seed", range(10))
def test_least_cllr_agrees_with_pooling_by_hand(seed, distinct):
    scores, labels = random_trials(seed, distinct)
    llrs = pooled_by_hand(scores.tolist(), labels.tolist())
    assert min_cllr(scores, labels) == pytest.approx(cllr_by_loop(llrs, labels.tolist()), rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_least_cllr_is_least_among_all_ways_to_pool(seed):
    """Any increasing map is a choice of where to cut the sorted scores: try them all."""
    scores, labels = random_trials(seed, 6, num=12)
    distinct = sorted({*scores.tolist()})
    prior = log(labels.sum() / (len(labels) - labels.sum()))
    best = inf
    for size in range(len(distinct)):
        for cuts in combinations(distinct[1:], size):
            pool = np.searchsorted(cuts, scores, side="right")
            ratios = []
            for number in range(size + 1):
                targets, others = labels[pool == number].sum(), (1 - labels[pool == number]).sum()
                ratios.append(
                    inf if not others else -inf if not targets else log(targets / others) - prior
                )
            if ratios == sorted(ratios):
                best = min(best, cllr_by_loop([ratios[n] for n in pool], labels.tolist()))
    assert min_cllr(scores, labels) == pytest.approx(best, rel=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("targets", "others", "expected"),
    [
        ([2, 3], [0, 1], 0),  # apart: infinite log likelihood ratios that are right
        ([0, 1], [2, 3], 1),  # all wrong: pooled into one
        ([5, 5, 5], [5], 1),  # one tie
        # Pools {0}, {1, 2}, {3}: half of each class in the middle, at a ratio of 1.
        ([1, 3], [0, 2], 1 / 2),
        # Tie at 1: 1 of 2 targets with 2 of 4 others, ratio 1; then pure ends.
        ([1, 2], [0, 0, 1, 1], 1 / 2),
        # Tie at 1: 1 of 2 targets (ratio 2) with 1 of 4 others.
        ([1, 2], [0, 0, 0, 1], (log2(3 / 2) / 2 + log2(3) / 4) / 2),
    ],
)
def test_least_cllr_by_hand(targets, others, expected):
    labels = [1] * len(targets) + [0] * len(others)
    assert min_cllr([*targets, *others], labels) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_no_increasing_map_costs_less_than_the_least(seed):
    scores, labels = random_trials(seed, 40)
    least = min_cllr(scores, labels)
    assert 0 <= least <= 1
    rng = np.random.default_rng(seed)
    for _ in range(20):
        scale, offset = rng.exponential(0.3), rng.normal()
        assert least <= cllr(scale * (scores - scores.mean()) + offset, labels)
    assert min_cllr(np.exp(scores / 10), labels) == least
    order = rng.permutation(len(scores))
    assert min_cllr(scores[order], labels[order]) == least
    assert min_cllr(np.tile(scores, 3), np.tile(labels, 3)) == pytest.approx(least, rel=1e-12)
    assert min_cllr(-scores, 1 - labels) == pytest.approx(least, rel=1e-12)


def test_least_cllr_agrees_with_scikit_learn_at_size():
    isotonic = pytest.importorskip("sklearn.isotonic")
    rng = np.random.default_rng(0)
    labels = (rng.random(20_000) < 0.1).astype(int)
    scores = (rng.normal(size=20_000) + 2 * labels).round(2)
    share = isotonic.IsotonicRegression().fit_transform(scores, labels)
    with np.errstate(divide="ignore"):
        llrs = np.log(share / (1 - share)) - log(labels.mean() / (1 - labels.mean()))
    expected = cllr_by_loop(llrs.tolist(), labels.tolist())
    assert min_cllr(scores, labels) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("metric", [cllr, min_cllr])
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, np.nan], [0, 1], "Score 1 is nan"),
        ([np.inf, 0.1], [1, 0], "Score 0 is inf"),
        ([0.1, 0.2], [0, 0], "no targets among the 2 trials"),
        ([0.1, 0.2, 0.3], [0, 1], "3 scores but 2 labels"),
        ([0.1, 0.2, 0.3], [0, 1, 2], "Label 2 is 2"),
    ],
)
def test_malformed_trials_are_refused(metric, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        metric(scores, labels)
