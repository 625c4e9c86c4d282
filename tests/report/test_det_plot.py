"""The DET picture: the curve and its figures in the right place, whatever the list."""

import warnings

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from scipy.stats import norm

from pyannote_ge2e.metrics import error_curve
from pyannote_ge2e.report import det_plot
from pyannote_ge2e.report.det import draw_det
from pyannote_ge2e.report.det_curve import visible_curve
from pyannote_ge2e.report.probit import probit

TEN = [1] * 5 + [0] * 5
LISTS = {
    "ten": [0.9, 0.8, 0.7, 0.3, 0.6, 0.5, 0.4, 0.2, 0.1, 0.0],
    "perfect": [0.9, 0.8, 0.7, 0.65, 0.6, 0.5, 0.4, 0.2, 0.1, 0.0],
    "constant": [0.5] * 10,
    "all wrong": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
}


def curves_of(figure):
    """Curves drawn, without the diagonal and the marks."""
    return [line for line in figure.axes[0].lines[1:] if line.get_marker() == "None"]


def marks_of(figure, marker):
    lines = [line for line in figure.axes[0].lines if line.get_marker() == marker]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def legend_of(figure):
    return "\n".join(text.get_text() for text in figure.legends[0].get_texts())


def test_curve_passes_through_rates_counted_one_by_one(evaluation):
    scores, is_target = evaluation.scorings[0].scores, evaluation.labels == 1
    x, y = curves_of(draw_det(evaluation))[0].get_data()
    drawn = np.stack([x, y], axis=1)
    for threshold in np.quantile(scores, [0.5, 0.6, 0.7, 0.8]):
        rates = (scores[~is_target] >= threshold).mean(), (scores[is_target] < threshold).mean()
        assert np.abs(drawn - norm.ppf(rates)).max(axis=1).min() < 0.01


def test_equal_error_rate_is_on_the_diagonal_and_on_the_curve(evaluation):
    figure = draw_det(evaluation)
    for (x, y), curve, scoring in zip(
        marks_of(figure, "o"), curves_of(figure), evaluation.scorings, strict=False
    ):
        assert x == y == pytest.approx(norm.ppf(scoring.figures.equal_error_rate.value))
        away = np.hypot(curve.get_xdata() - x, curve.get_ydata() - y)
        assert away.min() < 0.05


def test_smallest_costs_are_where_they_are_smallest(evaluation):
    figures, picture = evaluation.scorings[0].figures, draw_det(evaluation)
    for marker, p_target in (("D", 0.01), ("^", 0.05)):
        x, y = marks_of(picture, marker)[0]
        # No false alarms at all are marked where the axis ends.
        false_alarm = 0.0 if x == picture.axes[0].get_xlim()[0] else norm.cdf(x)
        cost = (p_target * norm.cdf(y) + (1 - p_target) * false_alarm) / p_target
        assert cost == pytest.approx(figures.min_dcf[p_target].value, abs=1e-9)


def test_scorings_that_rank_alike_are_one_curve(evaluation):
    figure = draw_det(evaluation)
    assert len(curves_of(figure)) == 2
    assert "raw (also: raw, calibrated): EER" in legend_of(figure)
    # Told apart without colours, too.
    styles = {(line.get_color(), line.get_linestyle()) for line in curves_of(figure)}
    assert len({style for _, style in styles}) == len({colour for colour, _ in styles}) == 2


def test_axes_are_percents_on_a_normal_scale_and_end_with_the_list(evaluation):
    axes = draw_det(evaluation).axes[0]
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        assert norm.cdf(low) >= 1 / 600
        assert norm.cdf(high) <= 0.99
        percents = [float(label.get_text()) for label in axis.get_ticklabels()]
        assert set(percents) >= {5, 10, 20}
        assert axis.get_ticklocs() == pytest.approx(norm.ppf(np.divide(percents, 100)))


