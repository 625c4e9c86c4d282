from __future__ import annotations

import os
import pty

import pytest
from rich.console import Console

from pyannote_ge2e.experiment.console import bar, can_move


def test_a_bar_moves_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours):
        assert can_move(Console(file=terminal, force_terminal=True))


def test_a_log_holds_no_bar_even_where_colours_are_forced(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with (tmp_path / "log").open("w+") as log:
        console = Console(file=log)
        assert console.is_terminal
        with bar(console, "epoch 1", total=2) as advance:
            advance(2)
        log.seek(0)
        assert log.read() == ""
