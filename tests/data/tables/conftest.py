"""Corpora that tables declare."""

from __future__ import annotations

from pathlib import Path

import pytest
from declared_tables import Corpus
from pyannote.database import registry


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is unknown to others."""
    for name in ("sources", "databases", "configs"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Corpus:
    """A corpus whose names pandas leaves alone."""
    return Corpus(tmp_path, "{speaker}-x{k}")
