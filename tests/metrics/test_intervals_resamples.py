"""Resampled metrics are those of the trials repeated as often as they were drawn, exactly."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import norm

from pyannote_ge2e.metrics import (
    act_dcf,
    cllr,
    confidence_interval,
    confidence_intervals,
    equal_error_rate,
    hull_equal_error_rate,
    min_cllr,
    min_dcf,
)
from pyannote_ge2e.metrics.resampling.bootstrap import Draws
from pyannote_ge2e.metrics.resampling.estimators import estimator_of
from pyannote_ge2e.metrics.resampling.grid import Grid
from pyannote_ge2e.metrics.resampling.lowest import lowest_costs
from pyannote_ge2e.metrics.resampling.percentiles import bias_corrected
from pyannote_ge2e.metrics.resampling.speaker_bootstrap import SpeakerResampling
from pyannote_ge2e.metrics.resampling.trial_bootstrap import TrialResampling
from pyannote_ge2e.metrics.trials import SortedTrials

METRICS = {
    "EER": equal_error_rate,
    "hull EER": hull_equal_error_rate,
    "minDCF": min_dcf,
    "minDCF, even": partial(min_dcf, p_target=0.5),
    "minDCF, dear misses": partial(min_dcf, p_target=0.3, c_miss=10, c_fa=0.5),
    "actDCF": partial(act_dcf, p_target=0.2),
    "Cllr": cllr,
    "min Cllr": min_cllr,
    "any callable": lambda scores, labels: float(np.median(scores[labels == 1])),
}


def resampling_of(kind, scores, labels, speakers):
    trials = SortedTrials.of(np.asarray(scores, float), np.asarray(labels) == 1)
    return SpeakerResampling(trials, speakers) if kind == "speaker" else TrialResampling(trials)


def all_weights(resampling, draws):
    """(R, T) integers, for the sorted trials."""
    everything = np.arange(len(resampling.trials.order))
    return resampling.weights(draws, np.arange(len(draws)), everything[None]).astype(int)


def recomputed(metric, resampling, draws):
    """From scratch, on lists in which trials are repeated."""
    trials = resampling.trials
    return [
        metric(np.repeat(trials.scores, times), np.repeat(trials.is_target.astype(int), times))
        for times in all_weights(resampling, draws)
    ]


@pytest.mark.parametrize("kind", ["speaker", "trial"])
@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("distance", [-1, 0, 2.5, 9])
@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_equal_to_full_recomputation(trial_list, kind, metric, distance, decimals):
    resampling = resampling_of(kind, *trial_list(distance=distance, decimals=decimals))
    draws = resampling.draw(np.random.default_rng(0), 60)
    estimate = estimator_of(metric, resampling)
    found = np.concatenate([estimate(draws[:45]), estimate(draws[45:])])
    np.testing.assert_allclose(found, recomputed(metric, resampling, draws), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_two_trials_are_enough(metric):
    resampling = resampling_of("trial", [0.2, 0.1], [1, 0], None)
    draws = resampling.draw(np.random.default_rng(0), 3)
    expected = metric(np.array([0.2, 0.1]), np.array([1, 0]))
    np.testing.assert_allclose(estimator_of(metric, resampling)(draws), expected, atol=1e-15)


@pytest.mark.parametrize("metric", [equal_error_rate, min_dcf, cllr])
def test_equal_to_full_recomputation_on_a_long_list_with_a_large_tie(trial_list, metric):
    """40,000 trials, a quarter of them with one score: blocks of many points and of one."""
    scores, labels, speakers = trial_list(40_000, num_speakers=30, decimals=4)
    scores[::4] = 1.0
    resampling = resampling_of("speaker", scores, labels, speakers)
    draws = resampling.draw(np.random.default_rng(0), 50)
    found = estimator_of(metric, resampling)(draws)
    expected = recomputed(metric, resampling, draws[40:])
    np.testing.assert_allclose(found[40:], expected, rtol=1e-12)


@pytest.mark.parametrize("metric", [equal_error_rate, min_dcf])
def test_resamples_decided_outside_the_stretch_are_redone(trial_list, metric, monkeypatch):
    """After a pilot of one resample, a stretch of hardly more than its own deciding block."""
    monkeypatch.setattr("pyannote_ge2e.metrics.resampling.stretch.PILOT", 1)
    redone = []
    coarse = Grid.coarse
    monkeypatch.setattr(
        Grid, "coarse", lambda grid, draws: redone.append(len(draws)) or coarse(grid, draws)
    )
    resampling = resampling_of("speaker", *trial_list(3000, speaker_effect=0.5, decimals=3))
    draws = resampling.draw(np.random.default_rng(0), 50)
    found = estimator_of(metric, resampling)(draws)
    assert len(redone) == 3  # pilot, stretch, redone
    assert 0 < redone[-1] < 49
    np.testing.assert_allclose(found, recomputed(metric, resampling, draws), rtol=1e-12)


@pytest.mark.parametrize("kind", ["speaker", "trial"])
def test_the_cheapest_of_many_blocks_is_found(trial_list, kind):
    """Scores that tell nothing: most blocks hold costs that are lower than any edge's."""
    resampling = resampling_of(kind, *trial_list(3000, distance=0, decimals=9))
    draws = resampling.draw(np.random.default_rng(0), 50)
    found, _, _ = lowest_costs(1.0, 1.0, Grid(resampling, blocks=20), draws)
    expected = recomputed(partial(min_dcf, p_target=0.5), resampling, draws)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["speaker", "trial"])
