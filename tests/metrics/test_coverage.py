"""How often intervals hold the true figure, which is known because the trials are simulated.

Each of 500 experiments draws new speakers. Targets share an offset of their speaker, non-targets
the offsets of their two, and every trial adds noise of its own: the scores of both classes are
normal in the population, whose figures are therefore known to all digits.
"""

from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from pyannote_ge2e.metrics import confidence_intervals, equal_error_rate, min_dcf

EXPERIMENTS, RESAMPLES = 500, 200
NUM_SPEAKERS, TARGETS_EACH = 40, 10
DISTANCE, TARGET_EFFECT, OTHER_EFFECT = 3.0, 0.6, 0.4
P_TARGET = 0.1

METRICS = {"EER": equal_error_rate, "minDCF": partial(min_dcf, p_target=P_TARGET)}


def experiment(seed):
    """Scores, labels and speakers: some targets a speaker, one non-target a pair of speakers."""
    rng = np.random.default_rng(seed)
    one, other = np.triu_indices(NUM_SPEAKERS, k=1)
    same = np.repeat(np.arange(NUM_SPEAKERS), TARGETS_EACH)
    of_targets = TARGET_EFFECT * rng.normal(size=NUM_SPEAKERS)
    of_others = OTHER_EFFECT * rng.normal(size=NUM_SPEAKERS)
    scores = np.concatenate([DISTANCE + of_targets[same], of_others[one] + of_others[other]])
    scores += rng.normal(size=len(scores))
    labels = np.concatenate([np.ones(len(same), int), np.zeros(len(one), int)])
    speakers = np.concatenate([np.stack([same, same], axis=1), np.stack([one, other], axis=1)])
    return scores, labels, speakers


def population():
    """Deviations of targets and of non-targets, and what they amount to."""
    of_targets, of_others = (1 + TARGET_EFFECT**2) ** 0.5, (1 + 2 * OTHER_EFFECT**2) ** 0.5

    def cost(threshold):
        miss = norm.cdf((threshold - DISTANCE) / of_targets)
        false_alarm = norm.sf(threshold / of_others)
        return (P_TARGET * miss + (1 - P_TARGET) * false_alarm) / min(P_TARGET, 1 - P_TARGET)

    return {
        "EER": norm.cdf(-DISTANCE / (of_targets + of_others)),
        "minDCF": minimize_scalar(cost, bounds=(0, DISTANCE), method="bounded").fun,
    }


@pytest.fixture(scope="module")
def intervals():
    """95 % intervals of the figures in all experiments: (E, 2) by method and figure."""
    asked = {"speaker": METRICS, "trial": {"EER": equal_error_rate}}
    found = {(method, name): [] for method, metrics in asked.items() for name in metrics}
    for seed in range(EXPERIMENTS):
        trials = experiment(seed)
        for method, metrics in asked.items():
            intervals = confidence_intervals(
                metrics.values(), *trials, method=method, resamples=RESAMPLES
            )
            for name, interval in zip(metrics, intervals, strict=True):
                found[method, name].append(interval)
    return {key: np.array(ends) for key, ends in found.items()}


@pytest.fixture(scope="module")
def coverage(intervals):
    """Share of the experiments in which the interval holds the true figure."""
    truth = population()
    return {
        (method, name): np.mean((low_high[:, 0] <= truth[name]) & (truth[name] <= low_high[:, 1]))
        for (method, name), low_high in intervals.items()
    }


def test_population_figures_are_those_of_a_large_sample():
    """A million trials without shared speakers."""
    rng = np.random.default_rng(0)
    truth = population()
    labels = np.arange(1_000_000) % 2
    variance = np.where(labels == 1, 1 + TARGET_EFFECT**2, 1 + 2 * OTHER_EFFECT**2)
    scores = DISTANCE * labels + variance**0.5 * rng.normal(size=len(labels))
    for name, metric in METRICS.items():
        assert metric(scores, labels) == pytest.approx(truth[name], rel=0.01)


@pytest.mark.parametrize("name", METRICS)
def test_speaker_intervals_cover_what_they_should(coverage, name):
    assert 0.90 <= coverage["speaker", name] <= 0.99


def test_trial_intervals_cover_far_less(coverage):
    assert coverage["trial", "EER"] < 0.85


@pytest.mark.parametrize("name", METRICS)
def test_speaker_intervals_are_as_wide_as_figures_spread(intervals, name):
    """Coverage of 500 would forgive a fifth of the width; the spread of 500 figures does not."""
    low, high = intervals["speaker", name].T
    figures = [METRICS[name](*experiment(seed)[:2]) for seed in range(EXPERIMENTS)]
    spread = 2 * norm.ppf(0.975) * np.std(figures)
    assert 0.95 < np.mean(high - low) / spread < 1.25
