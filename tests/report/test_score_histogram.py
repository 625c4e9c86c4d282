"""The picture: written whole or not at all, without touching the caller's matplotlib."""

import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from pyannote_ge2e.report import score_histogram


def trials(num_trials=1000):
    rng = np.random.default_rng(0)
    labels = np.arange(num_trials) % 4 == 0
    return np.where(
        labels, rng.normal(0.6, 0.12, num_trials), rng.normal(0.1, 0.15, num_trials)
    ), labels


def test_writes_a_picture_in_two_colours(tmp_path):
    path = tmp_path / "scores.png"
    score_histogram(*trials(), path, title="VoxCeleb.SpeakerVerification.VoxCeleb1")
    picture = matplotlib.image.imread(path)
    assert picture.shape[0] > 500
    red, blue = picture[..., 0].astype(float), picture[..., 2].astype(float)
    assert (blue - red > 0.3).mean() > 0.01
    assert (red - blue > 0.3).mean() > 0.01
    assert [file.name for file in tmp_path.iterdir()] == ["scores.png"]


@pytest.mark.parametrize("suffix", ["pdf", "svg", "PNG"])
def test_suffix_decides_the_format(suffix, tmp_path):
    score_histogram(*trials(), tmp_path / f"scores.{suffix}", threshold=0.3)
    start = (tmp_path / f"scores.{suffix}").read_bytes()[:5]
    assert start == {"pdf": b"%PDF-", "svg": b"<?xml", "PNG": b"\x89PNG\r"}[suffix]


def test_a_failing_write_keeps_the_old_picture_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "scores.png"
    path.write_text("the old picture")

    def half_a_picture(figure, name, **options):
        name.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", half_a_picture)
    with pytest.raises(OSError, match="disk full"):
        score_histogram(*trials(), path)
    assert path.read_text() == "the old picture"
    assert [file.name for file in tmp_path.iterdir()] == ["scores.png"]


def test_equal_scores_and_tiny_lists_are_drawn(tmp_path):
    score_histogram([0.5, 0.5], [1, 0], tmp_path / "equal.png")
    score_histogram([0.1, 0.5, 0.7], [0, 1, 0], tmp_path / "three.png")
    assert len(list(tmp_path.iterdir())) == 2


def test_pyplot_stays_unimported():
    code = "import sys, pyannote_ge2e.report.write; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_malformed_trials_and_unknown_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no targets"):
        score_histogram([0.1, 0.2], [0, 0], tmp_path / "scores.png")
    with pytest.raises(ValueError, match=r"use a suffix like \.png"):
        score_histogram([0.1, 0.2], [0, 1], tmp_path / "scores.docx")
    assert list(tmp_path.iterdir()) == []
