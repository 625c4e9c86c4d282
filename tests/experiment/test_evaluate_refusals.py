"""`emb evaluate` says in one sentence what is wrong, and leaves nothing half-written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from typer.testing import CliRunner, Result

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.cli.app import app

TINY = "Tiny.SpeakerVerification.All"


def run(*words: object) -> Result:
    typed = ["emb", "evaluate", *map(str, words), "--parallel=0", "--cpu", "--resamples=10"]
    return CliRunner().invoke(app, typed, env={"COLUMNS": "200", "NO_COLOR": "1"})


def sentence(result: Result) -> str:
    """The one line on stderr."""
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([TINY], "has no test subset"),
        ([TINY, "--subset=dev", "--epoch=7"], "does not hold epoch 7: it has 3, from 1 to 3"),
        (["Tiny.SpeakerVerification.Al", "--subset=dev"], "Tiny.SpeakerVerification.All"),
        ([TINY, "--subset=dev", "--calibrate=dev"], "--calibrate development: these are the"),
        ([TINY, "--subset=dev", "--calibrate=test"], "has no test subset"),
        ([TINY, "--subset=dev", "--cohort=Tiny"], "expected <protocol>.<subset>"),
        ([TINY, "--subset=dev", f"--cohort={TINY}.test"], "has no test subset"),
        ([TINY, "--subset=dev", "--cohort=A.SpeakerVerification.B.train"], "A.SpeakerVerif"),
        (
            [
                *(TINY, "--subset=dev", "--cohort-per-speaker"),
                "--cohort=Tiny.SpeakerVerification.NoAnnotation.train",
            ],
            "--cohort-per-speaker",
        ),
        (["Tiny.SpeakerVerification.NoAnnotation", "--subset=dev", "--ci=speaker"], "--speakers"),
        ([TINY, "--subset=dev", "--device=cuda:99"], "torch sees none"),
    ],
)
def test_what_does_not_fit_is_named(trained_once: Path, tmp_path: Path, words, expected) -> None:
    if "--device=cuda:99" in words and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    typed = ["emb", "evaluate", str(trained_once), *words, f"--output={tmp_path / 'out'}"]
    result = CliRunner().invoke(app, typed, env={"COLUMNS": "200"})
    assert expected in sentence(result)
    assert not (tmp_path / "out").exists()


def test_what_is_no_model_is_named(trained_once: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("notes.pt").write_text("some text")
    for what, expected in [
        ("empty", "'empty' holds no weights"),
        (trained_once.parent.parent, f"Did you mean '{trained_once}'"),
        ("missing.pt", "WHAT: there is no file 'missing.pt'"),
        ("a/b/c/missing", "WHAT 'a/b/c/missing' is neither"),
        ("ge3e", "ge2e, ge2e_mel"),
        ("notes.pt", "'notes.pt' is damaged"),
    ]:
        line = sentence(run(what, TINY, "--subset=dev"))
        assert expected in line
        assert "--pretrained" not in line
    assert "--epoch" in sentence(run("ge2e_mel", TINY, "--epoch=2"))
    assert not Path("evaluate").exists()


def test_a_validation_that_never_was_is_named(trained_once: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_once, tmp_path / "run")
    folder = tmp_path / "run" / "validate_equal_error_rate" / f"{TINY}.development"
    (folder / "params.yml").unlink()
    assert "emb validate" in sentence(run(folder, TINY, "--subset=dev"))


def changed(weights: Path, to: Path, change) -> Path:
    checkpoint = load_checkpoint(weights)
    change(checkpoint)
    torch.save(checkpoint, to)
    return to


def test_weights_that_are_no_numbers_are_named(trained_once: Path, tmp_path: Path) -> None:
    def spoil(checkpoint) -> None:
        name = next(iter(checkpoint["state_dict"]))
        checkpoint["state_dict"][name].view(-1)[0] = torch.nan

    broken = changed(trained_once / "weights" / "0001.pt", tmp_path / "nan.pt", spoil)
    assert "are no numbers" in sentence(run(broken, TINY, "--subset=dev"))


def test_a_cohort_has_to_be_named_where_nothing_tells_it(
    trained_once: Path, tmp_path: Path
) -> None:
    def forget(checkpoint) -> None:
        del checkpoint["pyannote.audio"]["trained_on"]

    unknown = changed(trained_once / "weights" / "0001.pt", tmp_path / "unknown.pt", forget)
    line = sentence(run(unknown, TINY, "--subset=dev", "--snorm"))
    assert "give --cohort <protocol.subset>" in line


def test_a_default_cohort_that_is_not_there_is_said_to_be_the_default(
    trained_once: Path, tmp_path: Path
) -> None:
    def elsewhere(checkpoint) -> None:
        checkpoint["pyannote.audio"]["trained_on"]["protocol"] = "Else.SpeakerVerification.All"

    moved = changed(trained_once / "weights" / "0001.pt", tmp_path / "moved.pt", elsewhere)
    line = sentence(run(moved, TINY, "--subset=dev", "--snorm"))
    assert "what the model was trained on" in line
    assert "Else.SpeakerVerification.All" in line
    assert "--cohort" in line


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("dev0/0 dev0 extra\n", "line 1: expected 'uri speaker'"),
        ("", "is empty"),
        ("dev0/0 dev0\n", "No speaker is given for 'dev0/1' and 10 other"),
        (None, "Cannot read"),
        ("".join(f"dev{k}/{n} one\n" for k in range(4) for n in range(3)), "mend one of"),
    ],
    ids=["malformed", "empty", "lacking", "missing", "contradicting"],
)
def test_speakers_that_do_not_fit_are_named(
    trained_once: Path, tmp_path: Path, content: str | None, expected: str
) -> None:
    path = tmp_path / "utt2spk"
    if content is not None:
        path.write_text(content)
    name = "Tiny.SpeakerVerification.NoAnnotation"
    line = sentence(run(trained_once, name, "--subset=dev", f"--speakers={path}"))
    assert expected in line
    assert str(path) in line


def test_an_output_that_cannot_be_written_is_named_before_work(
    trained_once: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    for output in ("file", "file/below"):
        result = run(trained_once, TINY, "--subset=dev", f"--output={tmp_path / output}")
        assert "--output" in sentence(result)
        assert "embed" not in result.stdout
    assert (tmp_path / "file").read_text() == "mine"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A protocol of its own to spoil: two speakers, two recordings each, all pairs."""
    rng = np.random.default_rng(0)
    uris = ["a1", "a2", "b1", "b2"]
    for uri in uris:
        soundfile.write(tmp_path / f"{uri}.wav", 0.1 * rng.standard_normal(16000), 16000)
    (tmp_path / "test.lst").write_text("".join(f"{uri}\n" for uri in uris))
    (tmp_path / "test.trial").write_text(
        "".join(f"{int(x[0] == y[0])} {x} {y}\n" for x in uris for y in uris if x < y)
    )
    subset = {"uri": str(tmp_path / "test.lst"), "trial": str(tmp_path / "test.trial")}
    protocols = {"SpeakerVerification": {"All": {"scope": "global", "test": subset}}}
    name = f"Corpus{abs(hash(tmp_path))}"
    content = {
        "Databases": {name: f"{tmp_path}/{{uri}}.wav"},
        "Protocols": {name: protocols},
    }
    (tmp_path / "database.yml").write_text(yaml.safe_dump(content))
    return tmp_path


