"""Augmentation in training, in training only, and wherever it is applied."""

from __future__ import annotations

import pickle

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from pyannote.audio.models.embedding import XVectorSincNet
from torch_audiomentations import Compose, Gain, OneOf, Shift

from pyannote_ge2e import MelLSTM
from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.babble import Babble
from pyannote_ge2e.data.augmentation.codec import Codec
from pyannote_ge2e.data.augmentation.simulated_room import SimulatedRoom
from pyannote_ge2e.data.augmentation.spec_augment import SpecAugment
from pyannote_ge2e.data.augmentation.speed import Speed
from pyannote_ge2e.data.augmentation.telephone import Telephone
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.tasks.augmentation import check_augmentation


def everything():
    return Compose(
        [
            Speed(p=0.5, by="speaker"),
            OneOf([Babble(p=0.8), SimulatedRoom(p=0.8)], output_type="dict"),
            Shift(p=0.5, output_type="dict"),
            Codec(["gsm"], p=0.2),
            Telephone(p=0.3),
            Gain(p=0.5, output_type="dict"),
            SpecAugment(time_width=4, frequency_width=10, p=0.7),
        ],
        output_type="dict",
    )


class Recorder(Callback):
    """Keeps losses, and what the front-end's frames were when they reached the LSTM."""

    def __init__(self):
        self.losses = []
        self.frames = []

    def on_fit_start(self, trainer, pl_module):
        pl_module.lstm.register_forward_pre_hook(
            lambda module, inputs: self.frames.append((module.training, inputs[0].detach()))
        )

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.losses.append(outputs["loss"].item())


@pytest.fixture
def mel():
    """Makes a small MelLSTM with dropout, always the same; its frames are three windows each."""

    def make(**options):
        torch.manual_seed(0)
        lstm = {"hidden_size": 16, "num_layers": 2, "proj_size": 0, "dropout": 0.3}
        return MelLSTM(mel={"stack": 3}, lstm=lstm, pooling="stats", dimension=8, **options)

    return make


def fit(model, trainer, task, **options):
    recorder = Recorder()
    torch.manual_seed(1)
    trainer(max_epochs=2, callbacks=[recorder], limit_val_batches=0, **options).fit(model)
    return recorder


def test_training_is_the_same_wherever_batches_are_made_and_augmented(
    mel, ge2e, trainer, tiny_protocol
):
    losses = {}
    for workers, on_device in ((0, False), (1, False), (0, True), (1, True)):
        task = ge2e(tiny_protocol.name, num_workers=workers, augmentation=everything())
        task.augment_on_device = on_device
        losses[workers, on_device] = fit(mel(task=task), trainer, task).losses
    assert len({tuple(each) for each in losses.values()}) == 1
    plain = ge2e(tiny_protocol.name)
    assert losses[0, False] != fit(mel(task=plain), trainer, plain).losses


def test_sincnets_frames_are_masked_wherever_the_rest_is_applied(
    small, ge2e, trainer, tiny_protocol
):
    losses = []
    for on_device in (False, True):
        task = ge2e(tiny_protocol.name, augmentation=everything(), batches_per_epoch=2)
        task.augment_on_device = on_device
        losses.append(fit(small(task=task), trainer, task).losses)
    assert losses[0] == losses[1]


def test_on_a_cpu_workers_augment_unless_told_otherwise(small, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name, augmentation=Telephone(p=1.0))
    fit(small(task=task), trainer, task)
    assert task._dataset.augment_here


@pytest.mark.parametrize("on_device", [False, True])
def test_dropout_does_not_depend_on_augmentation(mel, ge2e, trainer, tiny_protocol, on_device):
    """A gain of nothing draws as many numbers as any other."""
    losses = []
    for augmentation in (None, Gain(-1e-9, 1e-9, p=1.0, output_type="dict")):
        task = ge2e(tiny_protocol.name, augmentation=augmentation)
        task.augment_on_device = on_device
        losses.append(fit(mel(task=task), trainer, task).losses)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_frames_are_masked_in_training_only(mel, ge2e, trainer, tiny_protocol):
    task = ge2e(
        tiny_protocol.name,
        augmentation=SpecAugment(2, 20, 1, 15, time_share=1.0, fill="zero", p=1.0),
    )
    model = mel(task=task)
    recorder = Recorder()
    trainer(max_epochs=1, callbacks=[recorder]).fit(model)
    trained = [frames for training, frames in recorder.frames if training]
    validated = [frames for training, frames in recorder.frames if not training]
    assert len(trained) == 4
    assert validated
    for frames in trained:
        windows = frames.unflatten(-1, (3, 40))  # batch, frame, window, band
        bands = (windows == 0).flatten(1, 2).all(1).sum(1)
        assert bands.float().mean() > 5
        # A band is masked in all of the windows that a frame is made of, or in none.
        masked = (windows == 0).all(dim=1)
        assert torch.equal(masked.any(1), masked.all(1))
    for frames in validated:
        assert not (frames == 0).all(1).any()


