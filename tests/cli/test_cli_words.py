"""What is typed becomes a call; what goes wrong becomes a sentence and an exit status."""

from __future__ import annotations

import errno
import inspect
import io
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner, Result

from pyannote_ge2e.cli.app import app
from pyannote_ge2e.cli.failures import in_one_sentence
from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.data.synthetic.corpus import make_corpus
from pyannote_ge2e.errors import UserError

PROTOCOL = "VoxCeleb.SpeakerVerification.VoxCeleb2"
COMMANDS = ["train", "validate", "apply"]
# Command lines that come to import pyannote.audio.
PYANNOTES = [
    *(["emb", command, "experiment", PROTOCOL] for command in COMMANDS),
    ["emb", "import", "weights.pt"],
    ["demo"],
]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words, env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Collects the calls that commands make, in place of carrying them out."""
    calls: list[dict] = []
    for name in [*COMMANDS, "demo"]:
        stand_in = ModuleType(name)

        def record(*args, **kwargs):
            calls.append({"args": args} | kwargs)

        setattr(stand_in, name, record)
        monkeypatch.setitem(sys.modules, f"pyannote_ge2e.experiment.{name}", stand_in)
    return calls


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Makes `emb train` fail in a given way."""

    def make(error: BaseException) -> None:
        stand_in = ModuleType("train")

        def train(*args, **kwargs):
            raise error

        stand_in.train = train
        monkeypatch.setitem(sys.modules, "pyannote_ge2e.experiment.train", stand_in)

    return make


# Each command in turn: importing what they need takes seconds.
OURS = (
    "import sys\n"
    "from pyannote_ge2e.cli import main\n"
    f"for sys.argv[1:] in {PYANNOTES}:\n"
    "    try: main()\n"
    "    except SystemExit as end: print(end.code)\n"
)
# What the start-up line and upstream's script do, whatever the command.
UPSTREAMS = (
    "import sys; sys.argv[0] = '/usr/bin/pyannote-audio'\n"
    "from pyannote_ge2e import startup; startup.install()\n"
    "try: from pyannote.audio.__main__ import app; app()\n"
    "except SystemExit as end: print(end.code)\n"
)


@pytest.mark.parametrize(
    ("script", "times"),
    [(OURS, len(PYANNOTES)), (UPSTREAMS, 1)],
    ids=["pyannote-ge2e", "pyannote-audio"],
)
def test_malformed_database_yml_of_the_current_folder_is_one_sentence(
    tmp_path: Path, script: str, times: int
):
    """pyannote.database loads it when it is imported, with a traceback of its own."""
    (tmp_path / "database.yml").write_text("Protocols:\n  A: [1\n")
    done = subprocess.run(
        [sys.executable, "-c", script, "emb", "train", "experiment", PROTOCOL],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "", "HOME": str(tmp_path)},
    )
    assert done.stdout == times * "1\n"
    lines = done.stderr.splitlines()
    assert len(lines) == times
    assert all(line.startswith("error: 'database.yml', line 3: ") for line in lines)


