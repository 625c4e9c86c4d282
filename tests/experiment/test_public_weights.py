"""Weights of public projects fine-tune and evaluate like our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn
from typer.testing import CliRunner

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.experiment.train import train
from pyannote_ge2e.interop.public import import_public, save_public


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint with the layout of HarryVolek's kin, w and b included, imported."""
    folder = tmp_path_factory.mktemp("public")
    torch.manual_seed(0)
    network = nn.ModuleDict({"LSTM_stack": nn.LSTM(40, 12, 2), "projection": nn.Linear(12, 8)})
    loss = {"w": torch.tensor(7.0), "b": torch.tensor(-3.0)}
    theirs = {"speech_embedder": network.state_dict(), "ge2e_loss": loss}
    torch.save(theirs, folder / "theirs.pt")
    save_public(import_public(folder / "theirs.pt"), folder / "weights.pt")
    return folder / "weights.pt"


def test_public_weights_are_fine_tuned_from_their_own_w_and_b(
    public: Path, tmp_path: Path, tiny_protocol
) -> None:
    root = tmp_path / "tuned"
    root.mkdir()
    task = {"num_classes_per_batch": 4, "num_chunks_per_class": 2, "batches_per_epoch": 2}
    config = {"task": {"name": "GE2E", "params": {"duration": 0.5, **task}}}
    (root / "config.yml").write_text(yaml.safe_dump(config))
    folder = train(
        root,
        tiny_protocol.no_development,
        pretrained=str(public),
        to_epoch=1,
        parallel=0,
        device="cpu",
    )
    source, start, end = map(
        load_checkpoint, (public, folder / "weights" / "0000.pt", folder / "weights" / "0001.pt")
    )
    assert start["pyannote.audio"]["loss"]["loss_func.w"] == 7.0
    assert start["pyannote.audio"]["loss"]["loss_func.b"] == -3.0
    for name, value in source["state_dict"].items():
        assert torch.equal(start["state_dict"][name], value), name
        assert torch.equal(end["state_dict"][name], value) == name.startswith("mel."), name
    assert end["hyper_parameters"]["recipe"] == "harryvolek"


def test_public_weights_are_evaluated(public: Path, tmp_path: Path, tiny_protocol) -> None:
    words = ["emb", "evaluate", public, tiny_protocol.name, f"--output={tmp_path / 'out'}"]
    words += ["--subset=development", "--parallel=0", "--cpu", "--resamples=50"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["scorings"]["raw"]["equal_error_rate"]["value"] < 0.3  # of hums, far apart
