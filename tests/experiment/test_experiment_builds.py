"""What config.yml asks for, built for a protocol and trained for a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from lightning import Trainer

from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import Experiment, read_config

MODELS = Path(__file__).parents[2] / "models"


def configure(**sections) -> dict:
    params = {"lstm": {"hidden_size": 8, "num_layers": 1, "proj_size": 0}, "dimension": 4}
    task = {
        "duration": 0.5,
        "num_classes_per_batch": 3,
        "num_chunks_per_class": 2,
        "batches_per_epoch": 4,
    }
    return {
        "architecture": {"name": "MelLSTM", "params": {**params, "pooling": "mean"}},
        "task": {"name": "GE2E", "params": task},
        **sections,
    }


def build(config: dict, protocol: str):
    experiment = Experiment.from_config(config)
    task = experiment.build_task(load_protocol(protocol), seed=0, num_workers=0, cache=None)
    return experiment, task, experiment.build_model(task)


def fit(config: dict, protocol: str, tmp_path: Path, max_epochs: int = 2) -> Trainer:
    experiment, task, model = build(config, protocol)
    for name in experiment.freeze:
        model.freeze_by_name(name)
    model.configure_optimizers = lambda: experiment.configure_optimizers(model, task)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        callbacks=experiment.build_callbacks(),
        gradient_clip_val=experiment.gradient_clip,
        default_root_dir=tmp_path,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(model)
    return trainer


def rates(trainer: Trainer) -> list[float]:
    return [group["lr"] for group in trainer.optimizers[0].param_groups]


@pytest.mark.parametrize("path", sorted(MODELS.glob("*/config.yml")), ids=lambda p: p.parent.name)
def test_every_published_experiment_trains(path, tiny_protocol, tmp_path):
    config = read_config(path)
    config["task"]["params"].update(
        num_classes_per_batch=2, num_chunks_per_class=2, batches_per_epoch=1
    )
    trainer = fit(config, tiny_protocol.name, tmp_path, max_epochs=1)
    assert trainer.callback_metrics["loss/train"].isfinite()
    trained = [p for group in trainer.optimizers[0].param_groups for p in group["params"]]
    assert len(trained) == len(list(trainer.model.parameters()))


def test_scales_are_learning_rates_for_adam(tiny_protocol, tmp_path):
    section = {"params": {"learning_rate": 0.01}}
    trainer = fit(configure(scheduler=section), tiny_protocol.name, tmp_path)
    assert sorted(rates(trainer)) == pytest.approx([0.0001, 0.005, 0.01])


def test_warm_up_and_halving_count_the_batches_of_an_epoch(tiny_protocol, tmp_path):
    section = {
        "name": "Halving",
        "params": {"learning_rate": 1e-3, "warmup_epochs": 1, "every": 2},
    }
    trainer = fit(configure(scheduler=section), tiny_protocol.name, tmp_path)
    stairs = trainer.lr_scheduler_configs[0].scheduler.lr_lambdas[0]
    assert (stairs.warmup, stairs.every) == (4, 8)
    assert max(rates(trainer)) == pytest.approx(0.5e-3)


def test_one_cycle_spans_the_whole_training(tiny_protocol, tmp_path):
    section = {"name": "OneCycleLR", "params": {"learning_rate": 1e-3}}
    trainer = fit(configure(scheduler=section), tiny_protocol.name, tmp_path)
    assert trainer.lr_scheduler_configs[0].scheduler.total_steps == 8
    assert [group["max_lr"] for group in trainer.optimizers[0].param_groups] == pytest.approx(
        [1e-3, 0.5e-3, 1e-5]
    )


@pytest.mark.parametrize(
    ("which", "monitor"), [("name", "equal_error_rate"), ("no_development", "loss/train")]
)
def test_plateau_is_left_to_whoever_saves(tiny_protocol, tmp_path, which, monitor):
    section = {"name": "ReduceLROnPlateau", "params": {"patience": 0, "learning_rate": 1e-3}}
    trainer = fit(configure(scheduler=section), getattr(tiny_protocol, which), tmp_path)
    (schedule,) = trainer.lr_scheduler_configs
    assert schedule.monitor == monitor
    assert monitor in trainer.callback_metrics
    assert schedule.scheduler.last_epoch == 0  # Lightning never stepped it


def test_frozen_modules_do_not_learn(tiny_protocol, tmp_path):
    trainer = fit(configure(freeze=["lstm"]), tiny_protocol.name, tmp_path, max_epochs=1)
    frozen = {id(parameter) for parameter in trainer.model.lstm.parameters()}
    groups = trainer.optimizers[0].param_groups
    assert not frozen & {id(parameter) for group in groups for parameter in group["params"]}


def test_the_published_task_and_architecture_train(tiny_protocol, tmp_path):
    noise = tmp_path / "noise"
    noise.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(noise / "hiss.wav", 0.1 * rng.standard_normal(16000), 16000)
    params = {"margin": 0.05, "s": 10, "duration": 1.0, "per_fold": 4, "per_label": 2}
    config = {
        "data_augmentation": {"name": "AddNoise", "params": {"collection": str(noise)}},
        "architecture": {
            "name": "pyannote.audio.models.SincTDNN",
            "params": {"sincnet": {"stride": [20, 1, 1]}, "tdnn": {"embedding_dim": 16}},
        },
        "task": {"name": "AdditiveAngularMarginLoss", "params": {**params, "per_epoch": 1e-4}},
        "scheduler": {"name": "ConstantScheduler", "params": {"learning_rate": 0.01}},
    }
    trainer = fit(config, tiny_protocol.name, tmp_path, max_epochs=1)
    assert trainer.global_step == 2  # 8.64 s of audio, 8 s a batch
    assert type(trainer.optimizers[0]).__name__ == "SGD"
    assert trainer.callback_metrics["loss/train"].isfinite()


def test_what_the_task_refuses_is_named_with_its_line(tiny_protocol, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(
        "architecture: {name: MelLSTM}\n"
        "task:\n"
        "  name: GE2E\n"
        "  params:\n"
        "    duration: 1.0\n"
        "    per_label: 1\n"
    )
    experiment = Experiment.from_config(read_config(path), path)
    protocol = load_protocol(tiny_protocol.name)
    with pytest.raises(UserError, match=r"config\.yml', line 6: task GE2E: num_chunks_per_class"):
        experiment.build_task(protocol, seed=0, num_workers=0, cache=None)
