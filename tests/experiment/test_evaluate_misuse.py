"""`emb evaluate` in the hands of who types odd things: nothing is hidden, nothing is believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluations import more_trials
from typer.testing import CliRunner, Result

from pyannote_ge2e.cli.app import app
from pyannote_ge2e.experiment.evaluation.embedding_cache import VARIABLE, EmbeddingCache

TINY = "Tiny.SpeakerVerification.All"


def run(*words: object, columns: int = 200, **env: str) -> Result:
    typed = ["emb", "evaluate", *map(str, words), "--subset=dev", "--parallel=0", "--cpu"]
    return CliRunner().invoke(app, typed, env={"COLUMNS": str(columns), "NO_COLOR": "1", **env})


def sentence(result: Result) -> str:
    """The one line on stderr."""
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.fixture
def out(tmp_path: Path) -> str:
    return f"--output={tmp_path / 'out'}"


def test_no_figure_vanishes_on_a_narrow_terminal(trained_once: Path, out: str) -> None:
    result = run(
        trained_once, TINY, out, "--calibrate=train", "--snorm", "--resamples=10", columns=40
    )
    assert result.exit_code == 0, result.output
    for title in ("EER %", "minDCF", "actDCF", "Cllr", "minCllr"):
        assert title in result.output


def test_a_cache_that_may_only_be_read_serves_what_it_knows(
    trained_once: Path, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = {VARIABLE: str(tmp_path / "cache")}
    assert "12 files to embed" in run(trained_once, TINY, out, "--resamples=10", **cache).output

    def nobody_may_write(self: EmbeddingCache) -> None:
        raise PermissionError

    # As root, who may write anywhere, only a mount could be read-only.
    monkeypatch.setattr(EmbeddingCache, "check", nobody_may_write)
    again = run(trained_once, TINY, out, "--resamples=10", **cache)
    assert again.exit_code == 0, again.output
    assert "0 files to embed, 12 known already" in again.output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--duration=0.0001"], "--duration"),
        (["--duration=1e-9"], "--duration"),
        (["--step=1e-9"], "--step"),
    ],
)
def test_windows_that_no_model_could_embed_are_named(
    trained_once: Path, out: str, tmp_path: Path, words: list[str], named: str
) -> None:
    assert named in sentence(run(trained_once, TINY, out, *words))
    assert not (tmp_path / "out").exists()


def test_windows_longer_than_any_memory_are_whole_files(trained_once: Path, out: str) -> None:
    long = run(trained_once, TINY, out, "--duration=1e7", "--resamples=10")
    assert long.exit_code == 0, long.output


def test_trials_that_the_protocol_does_not_list_are_said_to_be_made(
    tiny_protocol, trained_once: Path, out: str
) -> None:
    output = run(trained_once, tiny_protocol.diarization, out, "--resamples=10").output
    assert "Meetings.SpeakerDiarization.All lists no trials in its development subset" in output
    assert "lists no trials" not in run(trained_once, TINY, out, "--resamples=10").output
    output = run(trained_once, TINY, out, "--resamples=10", "--calibrate=train").output
    assert f"{TINY} lists no trials in its train subset" in output


def test_a_trial_that_the_annotation_contradicts_is_named(
    tiny_protocol, trained_once: Path, out: str
) -> None:
    with more_trials(tiny_protocol, "0 dev0/0 dev0/1"):
        output = run(trained_once, TINY, out, "--resamples=10").output
        refusal = sentence(run(trained_once, TINY, out, "--ci=speaker"))
    assert "The annotation and 1 trial, such as 'dev0/0 dev0/1', do not agree" in output
    assert "Nothing tells who speaks" not in output
    assert "or contradicts them" in refusal


def test_trials_that_are_listed_twice_are_counted_aloud(
    tiny_protocol, trained_once: Path, out: str
) -> None:
    with more_trials(tiny_protocol, "1 dev0/0 dev0/1", "1 dev0/0 dev0/1"):
        output = run(trained_once, TINY, out, "--resamples=10").output
    assert "2 trials repeat another" in output
    assert "repeat" not in run(trained_once, TINY, out, "--resamples=10").output


def test_trials_of_a_recording_with_itself_are_counted_aloud(
    tiny_protocol, trained_once: Path, out: str, tmp_path: Path
) -> None:
    with more_trials(tiny_protocol, "1 dev1/2 dev1/2", "1 dev0/0 dev0/0"):
        output = run(trained_once, TINY, out, "--resamples=10").output
    told = f"{TINY}.development: 2 of 68 trials compare a recording with itself ('dev1/2', for one)"
    assert told in " ".join(output.split())
    assert "with itself" in (tmp_path / "out" / "report.html").read_text()
    assert "dev1/2 dev1/2 1.0" in (tmp_path / "out" / "scores.txt").read_text()
    assert "with itself" not in run(trained_once, TINY, out, "--resamples=10").output


def test_calibration_on_speakers_of_the_training_is_remarked(trained_once: Path, out: str) -> None:
    output = run(trained_once, TINY, out, "--calibrate=train", "--resamples=10").output
    assert "8 of the 8 speakers of the calibration were heard in training" in output


def test_a_file_of_speakers_is_read_even_where_none_is_needed(trained_once: Path, out: str) -> None:
    assert "mistyped" in sentence(run(trained_once, TINY, out, "--speakers=mistyped"))


def test_an_unknown_cohort_is_told_from_an_unknown_protocol(trained_once: Path, out: str) -> None:
    line = sentence(run(trained_once, TINY, out, "--cohort=Tiny.SpeakerVerification.Al.train"))
    assert line.startswith("error: --cohort: Unknown protocol 'Tiny.SpeakerVerification.Al'")
