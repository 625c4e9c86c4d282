"""Masked-out audio must not reach the embedding; what is kept must be heard as it is."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from pyannote_ge2e.architectures import MelLSTM
from pyannote_ge2e.architectures.pooling import POOLINGS, LastPooling
from pyannote_ge2e.architectures.recurrence import run_over_kept

SECOND = 16000


@pytest.fixture(params=list(POOLINGS))
def pooling(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["forwards", "bidirectional"])
def model(request, make, pooling):
    model = make(pooling=pooling, lstm={"bidirectional": request.param}).eval()
    # Norms with scales and shifts that do something.
    for module in model.modules():
        if isinstance(module, torch.nn.InstanceNorm1d):
            torch.nn.init.uniform_(module.weight, 0.5, 2.0)
            torch.nn.init.normal_(module.bias)
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.bias)
    return model.requires_grad_(False)


def masks(num_frames):
    time = torch.arange(num_frames) / num_frames
    return {
        "middle": ((time > 0.25) & (time < 0.7)).float(),
        "ends": ((time < 0.3) | (time > 0.8)).float(),
        "scattered": (torch.rand(num_frames, generator=torch.manual_seed(1)) > 0.6).float(),
        "soft": (time > 0.4) * (0.1 + time),
    }


@pytest.mark.parametrize("kind", list(masks(1)))
@pytest.mark.parametrize("resolution", ["frames", "coarse", "segmentation", "samples"])
def test_masked_out_audio_does_not_leak(model, kind, resolution):
    length = SECOND + 7
    size = {
        "frames": model.num_frames(length),
        "coarse": 23,
        "segmentation": 293,
        "samples": length,
    }[resolution]
    weights = masks(size)[kind].expand(2, -1)
    dropped = F.interpolate(weights[:, None], size=length, mode="nearest") == 0
    assert 0.1 < dropped.float().mean() < 0.9

    waveforms = 0.1 * torch.randn(2, 1, length)
    expected = model(waveforms, weights=weights)
    assert expected.isfinite().all()
    for other in (10 * torch.randn(2, 1, length), torch.full((2, 1, length), torch.nan)):
        changed = torch.where(dropped, other, waveforms)
        assert (model(changed, weights=weights) - expected).abs().max() < 1e-5

    # And the test would see a leak: what is kept does matter.
    changed = torch.where(dropped, waveforms, 0.1 * torch.randn(2, 1, length))
    assert (model(changed, weights=weights) - expected).abs().max() > 1e-4


def test_keeping_everything_is_no_mask(model):
    waveforms = torch.randn(3, 1, SECOND + 3)
    expected = model(waveforms)
    for size in (1, 10, model.num_frames(SECOND + 3), SECOND + 3):
        torch.testing.assert_close(
            model(waveforms, weights=torch.ones(3, size)), expected, atol=1e-5, rtol=1e-4
        )


def test_the_kept_part_is_heard_as_if_it_were_alone(model):
    step = model.receptive_field_size(2) - model.receptive_field_size(1)
    start = 60 * step
    sound = torch.sin(torch.arange(start) * 0.2).reshape(1, 1, -1)
    kept = torch.randn(1, 1, SECOND)
    both = torch.cat([sound, kept], dim=-1)
    weights = (torch.arange(both.shape[-1]) >= start)[None]

    # Frames away from the edge differ by what frames at the edge weigh in the norms.
    alone, masked = model.front_end(kept), model.front_end(both, weights)[..., 60:]
    inside = slice(4, alone.shape[-1])
    deviation = (masked - alone)[..., inside].norm() / alone[..., inside].norm()
    mixed = model.front_end(both)[..., 60:]
    assert deviation < 0.05
    assert (mixed - alone)[..., inside].norm() / alone[..., inside].norm() > 0.5
    if not isinstance(model.pooling, LastPooling):  # which may well be a frame at the edge
        assert torch.cosine_similarity(model(both, weights=weights), model(kept)).item() > 0.95


def test_each_speaker_of_a_waveform_has_an_embedding(model):
    waveforms, weights = torch.randn(2, 1, SECOND), (torch.rand(2, 3, 50) > 0.5).float()
    embeddings = model(waveforms, weights=weights)
    assert embeddings.shape == (2, 3, model.dimension)
    for speaker in range(3):
        torch.testing.assert_close(
            embeddings[:, speaker],
            model(waveforms, weights=weights[:, speaker]),
            atol=1e-5,
            rtol=1e-4,
        )


def test_rows_of_a_batch_do_not_meet(model):
    waveforms, weights = torch.randn(3, 1, SECOND), torch.ones(3, 20)
    weights[0, 5:], weights[1, :17] = 0, 0
    together = model(waveforms, weights=weights)
    for row in range(3):
        alone = model(waveforms[row : row + 1], weights=weights[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-4)


def test_too_little_kept_gives_nan_there_and_there_only(model):
    num_frames = model.num_frames(SECOND)
    weights = torch.zeros(3, num_frames)
    weights[1, 10] = 1  # one frame: the norms need two
    weights[2, 10:12] = 1
    embeddings = model(torch.randn(3, 1, SECOND), weights=weights)
    assert embeddings[:2].isnan().all()
    assert embeddings[2].isfinite().all()


@pytest.mark.parametrize(
    ("kept", "heard"),
    [
        ([1], False),  # in the middle of a frame, alone: minus its own mean, nothing
        ([1, 2], True),
        ([0], False),  # at the edge of a frame, which is therefore dropped
        ([95, 96], False),  # one in the last frame, one left over after it
        ([96, 97], False),  # both left over
    ],
)
def test_stacked_windows_are_counted_one_by_one(kept, heard):
    """Of 98 windows, 3 a frame, two are left over."""
    model = MelLSTM(mel={"stack": 3}, preset="td-sv", pooling="stats").eval()
    weights = torch.zeros(2, 98)
    weights[:, kept] = 1
    embeddings = model(torch.randn(2, 1, SECOND), weights=weights)
    if heard:
        assert embeddings.isfinite().all()
        assert not torch.allclose(embeddings[0], embeddings[1], atol=1e-3)
    else:
        assert embeddings.isnan().all()


def test_a_single_window_is_enough_when_nothing_is_subtracted():
    model = MelLSTM(mel={"stack": 3, "normalise": False}, preset="td-sv").eval()
    weights = torch.zeros(2, 98)
    weights[:, 1] = 1
    embeddings = model(torch.randn(2, 1, SECOND), weights=weights)
    assert not torch.allclose(embeddings[0], embeddings[1], atol=1e-4)


def test_booleans_and_negative_weights(model):
    waveforms, weights = torch.randn(2, 1, SECOND), torch.randn(2, 30)
    expected = model(waveforms, weights=weights.clamp(min=0))
    torch.testing.assert_close(model(waveforms, weights=weights), expected)
    hard = model(waveforms, weights=(weights > 0).float())
    torch.testing.assert_close(model(waveforms, weights=weights > 0), hard)


@pytest.mark.parametrize("shape", [(30,), (3, 30), (2, 2, 2, 30)])
def test_weights_of_another_shape_are_refused(make, shape):
    with pytest.raises(ValueError, match="Weights must have shape"):
        make()(torch.randn(2, 1, SECOND), weights=torch.ones(shape))


def test_training_through_a_mask(make, pooling):
    model = make(pooling=pooling)
    weights = torch.ones(3, 20)
    weights[0, 7:] = 0
    weights[1] = 0  # its embedding is NaN; the gradient of the others must not be
    model(torch.randn(3, 1, SECOND), weights=weights)[[0, 2]].sum().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("bidirectional", [False, True])
def test_masked_frames_do_not_move_the_recurrence(bidirectional):
    lstm = torch.nn.LSTM(3, 5, 2, batch_first=True, bidirectional=bidirectional)
    frames, weights = torch.randn(2, 8, 3), torch.tensor([[0.0, 1, 0, 0, 2, 1, 0, 0], [1.0] * 8])
    outputs, kept = run_over_kept(lstm, frames, weights)
    assert kept.tolist() == [[1, 2, 1, 0, 0, 0, 0, 0], [1] * 8]
    torch.testing.assert_close(outputs[:1, :3], lstm(frames[:1, [1, 4, 5]])[0])
    torch.testing.assert_close(outputs[1:], lstm(frames[1:])[0])
