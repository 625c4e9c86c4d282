"""What `python -m bench` measures with and writes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.__main__ import SECTIONS
from bench.loss import LOOP_SPEAKERS, loop_over_speaker
from bench.report import compose, replace_section
from bench.timing import Timings, time_in_turns
from pyannote_ge2e.losses import ge2e_loss

ROOT = Path(__file__).parents[2]


def test_a_renewed_section_leaves_the_others_alone():
    before = compose({"loss": "## Loss\nslow", "reading": "## Reading\nfast"}, "today")
    after = replace_section(before, "loss", "## Loss\n\\1 faster", "today")
    assert after == compose({"loss": "## Loss\n\\1 faster", "reading": "## Reading\nfast"}, "today")


def test_a_section_measured_elsewhere_says_so():
    before = compose({"loss": "## Loss", "reading": "## Reading"}, "today, here")
    after = replace_section(before, "reading", "## Reading", "tomorrow, there")
    assert after.index("today, here") < after.index("## Loss")
    assert after.endswith("Measured apart: tomorrow, there\n<!-- end of reading -->\n")


def test_a_missing_section_is_added():
    before = compose({"loss": "## Loss"}, "today")
    assert replace_section(before, "reading", "## Reading", "today") == compose(
        {"loss": "## Loss", "reading": "## Reading"}, "today"
    )


def test_candidates_take_turns():
    calls = []
    timings = time_in_turns(
        {"ours": lambda: calls.append("ours"), "peer": lambda: calls.append("peer")},
        turns=3,
        calls=2,
        warm_up=1,
    )
    assert calls == ["ours", "ours", "peer", "peer"] * 4
    assert [len(seconds) for seconds in timings.seconds.values()] == [3, 3]


def test_ratio_is_taken_turn_by_turn():
    timings = Timings({"ours": [1.0, 10.0, 2.0], "peer": [2.0, 20.0, 8.0]})
    assert timings.ratio("peer", to="ours") == 2
    assert timings.median("ours") == 2


def test_the_plain_loop_computes_the_loss():
    embeddings = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    total = sum(loop_over_speaker(embeddings, speaker) for speaker in range(3))
    torch.testing.assert_close(total / 12, ge2e_loss(embeddings, 10.0, -5.0))
    assert LOOP_SPEAKERS <= 64


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["no-such-part"], 2)])
def test_sections_are_named(arguments, status):
    run = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == status
    assert ", ".join(SECTIONS) in " ".join((run.stdout + run.stderr).split())
