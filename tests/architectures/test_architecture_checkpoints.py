"""Options, hyper-parameters, and checkpoints that load without a warning."""

from __future__ import annotations

import warnings

import lightning
import pytest
import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from torch.utils.data import DataLoader

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.checkpoint import put_loss_back, set_loss_apart
from pyannote_ge2e.errors import UserError


class Loss(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(10.0))

    def forward(self, embeddings):
        return (self.w * embeddings).square().mean()


class ToyTask:
    """The part of pyannote.audio's Task that a model talks to, with a loss that learns."""

    def __init__(self, specifications):
        self.specifications = specifications

    def prepare_data(self):
        pass

    def setup(self, stage=None):
        pass

    def setup_loss_func(self):
        self.model.loss_func = Loss()

    def setup_validation_metric(self):
        pass

    def train_dataloader(self):
        return DataLoader(torch.randn(4, 1, 8000), batch_size=2)

    def val_dataloader(self):
        return []

    def training_step(self, batch, batch_idx):
        return self.model.loss_func(self.model(batch))


def trainer(epochs):
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@pytest.fixture
def trained(make, specifications, tmp_path):
    """A model trained for an epoch, and its checkpoint as Lightning saves it."""
    model = make()
    model.task = ToyTask(specifications)
    fit = trainer(epochs=1)
    fit.fit(model)
    path = tmp_path / "0001.pt"
    fit.save_checkpoint(path)
    return model, path


def test_from_pretrained_loads_what_a_task_trained_without_a_warning(trained, specifications):
    model, path = trained
    assert model.loss_func.w != 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = Model.from_pretrained(path)
    assert type(loaded) is type(model)
    assert loaded.specifications == specifications
    assert not hasattr(loaded, "loss_func")

    waveforms = torch.randn(2, 1, 8000)
    assert torch.equal(loaded.eval()(waveforms), model.eval()(waveforms))


def test_resuming_takes_the_loss_back(trained, make, specifications):
    model, path = trained
    learnt = model.loss_func.w.item()
    resumed = make()
    resumed.task = ToyTask(specifications)
    trainer(epochs=1).fit(resumed, ckpt_path=path, weights_only=False)  # nothing left to train
    assert resumed.loss_func.w.item() == learnt

    resumed.task = ToyTask(specifications)
    trainer(epochs=2).fit(resumed, ckpt_path=path, weights_only=False)
    assert resumed.loss_func.w.item() != learnt


def test_checkpoint_keeps_the_loss_apart_and_holds_plain_data(trained):
    model, path = trained
    with torch.serialization.safe_globals([Specifications, Problem, Resolution]):
        checkpoint = torch.load(path, weights_only=True)
    assert checkpoint["pyannote.audio"]["loss"] == {"loss_func.w": model.loss_func.w}
    assert not any(name.startswith("loss_func") for name in checkpoint["state_dict"])
    module = {"SincNetLSTM": "sincnet_lstm", "MelLSTM": "mel_lstm"}[type(model).__name__]
    assert checkpoint["pyannote.audio"]["architecture"] == {
        "module": f"pyannote_ge2e.architectures.{module}",
        "class": type(model).__name__,
    }