def test_band_holds_the_curve_and_widens_with_the_interval(evaluation):
    figure = draw_det(evaluation)
    low, high = [], []
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    for x in np.linspace(-1.0, 0.0, 5):
        at = np.sort(band[np.abs(band[:, 0] - x).argsort()[:4], 1])
        low.append(at[0])
        high.append(at[-1])
    curve = curves_of(figure)[0]
    drawn = np.interp(np.linspace(-1.0, 0.0, 5), curve.get_xdata()[::-1], curve.get_ydata()[::-1])
    assert (drawn >= np.array(low) - 0.05).all()
    assert (drawn <= np.array(high) + 0.05).all()
    assert (np.array(high) - low > 0.05).all()


@pytest.mark.parametrize("kind", LISTS)
def test_tiny_perfect_and_constant_lists_are_drawn_without_a_warning(kind, make, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluation = make(labels=TEN, raw=LISTS[kind])
        det_plot(evaluation, tmp_path / "det.png")
        figure = draw_det(evaluation)
    assert matplotlib.image.imread(tmp_path / "det.png").shape[0] > 500
    said = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert ("No errors" in said) == (kind == "perfect")
    assert ("(no errors)" in legend_of(figure)) == (kind == "perfect")


def test_tie_of_all_scores_is_a_line_through_the_middle(make):
    curve = curves_of(draw_det(make(labels=TEN, raw=LISTS["constant"])))[0]
    x, y = curve.get_data()
    seen = np.abs(x) < 2
    assert seen.sum() > 20
    assert norm.cdf(x[seen]) + norm.cdf(y[seen]) == pytest.approx(1)


def test_millions_of_points_are_thinned_to_what_is_seen():
    rng = np.random.default_rng(0)
    labels = np.arange(300_000) % 3 == 0
    curve = error_curve(rng.normal(2.0 * labels), labels)
    limits = (0.001, 0.5)
    x, y = visible_curve(curve, limits, limits)
    assert len(curve.miss) == 300_001
    assert len(x) < 8000
    # Exact at the ends, and in between no further from the curve than print can show.
    assert (x[0], y[0]) == (probit(1), probit(0))
    assert (x[-1], y[-1]) == (probit(0), probit(1))
    all_x, all_y = probit(curve.false_alarm), probit(curve.miss)
    left, right = probit(limits)
    inside = (all_x > left) & (all_x < right) & (all_y > left) & (all_y < right)
    drawn = np.interp(-all_x[inside], -x, y)
    assert np.abs(drawn - all_y[inside]).max() < 3 * (right - left) / 1500
    assert inside.sum() > 20_000


@pytest.mark.parametrize("backend_style", [{}, {"svg.hashsalt": None, "font.size": 30.0}])
def test_svg_is_the_same_bytes_each_time_and_undated(evaluation, tmp_path, backend_style):
    det_plot(evaluation, tmp_path / "one.svg")
    with matplotlib.rc_context(backend_style):
        det_plot(evaluation, tmp_path / "other.svg")
        assert all(matplotlib.rcParams[key] == value for key, value in backend_style.items())
    text = (tmp_path / "one.svg").read_bytes()
    assert text == (tmp_path / "other.svg").read_bytes()
    assert b"date" not in text


def test_names_are_no_formulas_and_none_is_left_out(make, tmp_path):
    evaluation = make(labels=TEN, **{"_$x^$": LISTS["ten"], "b_{": LISTS["perfect"]})
    det_plot(evaluation, tmp_path / "det.svg")
    legend = legend_of(draw_det(evaluation))
    assert "_$x^$: EER" in legend
    assert "b_{ (no errors): EER" in legend


def test_unknown_formats_are_refused(make, tmp_path):
    with pytest.raises(ValueError, match=r"use a suffix like \.png"):
        det_plot(make(labels=TEN, raw=LISTS["ten"]), tmp_path / "det.docx")
    assert list(tmp_path.iterdir()) == []
