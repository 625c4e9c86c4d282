"""Experiments published for pyannote.audio 1.x train as they stand, or say why they cannot."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import Experiment, read_config

# The experiment published with "A Comparison of Metric Learning Loss Functions for End-to-End
# Speaker Verification" (Coria, Bredin, Ghannay, Rosset, 2020).
PUBLISHED = """\
feature_extraction:
   name: pyannote.audio.features.RawAudio
   params:
      sample_rate: 16000

data_augmentation:
   name: AddNoise
   params:
     snr_min: 10
     snr_max: 20
     collection: MUSAN.Collection.BackgroundNoise

architecture:
   name: pyannote.audio.models.SincTDNN
   params:
      sincnet:
         stride: [5, 1, 1]
         waveform_normalize: True
         instance_normalize: True
      tdnn:
         embedding_dim: 512
      embedding:
         batch_normalize: False
         unit_normalize: False

task:
   name: AdditiveAngularMarginLoss
   params:
      margin: 0.05
      s: 10
      duration: 3.0
      per_fold: 128
      per_label: 1
      per_epoch: 5
      label_min_duration: 30

scheduler:
   name: ConstantScheduler
   params:
      learning_rate: 0.01
"""


def load(folder: Path, *changes: tuple[str, str]) -> Experiment:
    text = PUBLISHED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "config.yml"
    path.write_text(text)
    return Experiment.from_config(read_config(path), path)


def test_the_published_experiment_is_understood_as_it_stands(tmp_path):
    experiment = load(tmp_path)

    assert experiment.sample_rate == 16000
    assert experiment.architecture_name == "XVectorSincNet"
    model = experiment.build_model()
    assert model.hparams.sincnet["stride"] == 5
    assert model.dimension == 512

    assert experiment.task_name == "AdditiveAngularMargin"
    task = dict(experiment.recipe.task.section.params)
    assert task.pop("margin") == pytest.approx(math.degrees(0.05))
    assert task == {
        "scale": 10,
        "duration": 3.0,
        "num_classes_per_batch": 128,
        "num_chunks_per_class": 1,
        "batches_per_epoch": 5 * 24 * 60 * 60 / (128 * 3.0),
        "label_min_duration": 30,
    }

    noise = experiment.recipe.augmentation
    assert noise.kind.__name__ == "BackgroundNoise"
    assert noise.section.params["collection"] == "MUSAN.Collection.BackgroundNoise"
    assert noise.section.params["snr_min"] == 10
    assert noise.section.params["snr_max"] == 20

    assert experiment.learning_rate == 0.01
    assert experiment.config["optimizer"]["name"] == "SGD"  # the default of 1.x


def test_the_saved_config_keeps_the_published_words(tmp_path):
    config = load(tmp_path).config
    assert config["task"]["params"]["per_fold"] == 128
    assert Experiment.from_config(config).task_name == "AdditiveAngularMargin"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[5, 1, 1]", "[5, 2, 1]", r"line 17: .*first layer only: it can do \[5, 1, 1\]"),
        ("[5, 1, 1]", "5", "first layer only"),
        ("waveform_normalize: True", "waveform_normalize: False", "line 18: .*cannot do"),
        ("instance_normalize: True", "instance_normalize: False", "it is always True"),
        ("unit_normalize: False", "unit_normalize: True", "line 24: .*it is always False"),
        ("batch_normalize: False", "batch_normalize: True", "it is always False"),
        ("embedding_dim", "embeding_dim", r"'tdnn.embeding_dim'; did you mean 'embedding_dim'\?"),
        ("tdnn:", "tdn:", r"no parameter 'tdn'; did you mean 'tdnn'\?"),
        ("per_label: 1", "per_label: 1\n      per_turn: 3", "line 34: .*'per_turn' can only be 1"),
        ("per_label: 1", "num_classes_per_batch: 3", "say the same thing"),
        ("per_epoch: 5", "per_epoch: week", "line 34: .*'per_epoch' should be a positive number"),
        ("per_epoch: 5", "per_epoch: -1", "'per_epoch' should be a positive number"),
        ("per_fold: 128", "per_fold: 0", "'num_classes_per_batch' should be a positive number"),
        ("margin: 0.05", "margin: small", "line 29: .*'margin' should be a positive number"),
        ("      s: 10\n", "", "parameter 's' is missing"),
        ("learning_rate: 0.01", "learning_rate: auto", "line 40: .*is gone; give a number"),
        ("ConstantScheduler", "CyclicScheduler", "is gone; use CyclicLR"),
        ("ConstantScheduler", "DavisKingScheduler", "is gone; use ReduceLROnPlateau"),
        ("AdditiveAngularMarginLoss", "ContrastiveLoss", "no counterpart"),
        ("pyannote.audio.features.RawAudio", "pyannote.audio.features.LibrosaMFCC", "use RawAudio"),
    ],
)
def test_what_version_4_cannot_express_is_an_error_that_says_so(tmp_path, old, new, message):
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path, (old, new))
    assert "config.yml', line" in str(error.value)


def test_values_that_are_left_out_are_those_of_1x(tmp_path):
    changes = [("         stride: [5, 1, 1]\n", ""), ("      margin: 0.05\n", "")]
    experiment = load(tmp_path, *changes, ("      per_epoch: 5\n", ""))
    assert experiment.build_model().hparams.sincnet["stride"] == 1
    assert experiment.recipe.task.section.params["margin"] == pytest.approx(math.degrees(0.1))
    assert "batches_per_epoch" not in experiment.recipe.task.section.params


@pytest.mark.parametrize(
    "name",
    [
        "pyannote.audio.embedding.approaches.AdditiveAngularMarginLoss",
        "pyannote.audio.embedding.approaches.arcface_loss.AdditiveAngularMarginLoss",
    ],
)
def test_dotted_names_of_1x_are_understood(tmp_path, name):
    experiment = load(
        tmp_path,
        ("name: AdditiveAngularMarginLoss", f"name: {name}"),
        ("name: AddNoise", "name: pyannote.audio.augmentation.noise.AddNoise"),
        ("name: ConstantScheduler", "name: pyannote.audio.train.schedulers.ConstantScheduler"),
    )
    assert experiment.task_name == "AdditiveAngularMargin"


def test_spellings_of_1x_work_with_our_task(tmp_path):
    experiment = load(
        tmp_path,
        ("name: AdditiveAngularMarginLoss", "name: GE2E"),
        ("      margin: 0.05\n      s: 10\n", "      min_duration: 1.0\n      per_turn: 1\n"),
        ("per_label: 1", "per_label: 4"),
    )
    params = experiment.recipe.task.section.params
    assert params["num_classes_per_batch"] == 128
    assert params["num_chunks_per_class"] == 4
    assert params["batches_per_epoch"] == math.ceil(5 * 86400 / (128 * 4 * 2.0))
    assert experiment.config["optimizer"] == {"name": "Adam"}


def test_version_4s_own_margin_loss_keeps_its_degrees(tmp_path):
    experiment = load(
        tmp_path,
        ("name: AdditiveAngularMarginLoss", "name: SupervisedRepresentationLearningWithArcFace"),
        ("margin: 0.05\n      s: 10", "margin: 20"),
    )
    assert experiment.task_name == "AdditiveAngularMargin"
    assert experiment.recipe.task.section.params["margin"] == 20
    assert experiment.recipe.task.section.params["scale"] == 64.0


def test_missing_noise_is_one_sentence(tmp_path):
    experiment = load(tmp_path)
    with pytest.raises(UserError, match="MUSAN"):
        experiment.build_task(None, seed=0, num_workers=0, cache=None)
