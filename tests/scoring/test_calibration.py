"""Calibration recovers what is known, minimises what it should, and ends whatever it is given."""

import numpy as np
import pytest
from scipy.optimize import minimize

from pyannote_ge2e.metrics import act_dcf, cllr, equal_error_rate, min_cllr, min_dcf
from pyannote_ge2e.scoring import Calibration, fit_calibration


def gaussian_trials(num=200_000, separation=3.0, share=0.5, seed=0):
    """Scores whose log likelihood ratio is `separation` times the score."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(num) < share).astype(int)
    return rng.normal(size=num) + separation * (labels - 0.5), labels


def slow_loss(scale, offset, scores, labels, p_target):
    """Brümmer's prior-weighted objective, as it is written down."""
    prior = np.log(p_target / (1 - p_target))
    odds = scale * scores + offset + prior
    targets = np.log1p(np.exp(-odds[labels == 1])).mean()
    others = np.log1p(np.exp(odds[labels == 0])).mean()
    return p_target * targets + (1 - p_target) * others


@pytest.mark.parametrize("p_target", [0.5, 0.1, 0.9])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_true_line_is_recovered_whatever_the_balance(share, p_target):
    calibration = fit_calibration(*gaussian_trials(share=share), p_target)
    assert calibration.scale == pytest.approx(3, rel=0.03)
    assert calibration.offset == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("p_target", [0.5, 0.1, 0.9])
@pytest.mark.parametrize(("unit", "shift"), [(0.01, 0.4), (1e6, -1e7)])
def test_the_line_is_the_same_whatever_the_unit(unit, shift, p_target):
    scores, labels = gaussian_trials(num=5000, share=0.2)
    expected = fit_calibration(scores, labels, p_target)
    found = fit_calibration(unit * scores + shift, labels, p_target)
    assert found.scale * unit == pytest.approx(expected.scale, rel=1e-5)
    assert found.offset + found.scale * shift == pytest.approx(expected.offset, abs=1e-4)


