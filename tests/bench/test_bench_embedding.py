"""The benchmark of embedding runs without Resemblyzer, and says that it is missing."""

from __future__ import annotations

import sys

import pytest

from bench import embedding


def test_without_resemblyzer_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "FILES", {2.0: 2})
    monkeypatch.setattr(embedding, "BATCHES", (2, 4))
    monkeypatch.setattr(embedding, "TURNS", 1)
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    section = embedding.section()
    [row] = [line for line in section.splitlines() if line.startswith("| 2 s |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 10
    assert float(cells[1]) > 0
    assert cells[4:9] == ["-"] * 5
    assert "Resemblyzer was not measured" in section
