"""Distributed training: two gloo processes on one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pyannote_ge2e.data.trials.trials import trial_index
from pyannote_ge2e.metrics import equal_error_rate
from pyannote_ge2e.tasks.embedding import embed_files


def test_ranks_differ_in_batches_and_agree_in_weights_and_error_rate(tiny_protocol, tmp_path, ge2e):
    script = Path(__file__).with_name("two_processes.py")
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            str(script),
            str(tiny_protocol.database_yml),
            tiny_protocol.name,
            str(tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"rank{k}.json").read_text()) for k in range(2))
    # Five batches over two processes are three for each.
    assert len(first["batches"]) == len(second["batches"]) == 2 * 3
    assert len(set(first["batches"] + second["batches"])) == 2 * 2 * 3
    assert first["weights"] == second["weights"]
    assert first["equal_error_rate"] == second["equal_error_rate"]
    assert first["index"] == second["index"]
    assert not Path(first["index"]).exists()

    from pyannote_ge2e import SincNetLSTM

    task = ge2e(tiny_protocol.name)
    model = SincNetLSTM(lstm={"hidden_size": 16, "num_layers": 1}, dimension=8)
    state = torch.load(tmp_path / "weights.pt")
    model.load_state_dict(
        {name: value for name, value in state.items() if not name.startswith("loss_func.")}
    )
    trials = trial_index(task.protocol)
    embeddings = embed_files(model, trials, duration=0.6)
    scores = (embeddings[trials.trials[:, 0]] * embeddings[trials.trials[:, 1]]).sum(axis=1)
    assert first["equal_error_rate"] == pytest.approx(
        equal_error_rate(scores, trials.labels), abs=1e-6
    )
