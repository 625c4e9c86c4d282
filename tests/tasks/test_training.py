"""Tasks train real models on real files, with Lightning's own trainer."""

from __future__ import annotations

import logging
import multiprocessing

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from pyannote.audio.core.task import Problem, Resolution
from pyannote.audio.models.embedding import XVectorSincNet

from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.losses import GE2ELoss
from pyannote_ge2e.tasks import GE2E, AdditiveAngularMargin


class Recorder(Callback):
    """Keeps what goes by."""

    def __init__(self) -> None:
        self.batches: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.batches.append((batch["X"], batch["y"]))
        self.losses.append(outputs["loss"].item())


def test_a_small_model_learns_voices(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name, batches_per_epoch=12, num_chunks_per_class=4)
    model = small(task=task)
    model.configure_optimizers = lambda: torch.optim.Adam(
        task.parameter_groups(model, torch.optim.Adam, 5e-3)
    )
    recorder = Recorder()
    fitted = trainer(max_epochs=2, callbacks=[recorder], gradient_clip_val=3.0)
    fitted.fit(model)
    assert np.mean(recorder.losses[-6:]) < 0.7 * np.mean(recorder.losses[:6])
    assert 0 <= fitted.callback_metrics["equal_error_rate"] < 0.35
    assert "loss/train" in fitted.callback_metrics
    assert task.speakers_seen == 8


def test_specifications_tell_what_was_learned(small, ge2e, trainer, tiny_protocol):
    model = small(task=ge2e(tiny_protocol.name))
    trainer().fit(model)
    specifications = model.specifications
    assert specifications.problem == Problem.REPRESENTATION
    assert specifications.resolution == Resolution.CHUNK
    assert (specifications.duration, specifications.min_duration) == (0.8, 0.6)
    assert specifications.classes == [f"train{k}" for k in range(8)]


@pytest.mark.parametrize("task_class", [GE2E, AdditiveAngularMargin])
@pytest.mark.parametrize("name", ["name", "diarization", "combined"])
def test_pyannotes_own_architecture_trains_on_any_protocol(
    trainer, tiny_protocol, task_class, name
):
    task = task_class(
        load_protocol(getattr(tiny_protocol, name)),
        duration=0.8,
        num_classes_per_batch=3,
        num_chunks_per_class=2,
        batches_per_epoch=2,
        num_workers=0,
        seed=0,
    )
    fitted = trainer()
    fitted.fit(XVectorSincNet(task=task))
    assert fitted.callback_metrics["loss/train"].isfinite()
    assert ("equal_error_rate" in fitted.callback_metrics) == (name != "combined")


def test_meetings_whose_labels_hold_within_a_file_have_their_own_speakers(
    small, ge2e, trainer, tiny_protocol
):
    task = ge2e(tiny_protocol.diarization)
    trainer().fit(small(task=task))
    assert len(task.specifications.classes) == 4


def test_batches_come_from_one_database_when_asked(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.combined, batch_from="database", batches_per_epoch=9)
    recorder = Recorder()
    trainer(callbacks=[recorder]).fit(small(task=task))
    kinds = {
        frozenset(task.specifications.classes[label].split("|")[0][:5] for label in y)
        for _, y in recorder.batches
    }
    assert {"Small"} in kinds
    assert all("Small" not in kind or kind == {"Small"} for kind in kinds)
    assert len(kinds) > 1


def test_epochs_do_not_repeat_and_runs_do(small, ge2e, trainer, tiny_protocol):
    runs = []
    for workers in (0, 1):
        recorder = Recorder()
        task = ge2e(tiny_protocol.name, num_workers=workers)
        trainer(max_epochs=2, callbacks=[recorder], limit_val_batches=0).fit(small(task=task))
        runs.append(recorder)
    first, second = runs
    assert len({X.numpy().tobytes() for X, _ in first.batches}) == 8
    assert all(
        torch.equal(a, b) for (a, _), (b, _) in zip(first.batches, second.batches, strict=True)
    )
    assert first.losses == second.losses


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_start_method_of_workers_can_be_chosen(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.no_development, num_workers=1)
    task.multiprocessing_context = "fork"
    trainer().fit(small(task=task))
    assert task.speakers_seen == 8


def test_training_without_development_set_says_so_once(small, ge2e, trainer, tiny_protocol, caplog):
    with caplog.at_level(logging.WARNING):
        fitted = trainer(max_epochs=2)
        fitted.fit(small(task=ge2e(tiny_protocol.no_development)))
    said = [record for record in caplog.records if "without validation" in record.message]
    assert len(said) == 1
    assert fitted.current_epoch == 2


