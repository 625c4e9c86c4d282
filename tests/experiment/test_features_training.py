"""Training from stored log-mel energies is training from audio."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pyannote.audio import Inference, Model

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.apply import apply
from pyannote_ge2e.experiment.evaluate import evaluate
from pyannote_ge2e.experiment.features import features
from pyannote_ge2e.experiment.layout import TrainFolder, read_yaml
from pyannote_ge2e.experiment.train import train
from pyannote_ge2e.experiment.validate import validate

CONFIG = {
    "architecture": {
        "name": "MelLSTM",
        "params": {
            "mel": {"num_mels": 24, "stack": 3},
            "lstm": {"hidden_size": 8, "num_layers": 2, "proj_size": 0, "dropout": 0.2},
            "pooling": "stats",
            "dimension": 8,
        },
    },
    "task": {
        "name": "GE2E",
        "params": {
            "duration": 0.6,
            "min_duration": 0.4,
            "step": 0.5,
            "num_classes_per_batch": 4,
            "num_chunks_per_class": 3,
            "batches_per_epoch": 4,
        },
    },
    "optimizer": {"name": "Adam", "params": {"lr": 0.01}},
}


def experiment(root: Path, **sections) -> Path:
    """Folder of an experiment whose config.yml has other sections."""
    root.mkdir(parents=True)
    config = {key: value for key, value in {**CONFIG, **sections}.items() if value is not None}
    (root / "config.yml").write_text(yaml.safe_dump(config))
    return root


def precomputed(path: Path, **params) -> dict:
    return {"name": "Precomputed", "params": {"path": str(path), **params}}


@pytest.fixture(scope="module")
def stored(tmp_path_factory, tiny_protocol) -> Path:
    """Log-mel energies of the tiny protocol, in float32."""
    root = tmp_path_factory.mktemp("features")
    return features(
        experiment(root / "experiment"), tiny_protocol.name, root / "stored", dtype="float32"
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory, tiny_protocol, stored) -> tuple[Path, Path]:
    """Runs of two epochs: from audio cut on the frame grid, and from stored features."""
    root = tmp_path_factory.mktemp("both")
    task = {**CONFIG["task"], "params": {**CONFIG["task"]["params"], "frame_grid": True}}
    runs = []
    for folder in (
        experiment(root / "audio", task=task),
        experiment(root / "features", feature_extraction=precomputed(stored)),
    ):
        runs.append(train(folder, tiny_protocol.name, to_epoch=2, parallel=0, device="cpu"))
    return runs[0], runs[1]


def losses(run: Path) -> list[float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run)).Reload()
    return [event.value for event in events.Scalars("loss/train")]


def test_losses_and_weights_are_those_of_training_from_audio(both):
    audio, features = both
    np.testing.assert_allclose(losses(features), losses(audio), rtol=1e-5)
    assert len(losses(audio)) == 2
    checkpoints = [load_checkpoint(TrainFolder(run).weights_of(2)) for run in both]
    first, second = (checkpoint["state_dict"] for checkpoint in checkpoints)
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-4, rtol=1e-4, msg=name)
    for checkpoint in checkpoints:
        assert checkpoint["pyannote.audio"]["specifications"].duration == 0.6
        assert checkpoint["pyannote.audio"]["specifications"].min_duration == 0.4


def test_weights_learned_from_features_take_audio_in_plain_pyannote(both, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).normal(size=16000), 16000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Model.from_pretrained(TrainFolder(both[1]).weights_of(2))
    assert model.hparams["mel"]["num_mels"] == 24
    embedding = Inference(model.eval(), window="whole")(tmp_path / "a.wav")
    assert embedding.shape == (8,)
    other = Inference(Model.from_pretrained(TrainFolder(both[0]).weights_of(2)).eval(), "whole")
    np.testing.assert_allclose(embedding, other(tmp_path / "a.wav"), atol=1e-3)