def test_frames_of_a_second_network_are_masked_too(mel, ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name, augmentation=SpecAugment(2, 20, 0, fill="zero", p=1.0))
    lstm = {"hidden_size": 8, "num_layers": 1, "proj_size": 0}
    model = mel(task=task, second={"mel": {"num_mels": 80, "window": 0.064}, "lstm": lstm})
    seen = []
    model.second.lstm.register_forward_pre_hook(
        lambda module, inputs: seen.append((module.training, inputs[0].detach()))
    )
    trainer(max_epochs=1).fit(model)
    masked = [(frames == 0).all(1).sum(1).float().mean() for training, frames in seen if training]
    assert len(masked) == 4
    assert min(masked) > 5
    assert not any((frames == 0).all(1).any() for training, frames in seen if not training)


def test_validation_is_untouched(small, ge2e, trainer, tiny_protocol):
    """A model that does not learn has the same figures with augmentation as without."""
    found = []
    for augmentation in (None, everything()):
        task = ge2e(tiny_protocol.name, augmentation=augmentation)
        model = small(task=task)
        model.configure_optimizers = lambda model=model: torch.optim.SGD(model.parameters(), lr=0.0)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.momentum = 0.0
        fitted = trainer()
        fitted.fit(model)
        found.append(fitted.callback_metrics["equal_error_rate"].item())
        waveforms = torch.randn(2, 1, 16000, generator=torch.Generator().manual_seed(0))
        found.append(model.eval()(waveforms).flatten().tolist())
    assert found[:2] == found[2:]


def test_nothing_of_it_is_saved(small, ge2e, trainer, tiny_protocol, tmp_path):
    task = ge2e(tiny_protocol.name, augmentation=everything())
    model = small(task=task)
    fitted = trainer()
    fitted.fit(model)
    assert model.frame_augmentation is None
    assert "frame_augmentation" not in vars(model)
    path = tmp_path / "model.ckpt"
    fitted.save_checkpoint(path, weights_only=True)
    content = torch.load(path, weights_only=False)
    assert b"augmentation" not in pickle.dumps([content["state_dict"], content["hyper_parameters"]])
    assert set(content["state_dict"]) == set(small().state_dict())


def test_masks_are_refused_where_there_are_no_frames(ge2e, trainer, tiny_protocol):
    task = ge2e(tiny_protocol.name, augmentation=SpecAugment())
    with pytest.raises(UserError, match="XVectorSincNet gives none to mask"):
        trainer().fit(XVectorSincNet(task=task))


def test_waveforms_that_are_not_there_cannot_be_changed(small):
    """Where batches are of features that were stored, masks are all there is."""
    check_augmentation(Augmenter(SpecAugment()), small(), from_audio=False)
    with pytest.raises(UserError, match="only SpecAugment can"):
        check_augmentation(Augmenter(everything()), small(), from_audio=False)


def test_a_step_that_fails_leaves_no_masks_behind(mel, ge2e, trainer, tiny_protocol):
    model = mel(task=ge2e(tiny_protocol.name, augmentation=SpecAugment(p=1.0)))
    with torch.no_grad():
        model.projection.weight.fill_(torch.nan)
    with pytest.raises(UserError, match="nan at batch 1"):
        trainer().fit(model)
    assert model.frame_augmentation is None


def test_audio_that_augmentation_spoils_on_the_device_is_named(small, ge2e, trainer, tiny_protocol):
    class Spoil(torch.nn.Module):
        def forward(self, samples, sample_rate):
            return samples * torch.nan

    task = ge2e(tiny_protocol.name, augmentation=Spoil())
    task.augment_on_device = True
    with pytest.raises(UserError, match="leave the augmentation out"):
        trainer().fit(small(task=task))