def test_fewer_speakers_than_wanted_train_and_say_so(small, ge2e, trainer, tiny_protocol, caplog):
    with caplog.at_level(logging.WARNING):
        task = ge2e(tiny_protocol.name, num_classes_per_batch=64)
        recorder = Recorder()
        trainer(callbacks=[recorder], limit_val_batches=0).fit(small(task=task))
    assert "8 speakers instead of 64" in caplog.text
    assert recorder.batches[0][1].unique().numel() == 8


def test_epoch_covers_the_training_speech_by_default(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name, batches_per_epoch=None)
    fitted = trainer(limit_val_batches=0)
    fitted.fit(small(task=task))
    speech = task.index.speech().sum()
    assert fitted.num_training_batches == round(speech / (4 * 3 * 0.7))


def test_loss_that_is_no_number_stops_with_advice(small, ge2e, trainer, tiny_protocol):
    model = small(task=ge2e(tiny_protocol.name))
    with torch.no_grad():
        model.projection.weight.fill_(torch.nan)
    with pytest.raises(UserError, match=r"nan at batch 1 of epoch 1.*lower learning rate"):
        trainer().fit(model)


def test_audio_that_is_no_number_is_not_blamed_on_the_learning_rate(
    small, ge2e, trainer, tiny_protocol
):
    class Spoil(torch.nn.Module):
        def forward(self, samples, sample_rate):
            return samples * torch.nan

    task = ge2e(tiny_protocol.name, augmentation=Spoil())
    with pytest.raises(UserError, match="its audio holds values"):
        trainer().fit(small(task=task))


@pytest.mark.parametrize("workers", [0, 1])
def test_file_that_breaks_in_mid_epoch_is_named(
    small, ge2e, trainer, tiny_protocol, tmp_path, workers
):
    task = ge2e(tiny_protocol.name, num_workers=workers)
    task.prepare_data()
    path = tiny_protocol.database_yml.parent / "Tiny" / "train3" / "1.wav"
    content = path.read_bytes()
    try:
        path.write_bytes(content[:100])
        with pytest.raises(UserError, match=r"train3/1\.wav") as raised:
            trainer(max_epochs=5).fit(small(task=task))
    finally:
        path.write_bytes(content)
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_chunks_per_class": 1}, "2 at least"),
        ({"num_classes_per_batch": 1}, "2 at least"),
        ({"num_classes_per_batch": 3.5}, "whole number"),
        ({"batches_per_epoch": 2.5}, "whole number"),
        ({"min_duration": "short"}, "number above 0"),
        ({"gradient_scale": ["lstm.*"]}, "'pattern: number'"),
        ({"gradient_scale": {"lstm.*": "slow"}}, "should be a number"),
        ({"min_duration": 3.0}, "longer than duration"),
        ({"duration": 0.0, "min_duration": None}, "above 0"),
        ({"short": "pad"}, "join, repeat, skip"),
        ({"batch_from": "corpus"}, "any, database"),
        ({"variant": "sigmoid"}, "variant"),
        ({"duration": 30.0, "short": "skip"}, "as long as a chunk"),
        ({"label_min_duration": 1000.0}, "two speakers"),
    ],
)
def test_options_that_cannot_work_are_refused_before_training(
    ge2e, tiny_protocol, options, message
):
    with pytest.raises(UserError, match=message):
        ge2e(tiny_protocol.name, **options).prepare_data()


def test_protocol_without_annotation_is_refused_before_training(ge2e, tiny_protocol):
    with pytest.raises(UserError, match="no annotation"):
        ge2e(tiny_protocol.no_annotation).prepare_data()


def test_index_is_kept_in_the_cache_that_was_named(ge2e, tiny_protocol, tmp_path):
    for _ in range(2):
        ge2e(tiny_protocol.name, cache=tmp_path / "cache").prepare_data()
    (folder,) = (tmp_path / "cache").iterdir()
    assert (folder / "index.json").is_file()


def test_temporary_index_goes_with_its_task(ge2e, tiny_protocol):
    task = ge2e(tiny_protocol.name)
    task.prepare_data()
    folder = task.index.folder
    assert folder.is_dir()
    del task
    assert not folder.parent.exists()


def test_loss_is_ours(small, ge2e, trainer, tiny_protocol):
    model = small(task=ge2e(tiny_protocol.name, variant="contrast"))
    trainer().fit(model)
    assert isinstance(model.loss_func, GE2ELoss)
    assert model.loss_func.variant == "contrast"
