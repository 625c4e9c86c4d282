"""Models that start from stored features: log-mel energies, or any others."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import soundfile
import torch
from pyannote.audio import Inference, Model

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.errors import UserError


def mel_lstm(**options) -> MelLSTM:
    lstm = {"hidden_size": 12, "num_layers": 2, "proj_size": 0}
    return MelLSTM(lstm=lstm, dimension=8, pooling="stats", **options).eval()


@pytest.mark.parametrize("mel", [{}, {"stack": 3}, {"normalise": False, "num_mels": 24}])
def test_log_mel_energies_embed_like_the_audio_they_come_from(mel):
    model = mel_lstm(mel=mel)
    waveforms = 0.1 * torch.randn(3, 1, 16000)
    stored = model.front_end.window_features(waveforms)
    assert stored.shape == (3, model.stored_dimension, 98)
    torch.testing.assert_close(model(stored), model(waveforms))


@pytest.mark.parametrize("mel", [{}, {"stack": 3}, {"normalise": False}])
def test_masks_of_whole_frames_mean_the_same_of_both(mel):
    model = mel_lstm(mel=mel)
    waveforms = 0.1 * torch.randn(2, 1, 16000)
    stored = model.front_end.window_features(waveforms)
    weights = torch.ones(2, 98)
    torch.testing.assert_close(model(stored, weights), model(waveforms, weights))


@pytest.mark.parametrize("options", [{}, {"features": {"dimension": 40, "stack": 2}}])
def test_frames_that_a_mask_drops_have_no_effect(options):
    model = mel_lstm(**options)
    stored = torch.randn(2, 40, 60)
    weights = torch.ones(2, 60)
    weights[:, 20:40] = 0
    other = stored.clone()
    other[:, :, 20:40] = torch.nan
    embeddings = model(stored, weights)
    assert embeddings.isfinite().all()
    torch.testing.assert_close(model(other, weights), embeddings)
    assert not torch.allclose(model(stored), embeddings)
    # Speakers of one chunk, each with a mask; one of them says nothing.
    several = torch.stack([weights, torch.zeros_like(weights)], dim=1)
    both = model(stored, several)
    torch.testing.assert_close(both[:, 0], embeddings)
    assert both[:, 1].isnan().all()


def test_a_model_of_other_features_saves_and_loads_without_a_warning(save, tmp_path):
    model = mel_lstm(features={"dimension": 256, "step": 0.02, "name": "PASE+"})
    path = save(model, tmp_path / "model.ckpt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = Model.from_pretrained(path).eval()
    assert loaded.hparams["features"] == {
        "dimension": 256,
        "step": 0.02,
        "window": 0.025,
        "normalise": True,
        "stack": 1,
        "name": "PASE+",
    }
    features = torch.randn(2, 256, 50)
    assert torch.equal(loaded(features), model(features))


@pytest.mark.parametrize("window", ["whole", "sliding"])
def test_audio_given_to_a_model_of_other_features_is_told_what_it_takes(save, tmp_path, window):
    path = save(mel_lstm(features={"dimension": 256, "name": "PASE+"}), tmp_path / "model.ckpt")
    soundfile.write(tmp_path / "a.wav", np.zeros(32000), 16000)
    inference = Inference(Model.from_pretrained(path).eval(), window=window)
    with pytest.raises(UserError, match=r"takes no audio.*PASE\+ features, 256 every 0\.01 s"):
        inference(tmp_path / "a.wav")


def test_features_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"stored features \(batch, 40, frame\), not \(1, 24, 50"):
        mel_lstm()(torch.randn(1, 24, 50))
    with pytest.raises(ValueError, match=r"\(batch, 1, sample\), not \(1, 40, 50\)"):
        SincNetLSTM()(torch.randn(1, 40, 50))


def test_too_few_frames_are_counted_in_frames():
    with pytest.raises(ValueError, match=r"1 frames are too few .* needs at least 2"):
        mel_lstm()(torch.randn(1, 40, 1))
    with pytest.raises(ValueError, match=r"2 frames are too few .* needs at least 3"):
        mel_lstm(features={"dimension": 6, "stack": 3})(torch.randn(1, 6, 2))


def test_frames_are_those_of_the_audio_that_features_came_from():
    model = mel_lstm(features={"dimension": 6, "step": 0.02, "window": 0.05})
    assert model.num_frames(16000) == 1 + (16000 - 800) // 320
    assert (model.receptive_field_size(1), model.receptive_field_size(2)) == (800, 1120)


def test_half_precision_follows_the_model():
    model = mel_lstm(features={"dimension": 6}).to(torch.bfloat16)
    assert model(torch.randn(2, 6, 50)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mel": {}, "features": {}}, "mel and features exclude each other"),
        ({"features": {"dimensions": 3}}, "did you mean 'dimension'"),
        ({"features": {"dimension": 0}}, "features: dimension must be a whole number"),
        ({"features": {"step": 0}}, "features: step must be a number of seconds"),
        ({"features": {"step": 1e-9}}, "features: step is shorter than one sample"),
        ({"features": {"name": 3}}, "features: name must be a word"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        mel_lstm(**options)
