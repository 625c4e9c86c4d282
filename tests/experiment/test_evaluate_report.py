"""Where `emb evaluate` writes, and what it says of model, cohort and speakers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml
from evaluations import QUICK, REPORT, run
from typer.testing import CliRunner

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.experiment.evaluation.model import find_model


def test_results_lie_beside_the_model(
    trained_once: Path, tiny_protocol, tmp_path: Path, monkeypatch
) -> None:
    run_folder = tmp_path / "models" / "train" / "T.train"
    shutil.copytree(trained_once, run_folder)
    subset = f"{tiny_protocol.name}.development"
    validated = run_folder / "validate_equal_error_rate" / subset
    monkeypatch.chdir(tmp_path)
    best = yaml.safe_load((validated / "params.yml").read_text())["epoch"]
    shutil.copy(run_folder / "weights" / "0001.pt", "mine.pt")
    for what, epoch, folder in [
        (run_folder, None, run_folder / "evaluate" / subset / "0003"),
        (run_folder, 1, run_folder / "evaluate" / subset / "0001"),
        (validated, None, validated / "evaluate" / subset / f"{best:04d}"),
        (validated, "last", validated / "evaluate" / subset / "0003"),
        ("models/train/T.train/weights/0002.pt", None, run_folder / "evaluate" / subset / "0002"),
        ("mine.pt", None, tmp_path / "evaluate" / "mine" / subset),
    ]:
        found = find_model(str(what), epoch).folder(tiny_protocol.name, "development")
        assert found.resolve() == folder
    monkeypatch.chdir(run_folder / "weights")
    assert find_model("0002.pt").folder("P", "test") == run_folder / "evaluate" / "P.test" / "0002"
    monkeypatch.chdir(validated)
    assert find_model(".").folder("P", "test") == Path("evaluate", "P.test", f"{best:04d}")


def test_a_name_of_the_hub_is_evaluated_here(tiny_protocol, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("ge2e_mel", tiny_protocol.name)
    assert result.exit_code == 0, result.output
    folder = Path("evaluate", "ge2e_mel", f"{tiny_protocol.name}.development")
    names = {path.name for path in folder.iterdir()}
    assert names == REPORT | {"scores.txt", "trials.txt", "utt2spk"}
    assert f"{folder}/report.html'" in result.output


def test_a_small_cohort_is_said(evaluate, evaluated) -> None:
    remarks = " ".join(evaluated["remarks"])
    assert "The cohort has 32 embeddings, fewer than --top 400" in remarks
    remarks = " ".join(evaluate("--top=3")["remarks"])
    assert "fewer than" not in remarks.replace("fewer than 30", "")


def test_speakers_come_from_a_file_where_the_protocol_has_none(
    tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    words = (trained_once, tiny_protocol.no_annotation, f"--output={tmp_path / 'out'}")
    result = run(*words)
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["method"], metrics["speakers"]) == ("trial", None)
    assert "Give --speakers utt2spk" in " ".join(metrics["remarks"])
    assert "trial" in result.output
    assert not (tmp_path / "out" / "utt2spk").exists()

    utt2spk = tmp_path / "speakers"
    utt2spk.write_text("".join(f"dev{k}/{n} dev{k}\n" for k in range(4) for n in range(3)))
    assert run(*words, f"--speakers={utt2spk}").exit_code == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["method"], metrics["speakers"]) == ("speaker", 4)
    assert (tmp_path / "out" / "utt2spk").read_text() == utt2spk.read_text()


def test_the_report_says_what_was_done(evaluated, trained_once: Path) -> None:
    facts = evaluated["facts"]
    assert facts["Model"] == str(trained_once)
    assert facts["Architecture"] == "pyannote_ge2e.architectures.mel_lstm.MelLSTM"
    assert facts["Windows"] == "0.5 s, a step of 0.125 s"
    assert facts["Intervals"] == "90 %, bootstrap over speakers (50 resamples, seed 3)"
    assert "torch" in facts["Versions"]
    assert len(facts["Weights"]) > 16


def test_speakers_heard_in_training_are_said(trained_once: Path, tiny_protocol, tmp_path) -> None:
    output = f"--output={tmp_path / 'out'}"
    typed = ["emb", "evaluate", str(trained_once), tiny_protocol.name, output, *QUICK]
    typed[typed.index("--subset=development")] = "--subset=train"
    result = CliRunner().invoke(app, typed, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "8 of the 8 speakers of the trials were also heard in training" in result.output


def test_checkpoints_say_what_they_were_trained_on(trained_once: Path, tiny_protocol) -> None:
    entry = load_checkpoint(trained_once / "weights" / "0003.pt")["pyannote.audio"]
    assert entry["trained_on"] == {"protocol": tiny_protocol.name, "subset": "train"}
