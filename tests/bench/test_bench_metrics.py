"""What the benchmark of error rates compares, and what it says where it cannot."""

import pytest

from bench import metrics


def test_the_peer_computes_what_it_is_compared_to():
    pytest.importorskip("sklearn")
    metrics._check_peer(metrics.draw_trials(3000, decimals=1))


def test_resamples_are_checked():
    metrics._check_resamples(metrics.draw_trials(3000, decimals=1), resamples=3)


def test_without_the_peer_nothing_is_measured_and_the_section_says_so(monkeypatch):
    found = {"sklearn": True, "confidence_intervals": False}
    monkeypatch.setattr(metrics, "find_spec", found.get)
    section = metrics.section()
    assert section.startswith("## Error rates and intervals\n\nNot measured: confidence_intervals")
    assert "|" not in section
