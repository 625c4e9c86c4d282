from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.demo import demo

MODELS = Path(__file__).parents[2] / "models"


def test_the_demo_learns_voices_and_prints_both_error_rates(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    output = tmp_path / "demo"
    untrained, trained = demo(output, experiment=MODELS / "demo", speakers=40, epochs=3)
    # 40 speakers and three epochs instead of 100 and 6: still far from chance.
    assert trained.high < untrained.low
    printed = capsys.readouterr().out
    assert f"untrained: test EER {untrained}" in printed
    assert f"trained:   test EER {trained}" in printed
    assert len(list(output.rglob("evaluate/*/*/report.html"))) == 1
    assert re.search(r"s-norm +\d+\.\d\d \[", printed)

    with pytest.raises(UserError, match="--force"):
        demo(output, experiment=MODELS / "demo")
    assert len(list(output.rglob("report.html"))) == 1


def test_the_demo_deletes_nothing_of_others(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UserError, match="no earlier demo"):
        demo(tmp_path, experiment=MODELS / "demo", force=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"
