from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.experiment.progress import TrainProgress
from pyannote_ge2e.experiment.train import train


def make_epochs_long(experiment: Path, batches: int) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["task"]["params"]["batches_per_epoch"] = batches
    (experiment / "config.yml").write_text(yaml.safe_dump(config))


def test_ctrl_c_reaches_workers_too_and_the_weights_are_kept(
    experiment: Path, tiny_protocol
) -> None:
    make_epochs_long(experiment, 20)
    command = [
        *(sys.executable, "-c", "from pyannote_ge2e.cli import main; main()"),
        *("emb", "train", experiment, tiny_protocol.no_development, "--to=100000"),
        *("--parallel=2", f"--registry={tiny_protocol.database_yml}", "--cpu"),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A group of its own: a terminal sends Ctrl-C to workers too.
        start_new_session=True,
    )
    weights = experiment / "train" / f"{tiny_protocol.no_development}.train" / "weights"
    deadline = time.monotonic() + 120
    while not (weights / "0002.pt").is_file() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    check_kept(weights, errors)


def check_kept(weights: Path, errors: str) -> None:
    """Weights are whole, and what is said names the newest of them."""
    assert "--from=last" in errors
    assert "Traceback" not in errors
    files = sorted(weights.iterdir())
    assert all(path.suffix == ".pt" for path in files)
    assert str(files[-1]) in errors
    for path in files:
        load_model(path)


@pytest.fixture
def interrupted_at(
    experiment: Path, tiny_protocol, monkeypatch: pytest.MonkeyPatch, ctrl_c: Callable[[], None]
) -> Callable[[int], Result]:
    """Train with Ctrl-C after so many batches."""

    def run(batch: int) -> Result:
        class Interrupting(TrainProgress):
            def on_train_batch_end(self, trainer, *args):
                super().on_train_batch_end(trainer, *args)
                if trainer.global_step == batch:
                    ctrl_c()

        # The module goes by the same name as its function: `import ... as` would find that.
        module = sys.modules[train.__module__]
        monkeypatch.setattr(module, "TrainProgress", Interrupting)
        words = ("emb", "train", experiment, tiny_protocol.no_development, "--to=9")
        words += ("--parallel=0", "--cpu", f"--registry={tiny_protocol.database_yml}")
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


def test_ctrl_c_in_mid_epoch_keeps_the_weights_and_says_how_to_go_on(
    experiment: Path, tiny_protocol, interrupted_at
) -> None:
    make_epochs_long(experiment, 4)
    result = interrupted_at(10)
    assert result.exit_code == 130
    weights = experiment / "train" / f"{tiny_protocol.no_development}.train" / "weights"
    assert [path.name for path in sorted(weights.iterdir())] == ["0001.pt", "0002.pt"]
    check_kept(weights, result.stderr)


def test_ctrl_c_before_the_first_epoch_ends_says_that_nothing_was_saved(
    experiment: Path, interrupted_at
) -> None:
    make_epochs_long(experiment, 1_000_000)
    result = interrupted_at(1)
    assert result.exit_code == 130
    assert "nothing was saved" in result.stderr


def test_training_that_fails_leaves_ctrl_c_as_it_was(experiment: Path, tiny_protocol) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["callbacks"] = [{"name": "EarlyStopping", "params": {"monitor": "nothing"}}]
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in signals]
    with pytest.raises(Exception, match="nothing"):
        train(experiment, tiny_protocol.no_development, to_epoch=2, parallel=0, device="cpu")
    assert [signal.getsignal(number) for number in signals] == before