def test_a_score_at_the_threshold_is_accepted_in_resamples_too(kind):
    scores, labels = [0.0, 0.0, 1.0, -1.0], [1, 0, 1, 0]
    speakers = [[0, 0], [0, 1], [1, 1], [1, 0]]
    resampling = resampling_of(kind, scores, labels, speakers)
    draws = resampling.draw(np.random.default_rng(0), 20)
    metric = partial(act_dcf, p_target=0.5)
    found = estimator_of(metric, resampling)(draws)
    np.testing.assert_allclose(found, recomputed(metric, resampling, draws), rtol=1e-12)


@pytest.mark.parametrize("kind", ["speaker", "trial"])
def test_edges_of_a_grid_count_what_is_on_either_side(trial_list, kind):
    resampling = resampling_of(kind, *trial_list(decimals=1))
    trials = resampling.trials
    draws = resampling.draw(np.random.default_rng(0), 5)
    weights = all_weights(resampling, draws)
    for grid in (Grid(resampling), Grid(resampling, 10, 40, blocks=7)):
        assert len(grid.edges) > 5
        coarse = grid.coarse(draws)
        for column, position in enumerate(trials.boundaries[grid.edges]):
            below = (weights * trials.is_target)[:, :position].sum(axis=1)
            above = (weights * ~trials.is_target)[:, position:].sum(axis=1)
            np.testing.assert_array_equal(coarse.below[:, column], below)
            np.testing.assert_array_equal(coarse.above[:, column], above)


@pytest.mark.parametrize("method", ["speaker", "trial"])
@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_short_arrays_change_nothing(trial_list, method, metric, monkeypatch):
    """Whatever is done in blocks to save memory."""
    trials = trial_list()
    expected = confidence_interval(metric, *trials, method=method, resamples=40)
    for module in ("speaker_bootstrap", "grid", "drawing"):
        monkeypatch.setattr(f"pyannote_ge2e.metrics.resampling.{module}.BLOCK", 90)
    monkeypatch.setattr("pyannote_ge2e.metrics.speakers.BLOCK", 90)
    found = confidence_interval(metric, *trials, method=method, resamples=40)
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_trial_weighs_what_its_speakers_do():
    scores, labels = [0.9, 0.3, 0.2, 0.8], [1, 0, 0, 1]
    speakers = [["a", "a"], ["a", "b"], ["c", "b"], ["c", "c"]]
    resampling = resampling_of("speaker", scores, labels, speakers)
    draws = Draws(np.array([[3.0, 2.0, 5.0, 1.0]]), np.array([8.0]), np.array([16.0]))  # a, b, c
    in_order = all_weights(resampling, draws)[0, np.argsort(resampling.trials.order)]
    np.testing.assert_array_equal(in_order, [3, 6, 10, 5])


