from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.experiment.train import train


@pytest.mark.parametrize("parallel", [0, 2])
def test_ctrl_c_in_mid_epoch_keeps_the_weights_and_says_how_to_go_on(
    experiment: Path, tiny_protocol, parallel: int
) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["task"]["params"]["batches_per_epoch"] = 20
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    command = [
        *(sys.executable, "-c", "from pyannote_ge2e.cli import main; main()"),
        *("emb", "train", experiment, tiny_protocol.no_development, "--to=100000"),
        *(f"--parallel={parallel}", f"--registry={tiny_protocol.database_yml}", "--cpu"),
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
    assert "--from=last" in errors
    assert "Traceback" not in errors
    files = sorted(weights.iterdir())
    assert all(path.suffix == ".pt" for path in files)
    assert str(files[-1]) in errors
    for path in files:
        load_model(path)


def test_ctrl_c_before_the_first_epoch_ends_says_that_nothing_was_saved(
    experiment: Path, tiny_protocol
) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["task"]["params"]["batches_per_epoch"] = 1_000_000
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    script = (
        "import os, signal, sys, threading\n"
        "from pyannote_ge2e.experiment import progress\n"
        "from pyannote_ge2e.cli import main\n"
        "class Interrupting(progress.TrainProgress):\n"
        "    def on_train_batch_end(self, *args):\n"
        "        super().on_train_batch_end(*args)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "from pyannote_ge2e.experiment import train\n"
        "train.TrainProgress = Interrupting\n"
        "main()\n"
    )
    process = subprocess.run(
        [
            *(sys.executable, "-c", script, "emb", "train", experiment),
            *(tiny_protocol.no_development, "--parallel=0", "--cpu"),
            f"--registry={tiny_protocol.database_yml}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 130
    assert "nothing was saved" in process.stderr


def test_training_that_fails_leaves_ctrl_c_as_it_was(experiment: Path, tiny_protocol) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["callbacks"] = [{"name": "EarlyStopping", "params": {"monitor": "nothing"}}]
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in signals]
    with pytest.raises(Exception, match="nothing"):
        train(experiment, tiny_protocol.no_development, to_epoch=2, parallel=0, device="cpu")
    assert [signal.getsignal(number) for number in signals] == before
