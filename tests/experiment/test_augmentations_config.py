"""`data_augmentation` in config.yml: every transform by its name, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import Experiment, read_config
from pyannote_ge2e.experiment.layout import TrainFolder
from pyannote_ge2e.experiment.train import train

# What makes a small model robust without a single file to download.
RECIPE = """
data_augmentation:
  - {name: Speed, params: {factors: [0.9, 1.1], by: speaker, p: 0.5}}
  - {name: SimulatedRoom, params: {rt60: [0.1, 0.7], direct_to_reverberant: [0, 15], p: 0.4}}
  - {name: Babble, params: {snr_min: 8, snr_max: 20, num_voices: [3, 7], p: 0.3}}
  - name: AddColoredNoise
    params: {min_snr_in_db: 5, max_snr_in_db: 25, min_f_decay: 0, max_f_decay: 2, p: 0.3}
  - {name: LowPassFilter, params: {min_cutoff_freq: 2500, max_cutoff_freq: 7500, p: 0.15}}
  - {name: Telephone, params: {p: 0.15}}
  - {name: Codec, params: {kinds: [gsm, mp3, vorbis], p: 0.1}}
  - {name: Gain, params: {min_gain_in_db: -15, max_gain_in_db: 6, p: 0.5}}
  - name: SpecAugment
    params: {frequency_masks: 2, frequency_width: 6, time_masks: 2, time_width: 15, p: 0.5}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise, rooms and a tree like MUSAN's."""
    root = tmp_path_factory.mktemp("augmentation")
    rng = np.random.default_rng(0)
    for path in ("noise/a.wav", "music/b.wav", "speech/c.wav"):
        (root / path).parent.mkdir()
        soundfile.write(root / path, 0.1 * rng.standard_normal(24000), 16000)
    (root / "rooms").mkdir()
    response = np.concatenate([[1.0], 0.1 * rng.standard_normal(800)])
    soundfile.write(root / "rooms" / "r.wav", response, 16000, subtype="FLOAT")
    (root / "empty").mkdir()
    (root / "notes.txt").write_text("no audio")
    return root


def write(experiment: Path, section: str) -> Path:
    path = experiment / "config.yml"
    path.write_text(path.read_text() + section)
    return path


def load(experiment: Path, section: str) -> Experiment:
    path = write(experiment, section)
    return Experiment.from_config(read_config(path), path)


def build(experiment: Path, section: str) -> torch.nn.Module:
    loaded = load(experiment, f"data_augmentation: {section}\n")
    return loaded.recipe.augmentation.build(loaded.sample_rate)


@pytest.mark.parametrize(
    "section",
    [
        "{name: BackgroundNoise, params: {collection: $/noise, snr_min: 0, snr_max: 15, p: 1}}",
        "{name: BackgroundNoise, params: {collection: [$/noise, $/music]}}",
        "{name: Musan, params: {folder: $, noise: [0, 15], music: [5, 15], speech: null, p: 1}}",
        "{name: ImpulseResponse, params: {collection: $/rooms, keep_level: false, p: 1}}",
        "{name: AddBackgroundNoise, params: {background_paths: $/noise, min_snr_in_db: 5, p: 1}}",
        "{name: AddBackgroundNoise, params: {background_paths: [$/noise/a.wav], mode: per_batch, "
        "p: 1}}",
        "{name: torch_audiomentations.ApplyImpulseResponse, params: {ir_paths: $/rooms, "
        "compensate_for_propagation_delay: true, p: 1}}",
        "{name: SimulatedRoom, params: {rt60: [0.2, 0.5], direct_to_reverberant: 3, p: 1}}",
        "{name: Speed, params: {factors: [0.9, 1.1], p: 1}}",
        "{name: TimeStretch, params: {factors: 1.1, by: speaker, p: 1}}",
        "{name: Telephone, params: {low: 200, high: 3600, laws: [a], p: 1}}",
        "{name: Codec, params: {kinds: gsm, p: 1}}",
        "{name: LowPassFilter, params: {min_cutoff_freq: 2000, max_cutoff_freq: 4000, p: 1}}",
        "{name: HighPassFilter, params: {p: 1}}",
        "{name: BandPassFilter, params: {p: 1}}",
        "{name: BandStopFilter, params: {p: 1}}",
        "{name: PitchShift, params: {p: 1}}",
        "{name: Gain, params: {min_gain_in_db: -20, max_gain_in_db: -10, p: 1}}",
        "{name: PeakNormalization, params: {p: 1}}",
        "{name: OneOf, params: {transforms: [{name: Gain, params: {p: 1}}, {name: Telephone, "
        "params: {p: 1}}]}}",
        "{name: SomeOf, params: {num_transforms: [1, 2], transforms: [{name: SimulatedRoom, "
        "params: {p: 1}}, {name: Speed, params: {p: 1}}]}}",
    ],
)
def test_a_transform_that_is_named_changes_waveforms(experiment, folder, section):
    transform = build(experiment, section.replace("$", str(folder)))
    waveforms = 0.1 * torch.randn(4, 1, 8000, generator=torch.Generator().manual_seed(0))
    output = Augmenter(transform)(waveforms, 16000, np.random.SeedSequence(0))
    assert output.shape == waveforms.shape
    assert output.isfinite().all()
    assert (output != waveforms).any(-1).all()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "{name: BackgroundNoise, params: {collection: /no/such/noise}}",
            "no folder of noise '/no/such/noise'",
        ),
        ("{name: BackgroundNoise, params: {collection: $/empty}}", "holds no audio file"),
        (
            "{name: BackgroundNoise, params: {collection: $/noise, snr_min: 9, snr_max: 1}}",
            r"snr_min \(9\) is above snr_max \(1\)",
        ),
        ("{name: Musan, params: {folder: $/noise}}", "has no folder 'noise'"),
        ("{name: ImpulseResponse, params: {collection: $/empty}}", "holds no audio file"),
        ("{name: AddBackgroundNoise, params: {background_paths: $/no}}", "there is no folder"),
        ("{name: SimulatedRoom, params: {rt60: [1, 0.1]}}", "rt60 should be"),
        ("{name: Speed, params: {factors: [0.9, fast]}}", "factors should be a number"),
        ("{name: Codec, params: {kinds: [aac]}}", "kinds: unknown 'aac'"),
        ("{name: Telephone, params: {laws: [u]}}", "laws: unknown 'u'"),
        ("{name: Babble, params: {snr_min: [13, 20]}}", "snr_min should be a number"),
        ("{name: Gain, params: {min_gain_in_db: 6, max_gain_in_db: 6}}", "max_gain_in_db must be"),
        ("{name: Gain, params: {mode: per_word}}", "does not support mode per_word"),
        ("{name: BackgroundNoise, params: {collection: 5}}", "collection should be a path, not 5"),
        ("{name: BackgroundNoise, params: {collection: ''}}", "collection should be a path"),
        ("{name: BackgroundNoise, params: {collection: $/notes.txt}}", "notes.txt' is not audio"),
        ("{name: Musan, params: {folder: null}}", "folder should be a path, not None"),
        ("{name: LowPassFilter, params: {max_cutoff_freq: 9000}}", "nothing above 8000 Hz"),
        ("{name: BandPassFilter, params: {max_center_frequency: 5000}}", "may reach 9975 Hz"),
    ],
)
def test_what_cannot_be_built_is_named_with_its_line(experiment, folder, section, message):
    lines = len((experiment / "config.yml").read_text().splitlines())
    with pytest.raises(UserError, match=message) as raised:
        build(experiment, section.replace("$", str(folder)))
    text = str(raised.value)
    assert f"config.yml', line {lines + 1}: data_augmentation" in text
    assert "\n" not in text


