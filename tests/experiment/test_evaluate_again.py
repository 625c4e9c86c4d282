"""`emb evaluate` once more: what is known already, what was interrupted, what is replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch
from evaluations import REPORT, read_scores, run

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.experiment.evaluation import embed_once
from pyannote_ge2e.experiment.evaluation.model import digest_of
from pyannote_ge2e.tasks.embedding import embed_files


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYANNOTE_GE2E_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


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
    tiny_protocol,
    trained_once: Path,
    tmp_path: Path,
    fresh_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    ctrl_c: Callable[[], None],
) -> None:
    # Shards of four files; the second one is followed by Ctrl-C, in mid-batch of the third.
    monkeypatch.setattr(embed_once, "SMALLEST_SHARD", 4)
    monkeypatch.setattr(embed_once, "LARGEST_SHARD", 4)
    shards = []

    def interrupted(*args, **kwargs):
        shards.append(args)
        if len(shards) == 3:
            ctrl_c()
        return embed_files(*args, **kwargs)

    words = [trained_once, tiny_protocol.name, f"--output={tmp_path / 'out'}"]
    with monkeypatch.context() as patch:
        patch.setattr(embed_once, "embed_files", interrupted)
        done = run(*words)
    assert done.exit_code == 130, done.stderr
    assert "8 of 12 embeddings are kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    result = run(*words)
    assert "4 files to embed, 8 known already" in result.output
    assert (tmp_path / "out" / "report.html").is_file()


def test_other_options_replace_figures_and_leave_nothing_behind(
    evaluate, evaluated, tmp_path: Path
) -> None:
    shutil.copytree(evaluated["folder"], tmp_path / "out")
    assert (tmp_path / "out" / "scores.snorm.calibrated.txt").is_file()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    evaluate()
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == REPORT | {"scores.txt", "trials.txt", "utt2spk", "notes.txt"}


def test_a_full_disk_leaves_the_earlier_evaluation_whole(
    evaluated, tiny_protocol, trained_once: Path, tmp_path: Path, files_no_larger_than
) -> None:
    """The real thing: the system refuses to write more than so many bytes to a file."""
    folder = tmp_path / "out"
    shutil.copytree(evaluated["folder"], folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    limit = max(len(before["scores.txt"]), len(before["metrics.json"])) + 1000
    assert limit < len(before["report.html"])
    with files_no_larger_than(limit):
        done = run(trained_once, tiny_protocol.name, f"--output={folder}")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: Cannot write '{folder}': File too large.")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_model_without_a_file_is_known_by_its_weights(trained_once: Path) -> None:
    """As from torch.hub and Hugging Face: same weights, same embeddings."""
    model = load_model(trained_once / "weights" / "0001.pt")
    again = load_model(trained_once / "weights" / "0001.pt")
    other = load_model(trained_once / "weights" / "0002.pt")
    assert digest_of(model) == digest_of(again) != digest_of(other)
    with torch.no_grad():
        next(iter(again.parameters())).view(-1)[0] += 1e-6
    assert digest_of(model) != digest_of(again)
