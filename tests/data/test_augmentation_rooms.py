"""Impulse responses, from files and simulated."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from torchaudio.functional import fftconvolve

from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.impulse_response import ImpulseResponse
from pyannote_ge2e.data.augmentation.simulated_room import SimulatedRoom
from pyannote_ge2e.data.augmentation.upstream import ApplyImpulseResponse
from pyannote_ge2e.errors import UserError

DELAY = 30


@pytest.fixture
def waveforms():
    return 0.1 * torch.randn(4, 1, 6000, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def response():
    """Direct sound after 30 samples, and a tail of 2000."""
    rng = np.random.default_rng(0)
    tail = 0.1 * rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    return np.concatenate([np.zeros(DELAY), [1.0], tail]).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, response):
    root = tmp_path_factory.mktemp("rooms")
    soundfile.write(root / "hall.wav", response, 16000, subtype="FLOAT")
    return root


def augment(transform, waveforms, n=0):
    return Augmenter(transform)(waveforms, 16000, np.random.SeedSequence([3, n]))


def rms(waveforms):
    return waveforms.square().mean(-1).sqrt()


def test_speech_is_convolved_and_stays_where_it_is(waveforms, folder, response):
    heard = augment(ImpulseResponse(folder, keep_level=False, p=1.0), waveforms)
    full = fftconvolve(waveforms, torch.from_numpy(response).view(1, 1, -1))
    assert torch.allclose(heard, full[..., DELAY : DELAY + 6000], atol=1e-6)


def test_level_is_kept_unless_told_otherwise(waveforms, folder):
    heard = augment(ImpulseResponse(folder, p=1.0), waveforms)
    assert torch.allclose(rms(heard), rms(waveforms), rtol=1e-5)
    loose = augment(ImpulseResponse(folder, keep_level=False, p=1.0), waveforms)
    assert not torch.allclose(rms(loose), rms(waveforms), rtol=1e-2)


def test_delay_of_a_response_can_be_had(waveforms, folder):
    heard = augment(ImpulseResponse(folder, keep_level=False, align=False, p=1.0), waveforms)
    assert heard[..., :DELAY].abs().max() < 1e-6
    aligned = augment(ImpulseResponse(folder, keep_level=False, p=1.0), waveforms)
    assert torch.allclose(heard[..., DELAY:], aligned[..., :-DELAY], atol=1e-6)


def test_responses_of_any_rate_channels_and_length_stand_side_by_side(tmp_path, waveforms):
    soundfile.write(tmp_path / "a.wav", np.pad([0.9], (7, 3)), 16000)
    soundfile.write(tmp_path / "b.flac", np.pad([0.5], (4410, 50000)), 44100)
    soundfile.write(tmp_path / "c.wav", np.full((1, 2), 0.5), 16000)
    many = waveforms.repeat(10, 1, 1)
    heard = augment(ImpulseResponse(tmp_path, p=1.0), many)
    similar = torch.cosine_similarity(heard, many, dim=-1)
    assert (similar > 0.9).all()
    assert torch.allclose(rms(heard), rms(many), rtol=1e-5)


def test_a_response_much_longer_than_the_chunk_costs_no_more(tmp_path):
    response = np.concatenate([[1.0], np.full(40000, 1e-3)])
    soundfile.write(tmp_path / "a.wav", response, 16000)
    chunks = Chunks(2, 1000, 16000)
    drawn = ImpulseResponse(tmp_path).draw(np.random.default_rng(0), chunks)
    assert drawn["response"].shape == (2, 1, 1000)


def test_a_direct_sound_that_comes_late_costs_no_more(tmp_path):
    """Not a response, most likely: a recording whose loudest sample is anywhere."""
    late = np.zeros(200_000, np.float32)
    late[150_000] = 1.0
    late[149_900] = 0.5
    soundfile.write(tmp_path / "late.wav", late, 16000, subtype="FLOAT")
    room = ImpulseResponse(tmp_path, keep_level=False, p=1.0)
    drawn = room.draw(np.random.default_rng(0), Chunks(2, 1000, 16000))
    assert drawn["response"].shape[-1] <= 2000
    x = 0.1 * torch.randn(2, 1, 1000, generator=torch.Generator().manual_seed(0))
    heard = room.augment(x, drawn, 1000, 16000)
    expected = x + 0.5 * torch.cat([x[..., 100:], torch.zeros(2, 1, 100)], dim=-1)
    assert torch.allclose(heard, expected, atol=1e-6)


def test_silent_response_is_named(tmp_path, waveforms):
    soundfile.write(tmp_path / "nothing.wav", np.zeros(100), 16000)
    with pytest.raises(UserError, match=r"nothing\.wav' is silent") as raised:
        augment(ImpulseResponse(tmp_path, p=1.0), waveforms)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collection": "/no/such/rooms"}, "no folder of impulse responses '/no/such/rooms'"),
        ({"keep_level": "yes"}, "keep_level should be true or false, not 'yes'"),
        ({"p": -0.1}, "p should be a number from 0 to 1, not -0.1"),
        ({"collection": []}, "names no folder"),
    ],
)
def test_what_a_response_cannot_be_is_refused(folder, options, message):
    with pytest.raises(UserError, match=message):
        ImpulseResponse(**{"collection": folder, **options})


def test_folder_without_audio_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"ir_paths: .* holds no audio file"):
        ApplyImpulseResponse(tmp_path)


@pytest.mark.parametrize("compensate", [False, True])
def test_upstreams_responses_do_what_upstream_does(waveforms, folder, response, compensate):
    """Its own code, but for the reading, which fails with this torchaudio."""
    from torch_audiomentations import ApplyImpulseResponse as Theirs

    options = {"compensate_for_propagation_delay": compensate, "p": 1.0}
    theirs = Theirs([folder / "hall.wav"], output_type="dict", **options)
    theirs.transform_parameters = {
        "ir": torch.from_numpy(response).expand(4, 1, -1),
        "should_apply": torch.ones(4, dtype=torch.bool),
    }
    theirs.freeze_parameters()
    expected = theirs(samples=waveforms, sample_rate=16000).samples
    heard = augment(ApplyImpulseResponse([folder / "hall.wav"], **options), waveforms)
    assert torch.allclose(heard, expected, atol=1e-6)


def test_upstream_still_cannot_read_them(folder, waveforms):
    """When it can, our own reading of them may go."""
    from torch_audiomentations import ApplyImpulseResponse as Theirs

    theirs = Theirs(folder, p=1.0, output_type="dict")
    with pytest.raises(AttributeError, match="info"):
        theirs(samples=waveforms, sample_rate=16000)


# --- simulated ------------------------------------------------------------------------------


def simulated(**options):
    room = SimulatedRoom(p=1.0, **options)
    return room.responses(np.random.default_rng(0), Chunks(20, 32000, 16000))


@pytest.mark.parametrize("ratio", [-3.0, 10.0])
def test_simulated_room_has_its_direct_to_reverberant_ratio(ratio):
    for response in simulated(direct_to_reverberant=ratio):
        found = 10 * np.log10(response[0] ** 2 / np.square(response[1:]).sum())
        assert found == pytest.approx(ratio, abs=0.01)
        assert np.abs(response).argmax() == 0


@pytest.mark.parametrize("rt60", [0.2, 0.6])
def test_simulated_room_dies_away_in_its_reverberation_time(rt60):
    """Energy still to come falls by 60 dB in rt60: by Schroeder's integral, on a part of it."""
    slopes = []
    for response in simulated(rt60=rt60):
        left = 10 * np.log10(np.cumsum(np.square(response[1:][::-1].astype(float)))[::-1])
        first, last = (int(share * rt60 * 16000) for share in (0.05, 0.4))
        slopes.append((left[first] - left[last]) / ((last - first) / 16000))
    assert 60 / np.mean(slopes) == pytest.approx(rt60, rel=0.05)


def test_each_chunk_has_a_room_of_its_own_and_keeps_its_level(waveforms):
    same = waveforms[:1].repeat(4, 1, 1)
    heard = augment(SimulatedRoom(p=1.0), same)
    assert heard.shape == same.shape
    assert torch.allclose(rms(heard), rms(same), rtol=1e-5)
    assert not torch.allclose(heard[0], heard[1], atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rt60": [0.8, 0.2]}, r"rt60 should be \[lowest, highest\]"),
        ({"rt60": 0}, "rt60 should be"),
        ({"direct_to_reverberant": "dry"}, "direct_to_reverberant should be"),
    ],
)
def test_rooms_that_cannot_be_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        SimulatedRoom(**options)


def test_chunks_shorter_than_a_room_are_heard_in_it():
    output = augment(SimulatedRoom(p=1.0), torch.randn(3, 1, 20))
    assert output.isfinite().all()
