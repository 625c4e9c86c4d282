"""A very small experiment to train on the tiny protocol."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import yaml
from evaluations import evaluation

CONFIG = {
    "architecture": {
        "name": "MelLSTM",
        "params": {
            "mel": {"stack": 3},
            "lstm": {"hidden_size": 8, "num_layers": 2, "proj_size": 0, "dropout": 0.2},
            "pooling": "stats",
            "dimension": 8,
        },
    },
    "task": {
        "name": "GE2E",
        "params": {
            "duration": 0.5,
            "num_classes_per_batch": 4,
            "num_chunks_per_class": 2,
            "batches_per_epoch": 3,
        },
    },
    "optimizer": {"name": "Adam"},
    "scheduler": {"name": "Step", "params": {"learning_rate": 0.01, "every": 2, "gamma": 0.5}},
}


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Folder of an experiment, with its config.yml."""
    root = tmp_path / "experiment"
    root.mkdir()
    (root / "config.yml").write_text(yaml.safe_dump(CONFIG))
    return root


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, tiny_protocol) -> Path:
    """A run of three epochs on the tiny protocol, validated: to read, not to change."""
    from pyannote_ge2e.experiment.train import train
    from pyannote_ge2e.experiment.validate import validate

    root = tmp_path_factory.mktemp("trained") / "experiment"
    root.mkdir()
    (root / "config.yml").write_text(yaml.safe_dump(CONFIG))
    run = train(root, tiny_protocol.name, to_epoch=3, parallel=0, device="cpu")
    validate(run, tiny_protocol.name, parallel=0, device="cpu")
    return run


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, tiny_protocol, trained_once: Path) -> dict:
    """That run evaluated with all that there is to ask for: to read, not to change."""
    words = ("--snorm", "--p-target", ".01", ".3", "--calibrate=train", "--level=.9", "--seed=3")
    folder = tmp_path_factory.mktemp("evaluated") / "out"
    return evaluation(folder, trained_once, tiny_protocol.name, *words)


@pytest.fixture
def evaluate(tiny_protocol, trained_once: Path, tmp_path: Path) -> Callable[..., dict]:
    """Evaluate that run on the development trials, to a folder of the test's own."""

    def evaluate(*words: object, what: object = trained_once, to: str = "out") -> dict:
        return evaluation(tmp_path / to, what, tiny_protocol.name, *words)

    return evaluate


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic speakers, three utterances each: to read, not to change."""
    from pyannote_ge2e.data.synthetic.corpus import make_corpus

    return make_corpus(tmp_path_factory.mktemp("heard") / "voices", speakers=3, utterances=3)


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint of a small untrained model, which hears differences all the same."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications

    from pyannote_ge2e.architectures import MelLSTM
    from pyannote_ge2e.interop.exports.forms import stripped

    torch.manual_seed(0)
    lstm = {"hidden_size": 16, "num_layers": 1, "proj_size": 0}
    model = MelLSTM(mel={"stack": 3}, lstm=lstm, pooling="stats", dimension=12)
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=1.0
    )
    path = tmp_path_factory.mktemp("weights") / "small.pt"
    torch.save(stripped(model), path)
    return path


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """What to write within: no file may grow beyond 100 bytes."""

    @contextmanager
    def full() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            yield resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full