@pytest.mark.parametrize("p_target", [0.5, 0.01, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_minimises_the_objective_as_it_is_written_down(seed, p_target):
    scores, labels = gaussian_trials(num=500, separation=1.5, seed=seed)
    found = fit_calibration(scores, labels, p_target)
    expected = minimize(
        lambda line: slow_loss(*line, scores, labels, p_target),
        [1.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-15, "maxiter": 2000},
    ).x
    assert [found.scale, found.offset] == pytest.approx(expected.tolist(), rel=5e-3, abs=5e-3)
    least = slow_loss(*expected, scores, labels, p_target)
    assert slow_loss(found.scale, found.offset, scores, labels, p_target) == pytest.approx(
        least, rel=1e-6
    )


def test_calibrated_scores_can_be_taken_at_their_word():
    scores, labels = gaussian_trials(seed=1)
    scores = 0.1 * scores + 0.3
    held_out, held_out_labels = gaussian_trials(seed=2)
    held_out = 0.1 * held_out + 0.3
    llrs = fit_calibration(scores, labels)(held_out)
    for p_target in (0.01, 0.05, 0.5):
        best = min_dcf(held_out, held_out_labels, p_target)
        assert act_dcf(llrs, held_out_labels, p_target) < 1.03 * best
        assert act_dcf(held_out, held_out_labels, p_target) > 1.1 * best
    least = min_cllr(held_out, held_out_labels)
    assert least <= cllr(llrs, held_out_labels) < 1.01 * least
    assert cllr(held_out, held_out_labels) > 1.5 * least


def test_no_line_has_a_smaller_cllr_than_the_fitted_one():
    scores, labels = gaussian_trials(num=300, separation=1.0, seed=3)
    fitted = fit_calibration(scores, labels)
    least = cllr(fitted(scores), labels)
    rng = np.random.default_rng(0)
    for step in rng.normal(size=(200, 2)) * 0.2:
        line = Calibration(fitted.scale + step[0], fitted.offset + step[1])
        assert cllr(line(scores), labels) >= least - 1e-7


def test_figures_of_order_stay_as_they_are():
    scores, labels = gaussian_trials(num=1000, seed=4)
    llrs = fit_calibration(scores, labels)(scores)
    assert equal_error_rate(llrs, labels) == equal_error_rate(scores, labels)
    assert min_dcf(llrs, labels) == min_dcf(scores, labels)


def test_neither_order_nor_the_number_of_trials_of_a_class_matters():
    scores, labels = gaussian_trials(num=1000, seed=5)
    fitted = fit_calibration(scores, labels, 0.1)
    order = np.random.default_rng(0).permutation(1000)
    shuffled = fit_calibration(scores[order], labels[order], 0.1)
    assert shuffled.scale == pytest.approx(fitted.scale, rel=1e-9)
    targets = labels == 1
    repeated = fit_calibration(
        np.r_[scores, scores[targets], scores[targets]], np.r_[labels, [1] * 2 * targets.sum()], 0.1
    )
    assert repeated.scale == pytest.approx(fitted.scale, rel=1e-4)
    assert repeated.offset == pytest.approx(fitted.offset, abs=1e-4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("p_target", [0.5, 0.01, 1e-6, 1 - 1e-6])
@pytest.mark.parametrize("gap", [1e-6, 1, 1000])
@pytest.mark.parametrize("num", [2, 20, 1000])
def test_scores_that_separate_the_classes_get_a_finite_scale(num, gap, p_target):
    rng = np.random.default_rng(0)
    labels = np.r_[1, 0, rng.integers(0, 2, num - 2)]
    scores = rng.random(num) + (1 + gap) * labels
    calibration = fit_calibration(scores, labels, p_target)
    llrs = calibration(scores)
    prior = np.log(p_target / (1 - p_target))
    if gap >= 1:  # every trial is decided rightly at the prior that was asked for
        assert llrs[labels == 1].min() > -prior
        assert llrs[labels == 0].max() < -prior
    # None for certain.
    assert np.abs(llrs).max() < 1000
    assert calibration.scale > 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("p_target", [1e-6, 0.01, 0.5, 0.99])
def test_outliers_and_units_raise_no_warning(p_target):
    scores, labels = gaussian_trials(num=2000, seed=6)
    scores[np.flatnonzero(labels)[0]] = 1e4
    for unit in (1e-12, 1.0, 1e12):
        calibration = fit_calibration(unit * scores, labels, p_target)
        assert np.isfinite([calibration.scale, calibration.offset]).all()
        assert calibration.scale > 0


def test_lines_apply_to_scores_of_any_shape():
    calibration = Calibration(scale=2.0, offset=-1.0)
    assert calibration(3) == 5
    assert calibration([[0, 1], [2, 3]]).tolist() == [[-1, 1], [3, 5]]
    assert calibration(np.float32([0.5])).dtype == np.float64


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [5e-324, 1e-310, 1e-170, 1e160, 1e308])
def test_scores_that_no_square_holds_are_refused(unit):
    with pytest.raises(ValueError, match="multiply them by a factor first"):
        fit_calibration(unit * np.array([1.0, -1.0, 0.0]), [1, 0, 0])


@pytest.mark.parametrize(
    ("scores", "labels", "p_target", "message"),
    [
        ([0.2, 0.2, 0.2], [1, 0, 0], 0.5, "All scores are 0.2"),
        ([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], 0.5, "Targets do not score higher.*similarities"),
        ([1.0, 2.0, 1.0, 2.0], [0, 1, 1, 0], 0.5, "Targets do not score higher"),
        ([0.1, np.nan], [0, 1], 0.5, "Score 1 is nan"),
        ([0.1, 0.2], [1, 1], 0.5, "no non-targets"),
        ([0.1, 0.2, 0.3], [0, 1], 0.5, "3 scores but 2 labels"),
        ([0.1, 0.2], [0, 1], 0.0, "p_target must be strictly between 0 and 1"),
        ([0.1, 0.2], [0, 1], 1, "p_target"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(scores, labels, p_target, message):
    with pytest.raises(ValueError, match=message):
        fit_calibration(scores, labels, p_target)