def test_every_resample_has_targets_and_non_targets():
    scores, labels = [0.9, 0.3, 0.2], [1, 0, 0]
    resampling = resampling_of("speaker", scores, labels, [[0, 0], [1, 2], [3, 4]])
    draws = resampling.draw(np.random.default_rng(0), 500)
    weights = all_weights(resampling, draws)
    targets = resampling.trials.is_target
    assert weights.shape == (500, 3)
    np.testing.assert_array_equal(draws.targets, weights[:, targets].sum(axis=1))
    np.testing.assert_array_equal(draws.others, weights[:, ~targets].sum(axis=1))
    assert min(draws.targets.min(), draws.others.min()) > 0


def test_draws_are_those_of_the_definition(trial_list):
    """Each speaker is drawn once on average, S in all; each trial likewise, within its class."""
    trials = trial_list()
    draws = resampling_of("speaker", *trials).draw(np.random.default_rng(0), 2000)
    counts = draws.counts[:, :-1]
    assert (counts.sum(axis=1) == 12).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(counts.var(axis=0), 11 / 12, atol=0.15)
    resampling = resampling_of("trial", *trials)
    weights = all_weights(resampling, resampling.draw(np.random.default_rng(0), 2000))
    targets = resampling.trials.is_target
    assert (weights[:, targets].sum(axis=1) == targets.sum()).all()
    assert (weights[:, ~targets].sum(axis=1) == (~targets).sum()).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.15)


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_several_intervals_at_once_are_those_one_by_one(trial_list, method):
    trials = trial_list()
    together = confidence_intervals(METRICS.values(), *trials, method=method, resamples=40)
    assert together == [
        confidence_interval(metric, *trials, method=method, resamples=40)
        for metric in METRICS.values()
    ]


@pytest.mark.parametrize("name", METRICS)
def test_intervals_are_percentiles_moved_where_the_metric_is_optimistic(trial_list, name):
    metric, trials = METRICS[name], trial_list()
    resampling = resampling_of("speaker", *trials)
    draws = resampling.draw(np.random.default_rng(5), 300)
    values = np.array(recomputed(metric, resampling, draws))
    low, high = np.quantile(values, [0.05, 0.95])
    found = confidence_interval(metric, *trials, seed=5, level=0.9, resamples=300)
    if name.startswith(("min", "hull")):
        share = np.mean(values < metric(*trials[:2])) + np.mean(values == metric(*trials[:2])) / 2
        moved = norm.cdf(2 * norm.ppf(share) + norm.ppf([0.05, 0.95]))
        assert share > 0.5
        assert found[0] >= low
        assert found[1] > high
        low, high = np.quantile(values, moved)
    assert found == pytest.approx((low, high), rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_interval_holds_the_figure_even_below_or_above_all_resamples(value):
    low, high = bias_corrected(np.linspace(0.4, 0.6, 50), value, 0.95)
    assert low <= value <= high


def test_ties_that_rounding_breaks_count_half_all_the_same():
    values = np.r_[np.full(60, 0.25), np.full(40, 0.5)]
    exact = bias_corrected(values, 0.25, 0.5)
    assert exact == (0.25, 0.25)  # 30 % are below: the interval ends before the larger values
    for error in (-1e-16, 1e-16):
        assert bias_corrected(values + error, 0.25, 0.5) == pytest.approx(exact, abs=1e-12)


def test_options_of_a_metric_are_checked_and_used(trial_list):
    trials = trial_list()
    by_default = confidence_interval(min_dcf, *trials, resamples=40)
    assert by_default == confidence_interval(partial(min_dcf, p_target=0.01), *trials, resamples=40)
    assert by_default != confidence_interval(partial(min_dcf, p_target=0.5), *trials, resamples=40)
    for metric in (min_dcf, act_dcf):
        with pytest.raises(ValueError, match="p_target must be strictly between 0 and 1, got 5"):
            confidence_interval(partial(metric, p_target=5), *trials)
