"""The words of `emb evaluate`, read before anything is loaded."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner, Result

from pyannote_ge2e.cli.app import app
from pyannote_ge2e.cli.several import spelt_out

PROTOCOL = "VoxCeleb.SpeakerVerification.VoxCeleb1"


def run(*words: str) -> Result:
    typed = ["emb", "evaluate", *words]
    return CliRunner().invoke(app, typed, env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Collects the calls that the command makes, in place of carrying them out."""
    calls: list[dict] = []
    stand_in = ModuleType("evaluate")
    stand_in.evaluate = lambda *args, **kwargs: calls.append({"args": args} | kwargs)
    monkeypatch.setitem(sys.modules, "pyannote_ge2e.experiment.evaluate", stand_in)
    return calls


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {"subset": "test", "snorm": False, "p_targets": [0.01, 0.05], "ci": None}),
        ("", {"epoch": None, "top": None, "cohort": None, "output": None, "seed": 0}),
        ("--epoch 12", {"epoch": 12}),
        ("--epoch=last", {"epoch": "last"}),
        ("--snorm --cohort X.Y.Z.train --cohort-per-speaker --top 300", {"top": 300}),
        ("--snorm --cohort X.Y.Z.train", {"cohort": "X.Y.Z.train", "snorm": True}),
        ("--ci trial --level .9", {"ci": "trial", "level": 0.9}),
        ("--p-target .01 .05", {"p_targets": [0.01, 0.05]}),
        ("--p-target .01 .05 .5 --snorm", {"p_targets": [0.01, 0.05, 0.5], "snorm": True}),
        ("--p-target .01 --p-target .1", {"p_targets": [0.01, 0.1]}),
        ("--p-target=.01,.1", {"p_targets": [0.01, 0.1]}),
        ("--p-target .01,.1 .2", {"p_targets": [0.01, 0.1, 0.2]}),
        ("--calibrate dev --subset test", {"calibrate": "development", "subset": "test"}),
        ("--speakers utt2spk --output out", {"speakers": Path("utt2spk"), "output": Path("out")}),
        ("--resamples 200 --seed 5 --batch 8", {"resamples": 200, "seed": 5, "batch": 8}),
        ("--step=.5 --duration=3 --parallel=4", {"step": 0.5, "duration": 3.0, "parallel": 4}),
        ("--gpu --registry r.yml", {"device": "cuda", "registry": Path("r.yml")}),
    ],
)
def test_words_become_arguments(calls, words: str, expected: dict) -> None:
    for line in (f"models/A {words} -- {PROTOCOL}", f"models/A {PROTOCOL} {words}"):
        result = run(*line.split())
        assert result.exit_code == 0, result.output
        call = calls.pop()
        assert call["args"] == ("models/A", PROTOCOL)
        assert {name: call[name] for name in expected} == expected


def test_the_function_takes_what_the_words_pass(calls, monkeypatch) -> None:
    run("models/A", PROTOCOL)
    call = calls.pop()
    monkeypatch.undo()
    from pyannote_ge2e.experiment.evaluate import evaluate

    inspect.signature(evaluate).bind(*call.pop("args"), **call)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--top 0", "--top"),
        ("--p-target 0", "'0' is not a number between 0 and 1."),
        ("--p-target 1", "'1' is not a number between 0 and 1."),
        ("--p-target abc", "'abc' is not a number between 0 and 1."),
        ("--p-target nan", "'nan' is not a number between 0 and 1."),
        ("--p-target .01 2", "'2' is not a number between 0 and 1."),
        ("--p-target .01,", "'' is not a number between 0 and 1."),
        ("--p-target --snorm", "'--snorm' is not a number between 0 and 1."),
        ("--p-target", "--p-target"),
        ("--level 95", "'95' is not a number between 0 and 1."),
        ("--ci speakers", "--ci"),
        ("--calibrate tset", "'tset' is not one of train, development, test."),
        ("--epoch best", "'best' is neither the number of an epoch nor 'last'."),
        ("--resamples 0", "--resamples"),
        ("--gpu --cpu", "contradict each other"),
    ],
)
def test_wrong_words_are_named_before_anything_starts(calls, words: str, sentence: str) -> None:
    result = run("models/A", PROTOCOL, *words.split())
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not calls


@pytest.mark.parametrize(
    "line",
    ["a --top 3 b", "--p-targets .1", "a b -- --p-target .1 .2", "a .5 b .1 .2", ""],
)
def test_other_words_stay_as_they_are(line: str) -> None:
    assert list(spelt_out(line.split())) == line.split()


def test_help_is_instant() -> None:
    code = (
        "import sys\n"
        "from pyannote_ge2e.cli import main\n"
        "sys.argv = ['pyannote-ge2e', 'emb', 'evaluate', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'numpy', 'yaml', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200", "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert "--p-target .01 .05" in done.stdout