def test_help_imports_neither_torch_nor_numpy():
    code = (
        "import sys\n"
        "from pyannote_ge2e.cli import main\n"
        "emb = ['emb prepare', 'emb combine', 'emb train', 'emb validate', 'emb apply']\n"
        "for words in ['', 'demo', 'emb', *emb]:\n"
        "    sys.argv = ['pyannote-ge2e', *words.split(), '--help']\n"
        "    try: main()\n"
        "    except SystemExit as end: assert end.code == 0, words\n"
        "assert not {'torch', 'numpy', 'yaml', 'pyannote.audio'} & set(sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--pretrained" in result.stdout


def test_the_line_that_1x_users_typed(calls):
    result = run("emb", "train", "--parallel=10", "--gpu", "--to=1000", "models/AAM", PROTOCOL)
    assert result.exit_code == 0, result.output
    (call,) = calls
    assert call["args"] == (Path("models/AAM"), PROTOCOL)
    assert call["parallel"] == 10
    assert call["device"] == "cuda"
    assert call["to_epoch"] == 1000
    assert call["from_epoch"] == 0
    assert call["subset"] == "train"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train --parallel 10 --from last", {"parallel": 10, "from_epoch": "last"}),
        ("train --from=20 --keep 3 --seed 1", {"from_epoch": 20, "keep": 3, "seed": 1}),
        ("train --pretrained a/b:c --force", {"pretrained": "a/b:c", "force": True}),
        ("train --registry r.yml --debug", {"registry": Path("r.yml"), "debug": True}),
        ("train --subset dev", {"subset": "development"}),
        ("train --device cuda:1 --gpu", {"device": "cuda:1"}),
        ("train --cpu --precision bf16", {"device": "cpu", "precision": "bf16"}),
        ("train", {"device": "auto", "parallel": None, "seed": None, "force": False}),
        ("validate", {"subset": "development", "from_epoch": 1, "to_epoch": "last"}),
        ("validate --to=9 --every=3 --evergreen", {"to_epoch": 9, "every": 3, "evergreen": True}),
        ("validate --watch --batch 8", {"watch": True, "batch": 8}),
        ("validate --step=.5 --duration=3", {"step": 0.5, "duration": 3.0, "metric": "cosine"}),
        ("apply", {"subset": "test", "from_epoch": None, "step": 0.25, "batch": 32}),
        ("apply --from 7 --duration 1.5", {"from_epoch": 7, "duration": 1.5}),
    ],
)
def test_words_become_arguments(calls, words, expected):
    command, *options = words.split()
    result = run("emb", command, *options, "folder", PROTOCOL)
    assert result.exit_code == 0, result.output
    (call,) = calls
    assert call["args"] == (Path("folder"), PROTOCOL)
    assert {name: call[name] for name in expected} == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_the_functions_take_what_the_words_pass(calls, command, monkeypatch):
    run("emb", command, "folder", PROTOCOL)
    call = calls.pop()
    monkeypatch.undo()
    function = getattr(import_module(f"pyannote_ge2e.experiment.{command}"), command)
    inspect.signature(function).bind(*call.pop("args"), **call)


def test_prepare_ends_with_what_to_type_next(tmp_path):
    corpus = make_corpus(tmp_path / "voices", speakers=6, utterances=2)
    registry = tmp_path / "database.yml"
    words = ["--name", "Voices", "--registry", str(registry), "--trials=20", "--extension", "wav"]
    result = run("emb", "prepare", str(corpus), *words)
    assert result.exit_code == 0, result.output
    assert "Voices.SpeakerVerification.All" in result.stdout
    assert result.stdout.splitlines()[-2:] == [
        f"export PYANNOTE_DATABASE_CONFIG={registry}",
        "pyannote-audio emb train models/GE2E Voices.SpeakerVerification.All",
    ]
    assert "Voices" in registry.read_text()


def test_words_of_prepare_become_arguments(tmp_path, monkeypatch):
    passed = []
    monkeypatch.setattr(
        "pyannote_ge2e.data.prepare.run.prepare",
        lambda *args, **options: passed.append((args, options)) or stop(),
    )

    def stop():
        raise UserError("That is enough.")

    def arguments(words):
        result = run("emb", "prepare", *words.split())
        assert result.stderr == "error: That is enough.\n", result.output
        return passed.pop()

    args, options = arguments("a")
    assert args == ([Path("a")], None, Path("database.yml"))
    inspect.signature(prepare).bind(*args, **options)
    assert options["trials"] == 20_000
    assert (options["extensions"], options["ratios"], options["layout"]) == (None, None, "auto")
    args, options = arguments("a b --layout voxceleb --trial-list O --trial-list E --genders g")
    assert args[0] == [Path("a"), Path("b")]
    assert options["trial_lists"] == [Path("O"), Path("E")]
    assert (options["layout"], options["genders"]) == ("voxceleb", Path("g"))
    for words in ("--extensions wav,flac", "--extension wav --extension flac"):
        assert arguments(f"a {words}")[1]["extensions"] == ["wav", "flac"]
    for words, trials in {
        "--trials all": "all",
        "--targets 5": (5, 5),
        "--non-targets 7": (7, 7),
        "--targets 5 --non-targets 9": (5, 9),
    }.items():
        assert arguments(f"a {words}")[1]["trials"] == trials
    _, options = arguments(
        "a --same-gender --min-utterances 3 --min-seconds 1.5 --data-ratio .5 --split .5,.2,.3 "
        "--jobs 2 --seed 9"
    )
    expected = {"min_utterances": 3, "min_seconds": 1.5, "data_ratio": 0.5, "seed": 9, "threads": 2}
    assert {key: options[key] for key in expected} == expected
    assert (options["same_gender"], options["ratios"]) == (True, (0.5, 0.2, 0.3))


