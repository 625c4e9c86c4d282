"""`emb evaluate`, from the line that is typed to the files it leaves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from typer.testing import CliRunner, Result

from pyannote_ge2e.architectures.loading import load_checkpoint, load_model
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.trials.trials import trial_index
from pyannote_ge2e.experiment.evaluation.cohort import read_cohort
from pyannote_ge2e.experiment.evaluation.model import digest_of, find_model
from pyannote_ge2e.scoring import adaptive_snorm, cosine_scores, speaker_means
from pyannote_ge2e.tasks.embedding import embed_files

QUICK = ["--subset=development", "--parallel=0", "--cpu", "--resamples=50"]
REPORT = {"metrics.json", "metrics.md", "det.svg", "det.png", "scores.png", "report.html"}


def run(*words: object) -> Result:
    typed = ["emb", "evaluate", *map(str, words), *QUICK]
    return CliRunner().invoke(app, typed, env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def evaluate(tiny_protocol, trained_once: Path, tmp_path: Path) -> Callable[..., dict]:
    """Evaluate on the development trials; gives what `metrics.json` holds, and the output."""

    def evaluate(*words: object, what: object = trained_once, to: str = "out") -> dict:
        result = run(what, tiny_protocol.name, f"--output={tmp_path / to}", *words)
        assert result.exit_code == 0, result.output
        metrics = json.loads((tmp_path / to / "metrics.json").read_text())
        return metrics | {"output": result.output}

    return evaluate


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYANNOTE_GE2E_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def read_scores(path: Path) -> dict[tuple[str, str], float]:
    lines = [line.split() for line in path.read_text().splitlines()]
    return {(enrolment, test): float(score) for enrolment, test, score in lines}


def curve_by_hand(folder: Path, scores: str) -> tuple[list[float], list[float]]:
    """Miss and false-alarm rates at every threshold, with nothing but counting."""
    labels = {}
    for line in (folder / "trials.txt").read_text().splitlines():
        enrolment, test, word = line.split()
        labels[enrolment, test] = {"target": 1, "nontarget": 0}[word]
    scored = read_scores(folder / scores)
    assert list(scored) == list(labels)
    targets = [score for trial, score in scored.items() if labels[trial]]
    others = [score for trial, score in scored.items() if not labels[trial]]
    thresholds = [*sorted(set(scored.values())), float("inf")]
    return (
        [sum(score < threshold for score in targets) / len(targets) for threshold in thresholds],
        [sum(score >= threshold for score in others) / len(others) for threshold in thresholds],
    )


def test_figures_are_those_of_the_score_files(evaluate, tmp_path: Path) -> None:
    metrics = evaluate("--snorm", "--p-target", ".01", ".3", "--calibrate=train")
    assert set(metrics["scorings"]) == {
        "raw",
        "s-norm",
        "raw, calibrated",
        "s-norm, calibrated",
    }
    files = ("scores.txt", "scores.snorm.txt", "scores.calibrated.txt")
    for name, file in zip(metrics["scorings"], files, strict=False):
        figures = metrics["scorings"][name]
        miss, alarm = curve_by_hand(tmp_path / "out", file)
        for p_target in (0.01, 0.3):
            costs = [p_target * m + (1 - p_target) * a for m, a in zip(miss, alarm, strict=True)]
            expected = min(costs) / min(p_target, 1 - p_target)
            figure = figures["min_dcf"][str(p_target)]
            assert figure["value"] == pytest.approx(expected, abs=1e-12)
            assert figure["low"] <= figure["value"] <= figure["high"]
        # The rate at which the two curves cross, between the points on either side.
        crossing = next(k for k in range(len(miss)) if miss[k] >= alarm[k])
        gaps = [alarm[k] - miss[k] for k in (crossing - 1, crossing)]
        share = gaps[0] / (gaps[0] - gaps[1])
        expected = miss[crossing - 1] + share * (miss[crossing] - miss[crossing - 1])
        assert figures["equal_error_rate"]["value"] == pytest.approx(expected, abs=1e-12)


def test_calibrated_scores_are_log_likelihood_ratios(evaluate, tmp_path: Path) -> None:
    metrics = evaluate("--calibrate=train")
    figures = metrics["scorings"]["raw, calibrated"]
    raw, calibrated = (
        np.array(list(read_scores(tmp_path / "out" / name).values()))
        for name in ("scores.txt", "scores.calibrated.txt")
    )
    lines = (tmp_path / "out" / "trials.txt").read_text().splitlines()
    is_target = np.array([line.endswith(" target") for line in lines])
    scale, offset = np.polyfit(raw, calibrated, 1)
    assert scale > 0
    np.testing.assert_allclose(calibrated, scale * raw + offset, atol=1e-9)
    costs = np.log2(1 + np.exp(-calibrated[is_target])).mean()
    costs += np.log2(1 + np.exp(calibrated[~is_target])).mean()
    assert figures["cllr"]["value"] == pytest.approx(costs / 2, abs=1e-9)
    assert metrics["scorings"]["raw"]["cllr"] is None


def test_scores_are_those_of_the_definitions(
    evaluate, tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    evaluate("--top=10")
    model = load_model(trained_once / "weights" / "0003.pt")
    trials = trial_index(load_protocol(tiny_protocol.name), "development")
    cohort = read_cohort(tiny_protocol.name, "train")
    embeddings, others = (embed_files(model, files) for files in (trials, cohort))
    # Batches of other sizes round differently.
    raw = read_scores(tmp_path / "out" / "scores.txt")
    np.testing.assert_allclose(
        list(raw.values()), cosine_scores(embeddings, trials.trials), atol=1e-5
    )
    pairs = [tuple(trials.uris[row] for row in pair) for pair in trials.trials]
    assert list(raw) == pairs
    expected = adaptive_snorm(embeddings, embeddings, others, trials.trials, top=10)
    found = list(read_scores(tmp_path / "out" / "scores.snorm.txt").values())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)

    evaluate("--top=4", "--cohort-per-speaker")
    means, _ = speaker_means(others, np.array(cohort.speakers))
    assert len(means) == 8
    expected = adaptive_snorm(embeddings, embeddings, means, trials.trials, top=4)
    found = list(read_scores(tmp_path / "out" / "scores.snorm.txt").values())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_cohort_is_by_default_what_the_model_was_trained_on(
    evaluate, tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    found = evaluate("--snorm")
    assert found["facts"]["Cohort"].startswith(
        f"{tiny_protocol.name}.train: 32 recordings of 8 speakers"
    )
    named = evaluate("--cohort", f"{tiny_protocol.name}.train", to="named")
    assert named["scorings"] == found["scorings"]
    # A checkpoint knows it too, wherever it is taken to.
    alone = tmp_path / "alone.pt"
    shutil.copy(trained_once / "weights" / "0003.pt", alone)
    assert evaluate("--snorm", what=alone, to="alone")["scorings"] == found["scorings"]


def test_validate_and_evaluate_agree(evaluate, trained_once: Path, tiny_protocol) -> None:
    folder = trained_once / "validate_equal_error_rate" / f"{tiny_protocol.name}.development"
    best = yaml.safe_load((folder / "params.yml").read_text())
    metrics = evaluate("--resamples=1000", what=folder)
    assert metrics["facts"]["Epoch"] == str(best["epoch"])
    raw = metrics["scorings"]["raw"]
    assert raw["equal_error_rate"]["value"] == best["equal_error_rate"]
    assert (raw["method"], raw["speakers"], raw["trials"]) == ("speaker", 4, 66)


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


def test_what_is_embedded_once_is_not_embedded_again(
    evaluate, fresh_cache: Path, tmp_path: Path
) -> None:
    first = evaluate()
    assert "12 files to embed, 0 known already" in first["output"]
    # Other options, other processes, another folder: the same embeddings.
    second = evaluate("--snorm", "--parallel=2", "--batch=3", to="other")
    assert "32 files to embed, 12 known already" in second["output"]
    stamps = {path: path.stat().st_mtime_ns for path in fresh_cache.rglob("*.npz")}
    assert len(stamps) == 2
    third = evaluate("--snorm", "--ci=trial")
    assert "0 files to embed, 44 known already" in third["output"]
    assert {path: path.stat().st_mtime_ns for path in fresh_cache.rglob("*.npz")} == stamps
    assert (
        third["scorings"]["raw"]["equal_error_rate"]["value"]
        == (first["scorings"]["raw"]["equal_error_rate"]["value"])
    )
    scores = [(tmp_path / name / "scores.snorm.txt").read_bytes() for name in ("out", "other")]
    assert scores[0] == scores[1]
    # Other windows are other embeddings.
    assert "12 files to embed, 0 known" in evaluate("--step=0.5")["output"]


def test_other_options_replace_figures_and_leave_nothing_behind(evaluate, tmp_path: Path) -> None:
    evaluate("--snorm", "--calibrate=train")
    assert (tmp_path / "out" / "scores.snorm.calibrated.txt").is_file()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    evaluate()
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == REPORT | {"scores.txt", "trials.txt", "utt2spk", "notes.txt"}


def test_changed_audio_and_changed_weights_are_noticed(
    tiny_protocol, trained_once: Path, tmp_path: Path, fresh_cache: Path
) -> None:
    weights = tmp_path / "mine.pt"
    shutil.copy(trained_once / "weights" / "0001.pt", weights)
    words = (weights, tiny_protocol.name, f"--output={tmp_path / 'out'}")
    assert "12 files to embed" in run(*words).output
    audio = tiny_protocol.database_yml.parent / "Tiny" / "dev0" / "0.wav"
    content, status = audio.read_bytes(), audio.stat()
    before = read_scores(tmp_path / "out" / "scores.txt")
    try:
        waveform, rate = soundfile.read(audio)
        soundfile.write(audio, waveform[::-1] ** 3, rate)
        assert "1 file to embed, 11 known" in run(*words).output
        after = read_scores(tmp_path / "out" / "scores.txt")
        assert {trial for trial in after if after[trial] != before[trial]} == {
            trial for trial in after if "dev0/0" in trial
        }
    finally:
        audio.write_bytes(content)
        os.utime(audio, ns=(status.st_atime_ns, status.st_mtime_ns))
    shutil.copy(trained_once / "weights" / "0002.pt", weights)
    assert "12 files to embed" in run(*words).output


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(
    tiny_protocol, trained_once: Path, tmp_path: Path, fresh_cache: Path
) -> None:
    # Shards of four files; the second one is followed by Ctrl-C, in mid-batch of the third.
    script = (
        "import os, signal\n"
        # A shell that runs the tests in the background has them ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pyannote_ge2e.cli import main\n"
        "from pyannote_ge2e.experiment.evaluation import embed_once\n"
        "embed_once.SMALLEST_SHARD = embed_once.LARGEST_SHARD = 4\n"
        "embed = embed_once.embed_files\n"
        "count = []\n"
        "def interrupted(*args, **kwargs):\n"
        "    count.append(1)\n"
        "    if len(count) == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return embed(*args, **kwargs)\n"
        "embed_once.embed_files = interrupted\n"
        "main()\n"
    )
    words = [trained_once, tiny_protocol.name, f"--output={tmp_path / 'out'}"]
    done = subprocess.run(
        [
            *(sys.executable, "-c", script, "emb", "evaluate", *words, *QUICK),
            f"--registry={tiny_protocol.database_yml}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 130, done.stderr
    assert "8 of 12 embeddings are kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    result = run(*words)
    assert "4 files to embed, 8 known already" in result.output
    assert (tmp_path / "out" / "report.html").is_file()


def test_files_of_the_trials_are_left_out_of_their_own_statistics(
    evaluate, tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    metrics = evaluate("--cohort", f"{tiny_protocol.name}.development", "--top=5")
    remarks = " ".join(metrics["remarks"])
    assert "4 of the 4 speakers of the trials are also in the cohort" in remarks
    assert "12 files of the trials are also in the cohort" in remarks
    model = load_model(trained_once / "weights" / "0003.pt")
    trials = trial_index(load_protocol(tiny_protocol.name), "development")
    embeddings = embed_files(model, trials)
    cosines = (embeddings @ embeddings.T).astype(np.float64)
    rounding = float(np.finfo(np.float32).eps)  # of a cosine
    for (one, other), score in zip(
        trials.trials, read_scores(tmp_path / "out" / "scores.snorm.txt").values(), strict=True
    ):
        sides, bounds = [], []
        for row in (one, other):
            nearest = np.sort(np.delete(cosines[row], row))[-5:]
            sides.append((cosines[one, other] - nearest.mean()) / nearest.std())
            # These cosines are nearly equal: dividing by how little they differ magnifies rounding.
            bounds.append(rounding * (2 + abs(sides[-1])) / nearest.std())
        assert score == pytest.approx(np.mean(sides), rel=0, abs=np.mean(bounds))


def test_a_small_cohort_is_said(evaluate) -> None:
    remarks = " ".join(evaluate("--snorm")["remarks"])
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


def test_a_diarization_protocol_is_evaluated_turn_by_turn(
    tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    cohort = f"--cohort={tiny_protocol.diarization}.train"
    output = f"--output={tmp_path / 'out'}"
    result = run(trained_once, tiny_protocol.diarization, cohort, output)
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["speakers"] == 2
    assert metrics["facts"]["Cohort"].startswith(
        f"{tiny_protocol.diarization}.train: 4 recordings of 4 speakers"
    )


def test_the_report_says_what_was_done(evaluate, trained_once: Path, monkeypatch) -> None:
    metrics = evaluate("--snorm", "--level=.9", "--seed=3")
    facts = metrics["facts"]
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


def test_a_model_without_a_file_is_known_by_its_weights(trained_once: Path) -> None:
    """As from torch.hub and Hugging Face: same weights, same embeddings."""
    model = load_model(trained_once / "weights" / "0001.pt")
    again = load_model(trained_once / "weights" / "0001.pt")
    other = load_model(trained_once / "weights" / "0002.pt")
    assert digest_of(model) == digest_of(again) != digest_of(other)
    with torch.no_grad():
        next(iter(again.parameters())).view(-1)[0] += 1e-6
    assert digest_of(model) != digest_of(again)


def test_checkpoints_say_what_they_were_trained_on(trained_once: Path, tiny_protocol) -> None:
    entry = load_checkpoint(trained_once / "weights" / "0003.pt")["pyannote.audio"]
    assert entry["trained_on"] == {"protocol": tiny_protocol.name, "subset": "train"}


def test_a_full_disk_leaves_the_earlier_evaluation_whole(
    evaluate, tiny_protocol, trained_once: Path, tmp_path: Path
) -> None:
    """The real thing: the system refuses to write more than so many bytes to a file."""
    evaluate("--snorm")
    folder = tmp_path / "out"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    limit = max(len(before["scores.txt"]), len(before["metrics.json"])) + 1000
    assert limit < len(before["report.html"])
    script = (
        "import resource\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "from pyannote_ge2e.cli import main; main()\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-c", script, "emb", "evaluate", trained_once, tiny_protocol.name),
            *(*QUICK, f"--output={folder}", f"--registry={tiny_protocol.database_yml}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: Cannot write '{folder}': File too large.")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