def test_a_checkpoint_with_the_loss_inside_loads_too(trained, tmp_path):
    checkpoint = torch.load(trained[1], weights_only=False)
    put_loss_back(checkpoint)
    assert "loss_func.w" in checkpoint["state_dict"]
    torch.save(checkpoint, tmp_path / "inside.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Model.from_pretrained(tmp_path / "inside.pt")


def test_moving_the_loss_twice_changes_nothing():
    state = {"a": 1, "loss_func.w": 2, "validation_metric.x": 3}
    checkpoint = {"state_dict": dict(state), "pyannote.audio": {"versions": {}}}
    for _ in range(2):
        set_loss_apart(checkpoint)
        assert checkpoint["state_dict"] == {"a": 1}
        assert checkpoint["pyannote.audio"] == {
            "versions": {},
            "loss": {"loss_func.w": 2, "validation_metric.x": 3},
        }
    for _ in range(2):
        put_loss_back(checkpoint)
        assert checkpoint == {"state_dict": state, "pyannote.audio": {"versions": {}}}


@pytest.mark.parametrize(
    "model",
    [
        lambda: SincNetLSTM(
            sincnet={"stride": 5},
            lstm={"hidden_size": 6, "num_layers": 1, "bidirectional": True},
            pooling="attention",
            dimension=5,
        ),
        lambda: MelLSTM(
            sample_rate=8000,
            mel={"num_mels": 20, "stack": 3, "normalise": False},
            preset="td-sv",
            lstm={"num_layers": 1},
            pooling="mean",
            dimension=7,
        ),
        lambda: MelLSTM(preset="td-sv", projection=False, pooling="stats"),
    ],
)
def test_hyper_parameters_rebuild_the_model(model, save, tmp_path):
    model = model().eval()
    loaded = Model.from_pretrained(save(model, tmp_path / "model.pt")).eval()
    assert loaded.hparams == model.hparams
    assert loaded.dimension == model.dimension
    waveforms = torch.randn(2, 1, 9000)
    assert torch.equal(loaded(waveforms), model(waveforms))


def test_hyper_parameters_hold_every_option():
    assert dict(SincNetLSTM().hparams) == {
        "sample_rate": 16000,
        "num_channels": 1,
        "sincnet": {"stride": 10},
        "lstm": {
            "hidden_size": 256,
            "num_layers": 2,
            "proj_size": 0,
            "bidirectional": False,
            "dropout": 0.0,
        },
        "pooling": "stats",
        "dimension": 256,
        "sinc": None,
        "stem": None,
        "second": None,
    }
    hparams = SincNetLSTM(sinc={}, stem={"blocks": 2}).hparams
    assert hparams["sinc"]["filter_size"] == 251
    assert hparams["stem"] == {"channels": 32, "blocks": 2}
    hparams = MelLSTM(preset="td-sv").hparams
    assert hparams["mel"]["num_mels"] == 40
    assert hparams["lstm"]["proj_size"] == 64
    assert hparams["dimension"] == 64


@pytest.mark.parametrize(
    ("preset", "hidden", "projected"), [(None, 768, 256), ("ti-sv", 768, 256), ("td-sv", 128, 64)]
)
def test_presets_are_the_paper_s(preset, hidden, projected):
    model = MelLSTM(preset=preset)
    assert model.lstm.input_size == 40
    assert model.lstm.num_layers == 3
    assert (model.lstm.hidden_size, model.lstm.proj_size) == (hidden, projected)
    assert (model.projection.in_features, model.dimension) == (projected, projected)
    # 25 ms windows, 10 ms apart
    assert model.receptive_field_size(1) == 400
    assert model.receptive_field_size(2) == 560


def test_sizes_come_before_the_preset():
    model = MelLSTM(preset="td-sv", lstm={"hidden_size": 32, "proj_size": 0}, dimension=10)
    assert (model.lstm.hidden_size, model.lstm.proj_size, model.lstm.num_layers) == (32, 0, 3)
    assert model.dimension == 10


def test_without_projection_the_pooling_gives_the_size():
    assert MelLSTM(preset="td-sv", projection=False).dimension == 64
    assert (
        MelLSTM(preset="td-sv", projection=False, pooling="stats", dimension=128).dimension == 128
    )
    with pytest.raises(UserError, match="has the size of the pooling, 64, not 32"):
        MelLSTM(preset="td-sv", projection=False, dimension=32)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: SincNetLSTM(sincnet={"strides": 5}),
            "sincnet option 'strides': did you mean 'str",
        ),
        (lambda: SincNetLSTM(lstm={"hidden": 5}), "lstm option 'hidden': did you mean 'hidden_s"),
        (lambda: MelLSTM(mel={"n_mels": 5}), "mel option 'n_mels': did you mean 'num_mels'"),
        (lambda: MelLSTM(lstm={"projsize": 5}), "lstm option 'projsize': did you mean 'proj_size"),
        (lambda: MelLSTM(lstm=3), "lstm must be a mapping of options, not 3"),
        (lambda: MelLSTM(preset="TISV"), "Unknown preset 'TISV': did you mean 'ti-sv'"),
        (lambda: MelLSTM(lstm={"hidden_size": 256}), r"proj_size \(256\) must be smaller"),
        (lambda: SincNetLSTM(pooling="stat"), "Unknown pooling 'stat': did you mean 'stats'"),
        (lambda: SincNetLSTM(sample_rate=8000), "works at 16000 Hz, not 8000: use MelLSTM"),
        (lambda: MelLSTM(num_channels=2), r"num_channels must be 1 \(mono\), not 2"),
    ],
)
def test_bad_options_are_named(build, message):
    with pytest.raises(UserError, match=message):
        build()


def test_projection_is_the_last_linear_layer(make):
    model = make()
    assert isinstance(model.projection, torch.nn.Linear)
    assert model.projection.out_features == model.dimension
