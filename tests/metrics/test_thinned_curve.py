"""Error curves that are looked into where it matters decide as whole curves do, to the last bit."""

import numpy as np
import pytest

from pyannote_ge2e.metrics import equal_error_rate, min_dcf
from pyannote_ge2e.metrics.dcf import dcf_of_error_rates
from pyannote_ge2e.metrics.eer import crossing
from pyannote_ge2e.metrics.thinning import BUCKETS, thinned_error_rates
from pyannote_ge2e.metrics.trials import SortedTrials


def trial_list(kind, seed):
    rng = np.random.default_rng(seed)
    is_target = np.r_[True, False, rng.random(3000) < rng.choice([0.02, 0.5, 0.9])]
    scores = rng.normal(size=len(is_target)) + 1.5 * is_target
    if kind == "ties":
        scores = scores.round(1)
    elif kind == "few values":
        scores = np.sign(scores)
    elif kind == "one value":
        scores = np.full_like(scores, 0.1)
    elif kind == "reversed":
        scores = -10 * scores
    elif kind == "apart":
        scores += 100 * is_target
    elif kind == "outlier":
        scores[7] = 1e9
    elif kind == "heavy tails":
        scores = rng.standard_cauchy(len(is_target)) + 3 * is_target
    elif kind == "mostly tied":
        scores[rng.random(len(scores)) < 0.9] = 1
    elif kind == "huge":  # the range is beyond the largest number
        scores *= 1e307 / np.abs(scores).max() * 17.9
    elif kind == "tiny":  # halves of the smallest numbers are zero
        scores = np.rint(scores) * 5e-324
    elif kind == "neighbours":  # scores a rounding apart
        scores = 1 + np.rint(scores * 4) * np.finfo(np.float64).eps
    return scores, is_target


KINDS = [
    "plain",
    "ties",
    "few values",
    "one value",
    "reversed",
    "apart",
    "outlier",
    "heavy tails",
    "mostly tied",
    "huge",
    "tiny",
    "neighbours",
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", KINDS)
def test_figures_are_those_of_the_whole_curve(kind, seed):
    scores, is_target = trial_list(kind, seed)
    curve = SortedTrials.of(scores, is_target).error_rates()
    assert equal_error_rate(scores, is_target) == crossing(*curve)[0]
    for costs in [(0.001, 1, 1), (0.01, 1, 1), (0.05, 10, 1), (0.5, 1, 1), (0.9, 1, 3)]:
        assert min_dcf(scores, is_target, *costs) == dcf_of_error_rates(*curve, *costs).min()


@pytest.mark.parametrize("share", [0, 0.3, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_points_are_those_of_the_whole_curve_with_all_of_the_stretches_asked_for(kind, share):
    scores, is_target = trial_list(kind, 0)
    asked = []

    def some(miss, false_alarm):
        chosen = np.random.default_rng(0).random(len(miss) - 1) < share
        asked.extend(
            zip(
                np.c_[miss[:-1], false_alarm[:-1]][chosen].tolist(),
                np.c_[miss[1:], false_alarm[1:]][chosen].tolist(),
                strict=True,
            )
        )
        return chosen

    miss, false_alarm = thinned_error_rates(scores, is_target, some)
    assert (miss[0], false_alarm[0], miss[-1], false_alarm[-1]) == (0, 1, 1, 0)
    assert (np.diff(miss) >= 0).all()
    assert (np.diff(false_alarm) <= 0).all()
    whole = np.stack(SortedTrials.of(scores, is_target).error_rates(), axis=1).tolist()
    points = {*zip(miss.tolist(), false_alarm.tolist(), strict=True)}
    assert points <= {*map(tuple, whole)}
    for (miss_before, alarm_before), (miss_after, alarm_after) in asked:
        for m, a in whole:
            if miss_before <= m <= miss_after and alarm_after <= a <= alarm_before:
                assert (m, a) in points
    if share == 1:
        assert points == {*map(tuple, whole)}


@pytest.mark.parametrize("farthest", [0, 1e9, -1e300])
def test_hardly_any_trial_is_sorted(monkeypatch, farthest):
    sorted_trials = []
    of = SortedTrials.of

    def counted(scores, is_target):
        sorted_trials.append(len(scores))
        return of(scores, is_target)

    monkeypatch.setattr(SortedTrials, "of", staticmethod(counted))
    rng = np.random.default_rng(0)
    is_target = rng.random(20 * BUCKETS) < 0.5
    scores = rng.normal(size=len(is_target)) + 3 * is_target
    scores[:3] = farthest
    equal_error_rate(scores, is_target)
    min_dcf(scores, is_target, p_target=0.01)
    assert len(sorted_trials) == 2
    assert sum(sorted_trials) < 0.05 * len(scores)