def test_prepare_says_in_a_sentence_that_there_is_nothing(tmp_path):
    result = run("emb", "prepare", str(tmp_path), "--name", "Voices")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert str(tmp_path) in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_names_that_the_terminal_cannot_show_are_spelled_out(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    in_one_sentence(lambda: print("İpek"))()
    assert terminal.buffer.getvalue() == b"\\u0130pek\n"


def test_demo(calls):
    assert run("demo", "--output", "there", "--seed", "3").exit_code == 0
    assert calls == [{"args": (Path("there"),), "seed": 3, "force": False}]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("emb prepare a --trials=none", "'none' is neither a number of trials, from 2, nor 'all'."),
        ("emb prepare a --trials=5 --targets=2", "--trials counts both"),
        ("emb prepare a --split=.8,.2", "'.8,.2' is not three shares"),
        ("emb prepare a --min-utterances=0", "--min-utterances"),
        ("emb prepare", "Missing argument"),
        ("emb combine Both", "Missing argument"),
        ("emb train models/AAM", "Missing argument"),
        ("emb train a b --paralel=10", "--parallel"),
        ("emb train a b --from=soon", "'soon' is neither the number of an epoch nor 'last'."),
        ("emb train a b --from=-1", "'-1' is neither the number of an epoch nor 'last'."),
        ("emb train a b --to=0", "--to"),
        ("emb train a b --parallel=-1", "--parallel"),
        ("emb train a b --subset=dve", "'dve' is not one of train, development, test."),
        ("emb train a b --device=gpu", "'gpu' is not one of auto, cpu, cuda, cuda:1, mps."),
        ("emb train a b --gpu --cpu", "contradict each other"),
        ("emb train a b --gpu --device=cpu", "contradict each other"),
        ("emb validate a b --step=0", "'0' is not a number greater than 0."),
        ("emb validate a b --duration=long", "'long' is not a number greater than 0."),
        ("emb validate a b --duration=nan", "'nan' is not a number greater than 0."),
        ("emb apply a b --from=best", "--from"),
        ("emb trian a b", "trian"),
    ],
)
def test_wrong_words_are_named_before_anything_starts(calls, words, sentence):
    result = run(*words.split())
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not calls


def test_user_errors_are_one_line_on_stderr(failing):
    failing(UserError("No config.yml in 'models/AAM': write one."))
    result = run("emb", "train", "models/AAM", PROTOCOL)
    assert result.exit_code == 1
    assert result.stderr == "error: No config.yml in 'models/AAM': write one.\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "models/AAM/train"),
            "error: models/AAM/train: Permission denied.\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "error: No space left on device, while working on 'models/AAM'.\n",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "0001.pt.part", None, "0001.pt"),
            "error: 0001.pt.part -> 0001.pt: Read-only file system.\n",
        ),
    ],
)
def test_errors_of_the_system_name_the_path(failing, error, sentence):
    failing(error)
    result = run("emb", "train", "models/AAM", PROTOCOL)
    assert result.exit_code == 1
    assert result.stderr == sentence


def test_debug_shows_the_traceback(failing):
    failing(UserError("No config.yml."))
    result = run("emb", "train", "--debug", "models/AAM", PROTOCOL)
    assert isinstance(result.exception, UserError)


def test_bugs_show_their_traceback(failing):
    failing(RuntimeError("a bug"))
    result = run("emb", "train", "models/AAM", PROTOCOL)
    assert isinstance(result.exception, RuntimeError)


@pytest.mark.parametrize("message", ["Resume with --from=last.", ""])
def test_interrupting_is_130_and_one_sentence(failing, message):
    failing(KeyboardInterrupt(message))
    result = run("emb", "train", "models/AAM", PROTOCOL)
    assert result.exit_code == 130
    assert result.stderr == f"{message or 'Interrupted.'}\n"


@pytest.mark.parametrize("lines", [1, 100_000], ids=["a line", "more than a buffer"])
def test_a_reader_that_leaves_is_no_error(lines):
    code = (
        "import sys, types\n"
        "stand_in = types.ModuleType('train')\n"
        f"stand_in.train = lambda *args, **kwargs: print('line\\n' * {lines})\n"
        "sys.modules['pyannote_ge2e.experiment.train'] = stand_in\n"
        "sys.stdin.read()\n"
        "sys.argv = ['pyannote-ge2e', 'emb', 'train', 'a', 'b']\n"
        "from pyannote_ge2e.cli import main; main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


def test_the_version_is_that_of_the_package():
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.startswith("pyannote-ge2e ")
