"""Histograms of an evaluation: one panel per scoring, with the thresholds of its figures."""

import numpy as np
import pytest

from pyannote_ge2e.report.histogram import draw_histograms


def test_one_panel_per_scoring_with_its_thresholds(evaluation):
    panels = draw_histograms(evaluation).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["raw", "s-norm", "raw, calibrated"]
    for axes, scoring in zip(panels, evaluation.scorings, strict=True):
        expected = [scoring.figures.threshold]
        if scoring.calibrated:  # log of the odds against a target
            expected += [np.log(99), np.log(19)]
        assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx(expected)
        assert len({line.get_linestyle() for line in axes.lines}) == len(expected)


def test_each_class_has_area_one(evaluation):
    for axes in draw_histograms(evaluation).axes:
        for stairs in axes.patches:
            heights, edges, _ = stairs.get_data()
            assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
