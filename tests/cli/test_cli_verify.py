"""The words of verify, enroll, identify, embed, export and publish."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

import pyannote_ge2e
from pyannote_ge2e.cli.app import app

COMMANDS = ["verify", "calibrate", "enroll", "identify", "speakers", "embed", "export", "publish"]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["emb", *words], env={"COLUMNS": "200", "NO_COLOR": "1"})


def test_neither_help_nor_the_package_imports_torch_or_numpy() -> None:
    code = (
        "import sys, pyannote_ge2e\n"
        "from pyannote_ge2e.cli import main\n"
        f"for command in {COMMANDS}:\n"
        "    sys.argv = ['pyannote-ge2e', 'emb', command, '--help']\n"
        "    try: main()\n"
        "    except SystemExit as end: assert end.code == 0, command\n"
        "assert not {'torch', 'numpy', 'yaml', 'safetensors'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["embed", "enroll", "identify", "verify"])
def test_functions_of_the_same_names_are_imported_on_first_use(name: str) -> None:
    assert getattr(pyannote_ge2e, name).__name__ == name


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("verify a b --threshold high", "'high' is not a number, such as 0.5."),
        ("verify a b --threshold nan", "'nan' is not a number, such as 0.5."),
        ("identify a --threshold inf", "'inf' is not a number, such as 0.5."),
        ("verify a b --prior 2", "'2' is not a number between 0 and 1."),
        ("verify --enrol --test b", "give two recordings"),
        ("verify a b --device gpu", "'gpu' is not one of auto, cpu, cuda"),
        ("verify a b --gpu --cpu", "contradict each other"),
        ("calibrate ge2e", "Missing argument"),
        ("enroll alice", "Missing argument"),
        ("identify", "Missing argument"),
        ("identify a --top 0", "--top"),
        ("embed folder", "--output"),
        ("embed folder -o out.npz --window 0", "'0' is not a number greater than 0."),
        ("export ge2e -o x", "--to"),
        ("export ge2e --to tflite -o x", "'tflite' is not one of"),
        ("publish ge2e", "Missing argument"),
    ],
)
def test_wrong_words_are_named_before_anything_starts(words: str, sentence: str) -> None:
    result = run(*words.split())
    assert result.exit_code == 2
    assert sentence in result.stderr
