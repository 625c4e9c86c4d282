"""The benchmark of fine-tuning: whole where speech is at hand, and honest where it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from pyannote.audio.core.task import Problem, Resolution, Specifications

from bench import fine_tuning
from pyannote_ge2e.architectures import MelLSTM
from pyannote_ge2e.data.synthetic.corpus import make_corpus
from pyannote_ge2e.interop.exports.forms import stripped


def test_without_speech_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fine_tuning, "SPEECH", tmp_path)
    section = fine_tuning.section()
    assert section.startswith("## Fine-tuning")
    assert "Not measured here: there are no recordings in `so762/" in section


def test_without_the_weights_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fine_tuning, "SPEECH", tmp_path)
    monkeypatch.setattr(fine_tuning, "CORPORA", ())
    monkeypatch.setattr(fine_tuning, "START", str(tmp_path / "missing.pt"))
    assert "Not measured here: --pretrained: there is no file" in fine_tuning.section()


def test_a_corpus_without_a_second_subset_is_judged_on_its_other_speakers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_corpus(
        *(tmp_path / "few", 5, 2),
        subsets=(5, 0, 0),
        seconds=(0.6, 0.8),
        processes=1,
    )
    torch.manual_seed(0)
    lstm = {"hidden_size": 8, "num_layers": 1, "proj_size": 0}
    model = MelLSTM(mel={"stack": 3}, lstm=lstm, dimension=8)
    model.specifications = Specifications(Problem.REPRESENTATION, Resolution.CHUNK, 0.5)
    torch.save(stripped(model), tmp_path / "start.pt")
    monkeypatch.setattr(fine_tuning, "SPEECH", tmp_path)
    monkeypatch.setattr(fine_tuning, "START", str(tmp_path / "start.pt"))
    monkeypatch.setattr(fine_tuning, "STEPS", 1)
    monkeypatch.setattr(
        fine_tuning, "CORPORA", (fine_tuning.Corpus("few", "made voices", speakers=2),)
    )
    *_, row = fine_tuning.section().splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["few: made voices", "2 speakers", "3 speakers, 15 trials, 3 targets"]
    for cell in cells[3:8]:
        assert re.fullmatch(r"\d+\.\d\d % \[\d+\.\d\d, \d+\.\d\d\]", cell)
    for cell in cells[8:]:
        assert re.fullmatch(r"[+-]\d+\.\d\d \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\]", cell)