def evaluate_corpus(corpus: Path, model: Path) -> Result:
    (name,) = yaml.safe_load((corpus / "database.yml").read_text())["Protocols"]
    registry = f"--registry={corpus / 'database.yml'}"
    output = f"--output={corpus / 'out'}"
    return run(model, f"{name}.SpeakerVerification.All", registry, output)


def test_the_corpus_is_fine_before_it_is_spoilt(corpus: Path, trained_once: Path) -> None:
    assert evaluate_corpus(corpus, trained_once).exit_code == 0


@pytest.mark.parametrize("label", [0, 1])
def test_trials_of_one_class_are_named(corpus: Path, trained_once: Path, label: int) -> None:
    lines = (corpus / "test.trial").read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.startswith(str(label))]
    (corpus / "test.trial").write_text("".join(kept))
    assert "an error rate needs both" in sentence(evaluate_corpus(corpus, trained_once))
    assert not (corpus / "out").exists()


def test_a_truncated_recording_is_named(corpus: Path, trained_once: Path) -> None:
    content = (corpus / "b1.wav").read_bytes()
    (corpus / "b1.wav").write_bytes(content[:1000])
    assert "b1.wav" in sentence(evaluate_corpus(corpus, trained_once))
    assert not (corpus / "out").exists()


def test_a_trial_of_an_unknown_file_is_named(corpus: Path, trained_once: Path) -> None:
    with (corpus / "test.trial").open("a") as trials:
        trials.write("0 a1 c9\n")
    assert "c9" in sentence(evaluate_corpus(corpus, trained_once))


def test_a_model_of_something_else_is_named(trained_once: Path, tmp_path: Path) -> None:
    from pyannote.audio.core.task import Problem

    def segment(checkpoint) -> None:
        checkpoint["pyannote.audio"]["specifications"].problem = Problem.MULTI_LABEL_CLASSIFICATION

    other = changed(trained_once / "weights" / "0001.pt", tmp_path / "other.pt", segment)
    line = sentence(run(other, TINY, "--subset=dev"))
    assert "a model for multi label classification" in line
