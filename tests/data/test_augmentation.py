"""Background noise, from folders and collections, and MUSAN."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import soundfile
import torch
import yaml

from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.musan import Musan
from pyannote_ge2e.data.augmentation.noise import BackgroundNoise
from pyannote_ge2e.data.augmentation.upstream import AddBackgroundNoise
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


def augment(transform, waveforms, n: int = 0):
    return Augmenter(transform)(waveforms, 16000, np.random.SeedSequence([1, 2, n]))


@pytest.mark.parametrize("snr", [0.0, 15.0])
def test_noise_has_the_ratio_that_was_asked_for(waveforms, noise_folder, snr):
    noisy = augment(BackgroundNoise(noise_folder, snr, snr), waveforms)
    noise = noisy - waveforms
    ratio = 10 * torch.log10(waveforms.square().mean(-1) / noise.square().mean(-1))
    assert torch.allclose(ratio, torch.full_like(ratio, snr), atol=0.01)
    assert not torch.equal(noise[0], noise[1])


def test_noise_is_added_to_a_share_of_the_chunks(noise_folder):
    waveforms = torch.ones(200, 1, 100)
    noisy = augment(BackgroundNoise(noise_folder, p=0.3), waveforms)
    share = (noisy != waveforms).any(-1).float().mean()
    assert 0.15 < share < 0.45


def test_silence_stays_silent(noise_folder):
    silence = torch.zeros(2, 1, 4000)
    assert torch.equal(augment(BackgroundNoise(noise_folder), silence), silence)


def test_noise_travels_to_workers(noise_folder):
    noise = pickle.loads(pickle.dumps(BackgroundNoise(noise_folder)))
    assert len(noise.files.paths) == 2


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
    noise = BackgroundNoise("Noises.Collection.All")
    assert noise.files.paths == [str(noise_folder / "long.wav")]


def test_missing_musan_is_one_sentence_that_says_how_to_get_it():
    with pytest.raises(UserError, match=r"get MUSAN \(openslr\.org/17\)") as raised:
        BackgroundNoise("MUSAN.Collection.BackgroundNoise", snr_min=10, snr_max=20)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("path", ["/no/such/noises", "noises", "../noises.v2"])
def test_missing_folder_is_no_collection_to_get(path):
    with pytest.raises(UserError, match="there is no folder of noise") as raised:
        BackgroundNoise(path)
    assert f"'{path}'" in str(raised.value)
    assert "get" not in str(raised.value)


def test_folder_without_audio_and_inverted_bounds_are_refused(tmp_path, noise_folder):
    with pytest.raises(UserError, match="holds no audio"):
        BackgroundNoise(tmp_path)
    with pytest.raises(UserError, match="above snr_max"):
        BackgroundNoise(noise_folder, 20, 10)


def test_links_to_folders_are_followed_and_hidden_files_passed_over(
    tmp_path, noise_folder, waveforms
):
    (tmp_path / "linked").symlink_to(noise_folder)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "._rest.wav").write_bytes(b"of a copy from elsewhere")
    noise = BackgroundNoise(tmp_path)
    assert len(noise.files.paths) == len(BackgroundNoise(noise_folder).files.paths)
    assert not torch.equal(augment(noise, waveforms), waveforms)


@pytest.mark.parametrize(
    ("content", "message"), [(b"RIFF", "long.wav"), (b"", "is empty"), (b"noise", "long.wav")]
)
def test_corrupt_noise_is_named_with_its_folder(tmp_path, waveforms, content, message):
    (tmp_path / "long.wav").write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        augment(BackgroundNoise(tmp_path), waveforms)
    assert f"files of noise of '{tmp_path}'" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_file_that_is_gone_is_named(tmp_path, waveforms):
    soundfile.write(tmp_path / "a.wav", np.ones(100), 16000)
    noise = BackgroundNoise(tmp_path)
    (tmp_path / "a.wav").unlink()
    with pytest.raises(UserError, match=r"No such audio file: .*a\.wav"):
        augment(noise, waveforms)


def test_silent_noise_adds_nothing(tmp_path, waveforms):
    soundfile.write(tmp_path / "a.wav", np.zeros(9000), 16000)
    assert torch.equal(augment(BackgroundNoise(tmp_path), waveforms), waveforms)


def test_loud_sums_are_not_clipped(noise_folder):
    loud = torch.full((2, 1, 4000), 0.99)
    assert augment(BackgroundNoise(noise_folder, -10, -10), loud).abs().max() > 1.5


def test_noise_of_any_sample_rate_has_the_pitch_it_had(tmp_path):
    time = np.arange(44100) / 44100
    soundfile.write(tmp_path / "hum.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), 44100)
    speech = torch.randn(1, 1, 8000, generator=torch.Generator().manual_seed(0))
    noise = augment(BackgroundNoise(tmp_path, 0, 0), speech) - speech
    spectrum = torch.fft.rfft(noise[0, 0]).abs()
    assert spectrum.argmax().item() == 500  # 1000 Hz, in bins of 2 Hz


# --- under upstream's names ---------------------------------------------------------------------


def test_upstreams_noise_has_its_parameters(waveforms, noise_folder):
    transform = AddBackgroundNoise(
        background_paths=[noise_folder / "long.wav"], min_snr_in_db=3, max_snr_in_db=3, p=1.0
    )
    noise = augment(transform, waveforms) - waveforms
    ratio = 10 * torch.log10(waveforms.square().mean(-1) / noise.square().mean(-1))
    assert torch.allclose(ratio, torch.tensor(3.0), atol=0.01)
    assert not torch.equal(noise[0], noise[1])


def test_upstreams_noise_for_a_whole_batch_is_the_same_for_all_of_it(waveforms, noise_folder):
    transform = AddBackgroundNoise(noise_folder, mode="per_batch", p=1.0)
    noise = augment(transform, waveforms) - waveforms
    assert torch.allclose(noise[0], noise[1], atol=1e-6)
    assert noise.abs().max() > 0.01


def test_upstreams_names_refuse_what_cannot_be(noise_folder):
    with pytest.raises(UserError, match="mode: unknown 'per_chunk'"):
        AddBackgroundNoise(noise_folder, mode="per_chunk")
    with pytest.raises(UserError, match=r"min_snr_in_db \(9\) is above max_snr_in_db"):
        AddBackgroundNoise(noise_folder, min_snr_in_db=9, max_snr_in_db=3)


# --- MUSAN ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def musan(tmp_path_factory):
    """Three kinds of hum: 500, 1000 and, in speech, 2000 and 3000 Hz."""
    root = tmp_path_factory.mktemp("musan")
    time = np.arange(24000) / 16000
    for path, pitch in [
        ("noise/free-sound/n1.wav", 500),
        ("music/fma/m1.wav", 1000),
        ("speech/librivox/s1.wav", 2000),
        ("speech/us-gov/s2.wav", 3000),
    ]:
        (root / path).parent.mkdir(parents=True)
        soundfile.write(root / path, 0.1 * np.sin(2 * np.pi * pitch * time), 16000)
    (root / "noise" / "free-sound" / "LICENSE").write_text("-")
    return root


def kinds(noise):
    """Which hums are in a waveform."""
    spectrum = torch.fft.rfft(noise, dim=-1).abs()
    bins = [pitch * noise.shape[-1] // 16000 for pitch in (500, 1000, 2000, 3000)]
    return (spectrum[..., bins] > 0.1 * spectrum.amax(-1, keepdim=True)).squeeze(1)


def test_musans_kinds_each_have_their_ratios(musan):
    speech = torch.randn(60, 1, 8000, generator=torch.Generator().manual_seed(0))
    noisy = augment(Musan(musan, noise=[0, 1], music=[10, 11], speech=[20, 21], p=1.0), speech)
    noise = noisy - speech
    ratio = 10 * torch.log10(speech.square().mean(-1) / noise.square().mean(-1)).squeeze(1)
    found = kinds(noise)
    for kind, (low, high) in enumerate([(0, 1), (10, 11), (20, 21)]):
        rows = found[:, 2:].any(1) if kind == 2 else found[:, kind]
        assert 8 < rows.sum() < 32
        assert (ratio[rows] > low - 0.01).all()
        assert (ratio[rows] < high + 0.01).all()


def test_musans_speech_is_several_files_at_once(musan):
    speech = torch.randn(40, 1, 8000, generator=torch.Generator().manual_seed(0))
    babble = Musan(musan, noise=None, music=None, num_voices=[5, 7], p=1.0)
    found = kinds(augment(babble, speech) - speech)
    assert not found[:, :2].any()
    assert found[:, 2:].all(1).float().mean() > 0.8  # both files in most of the mixtures


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": [15, 0]}, r"noise should be \[lowest, highest\], not \[15, 0\]"),
        ({"music": "loud"}, "music should be"),
        ({"noise": None, "music": None, "speech": None}, "all left out"),
        ({"num_voices": [0, 3]}, "num_voices should be"),
        ({"p": 2}, "p should be a number from 0 to 1, not 2"),
        ({"folder": "/no/such/musan"}, r"no folder '/no/such/musan': get MUSAN \(openslr"),
    ],
)
def test_what_musan_cannot_be_is_refused(musan, options, message):
    with pytest.raises(UserError, match=message):
        Musan(**{"folder": musan, **options})


def test_a_folder_that_is_not_musans_is_told_what_it_lacks(musan):
    with pytest.raises(UserError, match=r"has no folder 'noise'.*'noise: null'"):
        Musan(musan / "speech")
    assert list(Musan(musan, music=None).files) == ["noise", "speech"]
