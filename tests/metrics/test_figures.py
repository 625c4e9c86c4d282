"""All figures at once are those of each metric, with its interval, and can be written as JSON."""

import json
import warnings
from functools import partial

import numpy as np
import pytest

from pyannote_ge2e.metrics import (
    Figure,
    act_dcf,
    cllr,
    confidence_interval,
    equal_error_rate,
    equal_error_threshold,
    figures_of,
    min_cllr,
    min_dcf,
)


def trials_of_speakers(num_speakers=12, seed=0):
    """All pairs of two recordings of each speaker: natural-log likelihood ratios, roughly."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat([f"speaker{n}" for n in range(num_speakers)], 2)
    one, other = np.triu_indices(len(speaker), 1)
    speakers = np.stack([speaker[one], speaker[other]], axis=1)
    labels = (speakers[:, 0] == speakers[:, 1]).astype(int)
    scores = (rng.normal(size=len(labels)) * 2 + 4 * labels - 2).round(1)
    return scores, labels, speakers


@pytest.mark.parametrize("method", ["speaker", "trial"])
def test_each_figure_is_that_of_its_metric_with_its_interval(method):
    scores, labels, speakers = trials_of_speakers()
    options = {"method": method, "level": 0.8, "seed": 3, "resamples": 60}
    figures = figures_of(
        scores, labels, speakers, p_targets=[0.02, 0.3], calibrated=True, **options
    )

    def expected(metric):
        interval = confidence_interval(metric, scores, labels, speakers, **options)
        return Figure(metric(scores, labels), *interval)

    assert figures.equal_error_rate == expected(equal_error_rate)
    assert figures.threshold == equal_error_threshold(scores, labels)
    assert [*figures.min_dcf] == [*figures.act_dcf] == [0.02, 0.3]
    for p_target in (0.02, 0.3):
        assert figures.min_dcf[p_target] == expected(partial(min_dcf, p_target=p_target))
        assert figures.act_dcf[p_target] == expected(partial(act_dcf, p_target=p_target))
    assert figures.cllr == expected(cllr)
    assert figures.min_cllr == min_cllr(scores, labels)
    assert (figures.level, figures.method, figures.resamples) == (0.8, method, 60)
    assert (figures.trials, figures.targets, figures.speakers) == (276, 12, 12)
    for figure in (figures.equal_error_rate, figures.cllr, *figures.min_dcf.values()):
        assert figure.low <= figure.value <= figure.high


def test_scores_that_are_no_likelihood_ratios_have_no_actual_costs():
    scores, labels, speakers = trials_of_speakers()
    figures = figures_of(scores, labels, speakers, resamples=20)
    assert figures.act_dcf == {}
    assert figures.cllr is None
    assert [*figures.min_dcf] == [0.01, 0.05]
    assert (figures.method, figures.level, figures.resamples) == ("speaker", 0.95, 20)


def test_without_speakers_trials_are_resampled_and_the_result_says_so():
    scores, labels, _ = trials_of_speakers()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = figures_of(scores, labels, p_targets=[], resamples=20)
    assert (figures.method, figures.speakers) == ("trial", None)
    assert figures == figures_of(scores, labels, method="trial", p_targets=[], resamples=20)


def test_speakers_are_counted_whatever_is_resampled():
    scores, labels, speakers = trials_of_speakers()
    figures = figures_of(scores, labels, speakers, method="trial", p_targets=[], resamples=20)
    assert (figures.method, figures.speakers) == ("trial", 12)


@pytest.mark.parametrize("calibrated", [False, True])
def test_figures_survive_json(calibrated):
    scores, labels, speakers = trials_of_speakers()
    figures = figures_of(scores, labels, speakers, calibrated=calibrated, resamples=20)
    read = json.loads(json.dumps(figures.as_dict()))
    rate = figures.equal_error_rate
    assert read["equal_error_rate"] == {"value": rate.value, "low": rate.low, "high": rate.high}
    assert read["min_dcf"]["0.05"]["high"] == figures.min_dcf[0.05].high
    assert [*read["act_dcf"]] == (["0.01", "0.05"] if calibrated else [])
    assert (read["cllr"] is None) == (not calibrated)
    assert read["speakers"] == 12
    assert read.keys() == vars(figures).keys()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "parametric"}, "Unknown method 'parametric': choose 'speaker' or 'trial'"),
        ({"p_targets": [0.05, 1.5]}, "p_target must be strictly between 0 and 1, got 1.5"),
        ({"level": 95}, "level must be between 0 and 1"),
        ({"resamples": 0}, "At least one resample"),
        ({"speakers": np.array([["a", "a"]] * 3)}, "Trial 1 is a non-target"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        figures_of([0.9, 0.2, 0.8], [1, 0, 1], **options)