def test_the_line_of_a_parameter_is_named(experiment):
    section = """
data_augmentation:
  name: SpecAugment
  params:
    time_masks: 2
    fill: noise
"""
    path = write(experiment, section)
    line = path.read_text().splitlines().index("    fill: noise") + 1
    loaded = Experiment.from_config(read_config(path), path)
    with pytest.raises(UserError, match=f"line {line}: data_augmentation SpecAugment: fill"):
        loaded.recipe.augmentation.build(16000)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{name: Gain, params: {p: 1.5}}", "'p' should be a number from 0 to 1, not 1.5"),
        ("[{name: Telephone, params: {p: often}}]", "'p' should be a number"),
        ("{name: Babbel}", r"did you mean 'Babble'\?"),
        ("{name: Musan}", "parameter 'folder' is missing"),
        ("{name: Speed, params: {factor: 1.1}}", r"no parameter 'factor'; did you mean 'factors'"),
        ("{name: SpecAugment, params: {masks: 2}}", "no parameter 'masks'"),
        ("{name: Telephone, params: {output_type: dict}}", "'output_type' is not set here"),
        ("{name: SomeOf, params: {num_transforms: 2, transforms: [Gain]}}", "a number from 1 to 1"),
        (
            "{name: SomeOf, params: {num_transforms: [2, 1], transforms: [Gain, Shift]}}",
            r"or \[fewest, most\], not \[2, 1\]",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_built(experiment, section, message):
    with pytest.raises(UserError, match=message) as raised:
        load(experiment, f"data_augmentation: {section}\n")
    assert "config.yml', line" in str(raised.value)


@pytest.mark.parametrize("section", ["{name: SpecAugment}", "[Gain, {name: SpecAugment}]"])
def test_masks_are_refused_where_there_are_no_frames_to_mask(experiment, section):
    path = write(experiment, f"data_augmentation: {section}\n")
    config = yaml.safe_load(path.read_text())
    config["architecture"] = {"name": "XVectorSincNet"}
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match=r"SpecAugment masks .* and XVectorSincNet gives none"):
        Experiment.from_config(read_config(path), path)


# --- trained ----------------------------------------------------------------------------------


def weights(run: Path, epoch: int) -> dict[str, torch.Tensor]:
    return load_checkpoint(TrainFolder(run).weights_of(epoch))["state_dict"]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_the_recipe_resumes_bit_for_bit_whatever_makes_the_batches(
    experiment, tmp_path, tiny_protocol
):
    """Dropout, workers, a stop half-way, and each kind of augmentation."""
    plain = train(experiment, tiny_protocol.no_development, to_epoch=2, parallel=0, device="cpu")
    text = (experiment / "config.yml").read_text() + RECIPE
    found = []
    for stops, parallel in (((2,), 0), ((1, 2), 2)):
        root = tmp_path / str(parallel)
        root.mkdir()
        (root / "config.yml").write_text(text)
        for stop in stops:
            run = train(
                root,
                tiny_protocol.no_development,
                from_epoch=0 if stop == stops[0] else "last",
                to_epoch=stop,
                parallel=parallel,
                device="cpu",
            )
        found.append(weights(run, 2))
    assert same(*found)
    assert not same(found[0], weights(plain, 2))
    assert found[0].keys() == weights(plain, 2).keys()
