"""Augmenting reproducibly, and background noise."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
import soundfile
import torch
import yaml
from torch_audiomentations import Compose, Gain, PolarityInversion

from pyannote_ge2e.data.augmentation.noise import BackgroundNoise
from pyannote_ge2e.data.batches.seeded import augment
from pyannote_ge2e.errors import UserError


@pytest.fixture(scope="module")
def noise_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    (folder / "deep").mkdir()
    soundfile.write(folder / "long.wav", 0.1 * rng.standard_normal(32000), 16000)
    soundfile.write(folder / "deep" / "short.flac", 0.1 * rng.standard_normal(2000), 8000)
    (folder / "read.me").write_text("no audio")
    return folder


@pytest.fixture
def waveforms():
    return torch.sin(torch.arange(8000) * 0.05).repeat(6, 1).unsqueeze(1) * 0.3


def sequence(n: int = 0):
    return np.random.SeedSequence([1, 2, n])


def test_same_sequence_augments_in_the_same_way(waveforms):
    transform = Compose(
        [Gain(p=0.5, output_type="dict"), PolarityInversion(output_type="dict")], output_type="dict"
    )
    first = augment(transform, waveforms, 16000, sequence())
    assert torch.equal(first, augment(transform, waveforms, 16000, sequence()))
    assert not torch.equal(first, augment(transform, waveforms, 16000, sequence(1)))
    assert not torch.equal(first, waveforms)


def test_global_generators_are_left_as_they_were(waveforms, noise_folder):
    def draw():
        return torch.rand(1).item(), np.random.rand(), random.random()  # noqa: NPY002

    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    expected = draw()
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    augment(BackgroundNoise(noise_folder), waveforms, 16000, sequence())
    assert draw() == expected


@pytest.mark.parametrize("snr", [0.0, 15.0])
def test_noise_has_the_ratio_that_was_asked_for(waveforms, noise_folder, snr):
    noisy = augment(BackgroundNoise(noise_folder, snr, snr), waveforms, 16000, sequence())
    noise = noisy - waveforms
    ratio = 10 * torch.log10(waveforms.square().mean(-1) / noise.square().mean(-1))
    assert torch.allclose(ratio, torch.full_like(ratio, snr), atol=0.01)
    assert not torch.equal(noise[0], noise[1])


def test_noise_is_added_to_a_share_of_the_chunks(noise_folder):
    waveforms = torch.ones(200, 1, 100)
    noisy = augment(BackgroundNoise(noise_folder, p=0.3), waveforms, 16000, sequence())
    share = (noisy != waveforms).any(-1).float().mean()
    assert 0.15 < share < 0.45


def test_silence_stays_silent(noise_folder):
    silence = torch.zeros(2, 1, 4000)
    assert torch.equal(augment(BackgroundNoise(noise_folder), silence, 16000, sequence()), silence)


def test_noise_travels_to_workers(noise_folder):
    noise = pickle.loads(pickle.dumps(BackgroundNoise(noise_folder)))
    assert len(noise.paths) == 2


def test_collection_of_pyannote_is_found(noise_folder, tmp_path):
    from pyannote.database import registry

    (tmp_path / "noise.lst").write_text("long\n")
    (tmp_path / "database.yml").write_text(
        yaml.safe_dump(
            {
                "Databases": {"Noises": str(noise_folder / "{uri}.wav")},
                "Protocols": {
                    "Noises": {"Collection": {"All": {"uri": str(tmp_path / "noise.lst")}}}
                },
            }
        )
    )
    registry.load_database(tmp_path / "database.yml")
    assert BackgroundNoise("Noises.Collection.All").paths == [str(noise_folder / "long.wav")]


def test_missing_musan_is_one_sentence_that_says_how_to_get_it():
    with pytest.raises(UserError, match=r"get MUSAN \(openslr\.org/17\)") as raised:
        BackgroundNoise("MUSAN.Collection.BackgroundNoise", snr_min=10, snr_max=20)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("path", ["/no/such/noises", "noises", "../noises.v2"])
def test_missing_folder_is_no_collection_to_get(path):
    with pytest.raises(UserError, match="There is no folder of noise") as raised:
        BackgroundNoise(path)
    assert f"'{path}'" in str(raised.value)
    assert "get" not in str(raised.value)


def test_folder_without_audio_and_inverted_bounds_are_refused(tmp_path, noise_folder):
    with pytest.raises(UserError, match="holds no audio"):
        BackgroundNoise(tmp_path)
    with pytest.raises(UserError, match="above snr_max"):
        BackgroundNoise(noise_folder, 20, 10)
