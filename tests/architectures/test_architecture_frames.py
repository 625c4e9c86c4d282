"""Shapes, number of frames, receptive fields, and what is too short."""

from __future__ import annotations

import pytest
import torch
from pyannote.audio.models.blocks.sincnet import SincNet

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.mel import LogMel
from pyannote_ge2e.architectures.sinc_energies import SincEnergies
from pyannote_ge2e.architectures.sincnet import MaskedSincNet


def front_ends():
    """Front-ends without the norms, which let every sample move every frame."""
    sincnet = MaskedSincNet(stride=10)
    sincnet._filter = lambda waveforms, weights: sincnet.conv1d[0](waveforms)
    sincnet.norm1d = torch.nn.ModuleList([torch.nn.Identity() for _ in range(3)])
    return {
        "sincnet": sincnet,
        "sinc energies": SincEnergies(stride=8, normalise=False),
        "mel": LogMel(normalise=False),
        "mel stacked": LogMel(normalise=False, stack=3),
        "mel at 8 kHz": LogMel(sample_rate=8000, normalise=False, stack=2),
    }


LENGTHS = [*range(1261, 1300), *range(2000, 12000, 501), 16000, 15999, 48001]


@pytest.mark.parametrize("length", [16000, 15999, 32011])
@pytest.mark.parametrize("batch", [1, 3])
def test_one_embedding_per_waveform(make, batch, length):
    model = make()
    embeddings = model(torch.randn(batch, 1, length))
    assert embeddings.shape == (batch, model.dimension)
    assert embeddings.isfinite().all()


@pytest.mark.parametrize("options", [{"stride": 1}, {"stride": 5}, {"stride": 10}, {"stride": 7}])
def test_sincnet_counts_its_frames(options):
    model = SincNetLSTM(sincnet=options, lstm={"hidden_size": 4, "num_layers": 1}).eval()
    for length in LENGTHS[:: 8 if options["stride"] == 1 else 1]:
        features = model.front_end(torch.randn(1, 1, length))
        assert features.shape == (1, 60, model.num_frames(length)), length


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
@pytest.mark.parametrize("stack", [1, 2, 3])
def test_mel_counts_its_frames(sample_rate, stack):
    lstm = {"hidden_size": 4, "num_layers": 1, "proj_size": 0}
    model = MelLSTM(sample_rate=sample_rate, mel={"stack": stack}, lstm=lstm)
    for length in LENGTHS:
        if model.num_frames(length) > 0:
            features = model.front_end(torch.randn(1, 1, length))
            assert features.shape == (1, 40 * stack, model.num_frames(length)), length


def test_num_frames_and_receptive_field_agree(make):
    model = make()
    for frames in (1, 2, 3, 50):
        size = model.receptive_field_size(frames)
        assert model.num_frames(size) == frames
        assert model.num_frames(size - 1) == frames - 1
    assert model.num_frames(0) == 0
    step = model.receptive_field_size(2) - model.receptive_field_size(1)
    assert model.receptive_field_center(5) - model.receptive_field_center(4) == step
    field = model.receptive_field
    assert field.duration == pytest.approx(model.receptive_field_size(1) / 16000)
    assert abs(field.start) <= 1 / 16000


@pytest.mark.parametrize("name", list(front_ends()))
def test_a_frame_depends_on_its_receptive_field_and_on_nothing_else(name):
    front_end = front_ends()[name].eval()
    waveform = torch.randn(1, 1, 6000)
    before = front_end(waveform)
    size = front_end.receptive_field_size(1)
    for frame in (0, 3, 9):
        first = front_end.receptive_field_center(frame) - (size - 1) // 2
        inside = slice(first, first + size)

        outside = torch.randn(1, 1, 6000)
        outside[..., inside] = waveform[..., inside]
        same = front_end(outside)[..., frame]
        torch.testing.assert_close(same, before[..., frame], atol=1e-6, rtol=1e-6)

        perturbed = waveform.clone()
        perturbed[..., inside] = torch.randn(size)
        assert (front_end(perturbed)[..., frame] - before[..., frame]).abs().max() > 1e-2


def test_without_mask_sincnet_is_upstream_s():
    ours, upstream = MaskedSincNet(stride=10), SincNet(stride=10)
    for norm in (ours.wav_norm1d, *ours.norm1d):
        torch.nn.init.uniform_(norm.weight, 0.5, 2.0)
        torch.nn.init.normal_(norm.bias)
    upstream.load_state_dict(ours.state_dict())
    waveforms = 0.1 * torch.randn(2, 1, 16000)
    expected, features = upstream(waveforms), ours(waveforms)
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=1e-4)

    direction = torch.randn_like(expected)
    (expected * direction).sum().backward()
    (features * direction).sum().backward()
    gradients = {name: parameter.grad for name, parameter in upstream.named_parameters()}
    for name, parameter in ours.named_parameters():
        scale = 1 + gradients[name].abs().max()
        assert (parameter.grad - gradients[name]).abs().max() < 1e-3 * scale, name


def test_too_short_is_an_error_that_gives_the_minimum(make):
    model = make()
    with pytest.raises(ValueError, match=r"100 samples are too few .* needs at least (\d+)"):
        model(torch.randn(1, 1, 100))
    minimum = model.receptive_field_size(2)
    with pytest.raises(ValueError, match=f"needs at least {minimum}"):
        model(torch.randn(1, 1, minimum - 1))
    assert model(torch.randn(1, 1, minimum)).isfinite().all()


def test_one_stacked_frame_is_enough():
    model = MelLSTM(mel={"stack": 3}, preset="td-sv")
    assert model(torch.randn(1, 1, model.receptive_field_size(1))).isfinite().all()


@pytest.mark.parametrize("shape", [(16000,), (2, 16000), (2, 2, 16000)])
def test_waveforms_of_another_shape_are_refused(make, shape):
    with pytest.raises(ValueError, match=r"\(batch, 1, sample\)"):
        make()(torch.randn(shape))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("masked", [False, True])
def test_works_in_half_precision(make, dtype, masked):
    model = make(pooling="stats").eval()
    waveforms = torch.randn(3, 1, 16000)
    weights = (torch.rand(3, 40) > 0.3).float() if masked else None
    expected = model(waveforms, weights=weights)
    with torch.autocast("cpu", dtype=dtype):
        embeddings = model(waveforms, weights=weights)
    embeddings.float().sum().backward()
    assert torch.cosine_similarity(embeddings.float(), expected).min() > 0.97


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("front_end", ["sinc", "sincnet"])
def test_sinc_filters_are_as_precise_inside_autocast_as_outside(front_end, dtype):
    model = SincNetLSTM(**{front_end: {"stride": 10}})
    waveforms = torch.randn(2, 1, 16000)

    def filtered():
        if front_end == "sinc":
            return model.front_end.window_features(waveforms)
        return model.front_end._filter(waveforms, None)

    expected = filtered()
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(filtered(), expected)


def test_digital_silence_gives_a_finite_embedding_and_gradient(make):
    model = make(pooling="stats")
    embeddings = model(torch.zeros(2, 1, 16000))
    embeddings.sum().backward()
    assert embeddings.isfinite().all()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_gain_does_not_change_the_embedding_much(make):
    model = make().eval()
    waveforms = torch.randn(2, 1, 16000)
    torch.testing.assert_close(model(waveforms), model(0.1 * waveforms), atol=2e-3, rtol=0)
