"""The networks of public projects are pyannote.audio models like any other."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from pyannote.audio import Inference, Model
from pyannote.audio.pipelines.speaker_verification import PretrainedSpeakerEmbedding
from torch.nn import functional as F

from pyannote_ge2e.architectures import DVector
from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.architectures.recipes import RECIPES
from pyannote_ge2e.errors import UserError

RATE = 16000


@pytest.fixture(params=list(RECIPES))
def dvector(request):
    """A function that makes a small model of each recipe in turn, that tells inputs apart."""

    def make(**options):
        model = DVector(recipe=request.param, lstm={"hidden_size": 16}, dimension=12, **options)
        with torch.no_grad():
            if request.param == "resemblyzer":  # whose energies are small numbers
                model.lstm.weight_ih_l0 *= 30
                model.projection.bias += 0.1
        return model.eval()

    return make


def noise(seconds, batch=1):
    """Bursts that differ from one tenth of a second to the next."""
    bursts = torch.rand(batch, 1, round(10 * seconds)).repeat_interleave(RATE // 10, dim=-1)
    return 0.3 * torch.randn(bursts.shape) * bursts


def test_a_mask_that_keeps_all_changes_nothing(dvector):
    model, waveforms = dvector(), noise(4.2, batch=3)
    with torch.no_grad():
        expected = model(waveforms)
        for weights in (torch.ones(3, 117), torch.ones(3, waveforms.shape[-1])):
            torch.testing.assert_close(model(waveforms, weights), expected, atol=1e-5, rtol=0)


def test_dropped_audio_has_no_effect(dvector):
    model, waveforms = dvector(), noise(4.0)
    weights = torch.zeros(1, 400)
    weights[:, 50:120] = weights[:, 260:340] = 1
    other = waveforms.clone()
    other[..., : RATE // 2] = torch.nan
    other[..., round(1.2 * RATE) : round(2.6 * RATE)] *= -5
    with torch.no_grad():
        expected = model(waveforms, weights)
        torch.testing.assert_close(model(other, weights), expected, atol=1e-6, rtol=0)
        assert F.cosine_similarity(expected, model(waveforms)).item() < 0.9999


def test_masks_of_several_speakers_and_of_none(dvector):
    model, waveforms = dvector(), noise(3.0, batch=2)
    weights = torch.zeros(2, 3, 300)
    weights[:, 0, :100] = weights[:, 1, 100:] = 1
    with torch.no_grad():
        together = model(waveforms, weights)
        apart = model(waveforms, weights[:, 1])
    assert together.shape == (2, 3, 12)
    torch.testing.assert_close(together[:, 1], apart, atol=1e-6, rtol=0)
    assert together[:, :2].isfinite().all()
    assert together[:, 2].isnan().all()


def test_rows_of_a_batch_do_not_mix(dvector):
    model, waveforms = dvector(), noise(2.5, batch=4)
    waveforms[1, :, :8000] = 0  # silence, dropped by some
    waveforms[2] = 0
    with torch.no_grad():
        together = model(waveforms)
        apart = torch.cat([model(waveform[None]) for waveform in waveforms])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)
    assert together.isfinite().all()


def test_level_is_no_matter_where_the_project_sets_it():
    waveforms = 0.01 * noise(2.0)
    for recipe, ratio in (("resemblyzer", 0.1), ("dvector", 0.1), ("dvector", 50.0)):
        model = DVector(recipe=recipe, lstm={"hidden_size": 8}, dimension=6).eval()
        with torch.no_grad():
            same = F.cosine_similarity(model(waveforms), model(ratio * waveforms))
        assert same.item() == pytest.approx(1, abs=1e-6)


def test_checkpoints_come_back_the_same(dvector, save, tmp_path):
    model = dvector()
    path = save(model, tmp_path / "0001.pt")
    waveforms = noise(2.0)
    with torch.no_grad():
        expected = model(waveforms)
        for other in (Model.from_pretrained(path).eval(), load_model(path)):
            assert torch.equal(other(waveforms), expected)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(other(waveforms), expected)


def test_what_pyannote_does_with_an_embedding(dvector, save, tmp_path):
    folder = tmp_path / "pyannote"  # a path without that word is taken for another toolkit's
    folder.mkdir()
    path = str(save(dvector(), folder / "0001.pt"))
    model = Model.from_pretrained(path).eval()
    waveform = noise(4.0)[0]
    file = {"uri": "noise", "waveform": waveform, "sample_rate": RATE}

    whole = Inference(model, window="whole")(file)
    with torch.no_grad():
        np.testing.assert_allclose(whole, model(waveform[None])[0], atol=1e-6)
        second = model(waveform[None, :, RATE : 2 * RATE])[0]
    rows = Inference(model, duration=1.0, step=1.0)(file)
    assert rows.data.shape == (4, 12)
    np.testing.assert_allclose(rows.data[1], second, atol=1e-5)

    get_embedding = PretrainedSpeakerEmbedding(path)
    assert (get_embedding.dimension, get_embedding.sample_rate) == (12, RATE)
    assert get_embedding.min_num_samples == 400
    masks = torch.ones(2, 118)
    masks[0, 50:] = 0
    masks[1] = 0
    masked = get_embedding(waveform[None].repeat(2, 1, 1), masks=masks)
    assert np.isfinite(masked[0]).all()
    assert np.isnan(masked[1]).all()


def test_gradients_reach_every_weight(dvector):
    model = dvector().train()
    weights = torch.ones(3, 100)
    weights[1, 50:] = 0
    weights[2] = 0
    embeddings = model(noise(1.6, batch=3), weights)
    embeddings[:2].square().mul(torch.randn(2, 12)).sum().backward()
    for name, parameter in model.named_parameters():
        if name != "attention.bias":  # a softmax is indifferent to it
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


def test_training_takes_chunks_as_they_come():
    model = DVector(recipe="dvector", lstm={"hidden_size": 8}, dimension=6)
    waveforms = noise(1.6)
    waveforms[..., :8000] = 0
    with torch.no_grad():
        trained, embedded = model.train()(waveforms), model.eval()(waveforms)
    model = DVector(recipe="dvector", lstm={"hidden_size": 8}, dimension=6, silence="keep")
    assert F.cosine_similarity(trained, embedded).item() < 0.99999


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_model_that_is_cast_gives_embeddings_of_its_own_precision(dvector, dtype):
    model, waveforms = dvector().requires_grad_(False), noise(3.0)
    expected = model(waveforms)
    embeddings = model.to(dtype)(waveforms.to(dtype))
    assert embeddings.dtype == dtype
    assert F.cosine_similarity(embeddings.float(), expected).item() > 0.95


def test_windows_are_those_of_the_projects():
    count = {name: recipe.count for name, recipe in RECIPES.items()}
    # 1.6 s fill the first window; the next one needs three quarters of its own.
    assert [count["resemblyzer"](n, 160, 77) for n in (100, 25600, 31519, 31520)] == [1, 1, 1, 2]
    # A frame more than 160 makes another window, up to the next multiple of 80 frames.
    assert [count["dvector"](n * 160, 160, 80) for n in (50, 159, 160, 239, 240)] == [1, 1, 2, 2, 3]
    assert count["harryvolek"](10**6, 6251, 1) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"recipe": "resemblizer"}, "did you mean 'resemblyzer'"),
        ({"silence": "edges"}, "'keep' or 'energy' or 'webrtcvad', not 'edges'"),
        ({"pooling": "attention"}, "must be 'last'"),
        ({"lstm": {"hidden": 3}}, "Unknown lstm option"),
        ({"dimension": 0}, "dimension must be"),
        ({"sample_rate": 8000}, "16000 Hz, not 8000"),
        ({"num_channels": 2}, "mono"),
    ],
)
def test_options_that_do_not_exist_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        DVector(**options)


def test_shapes_that_cannot_be_are_refused(dvector):
    model = dvector()
    with pytest.raises(ValueError, match="399 samples are too few"):
        model(torch.randn(1, 1, 399))
    with pytest.raises(ValueError, match="batch, 1, sample"):
        model(torch.randn(1, 2, 16000))
    with pytest.raises(ValueError, match="batch of 1"):
        model(torch.randn(1, 1, 16000), torch.ones(2, 10))


@pytest.mark.parametrize("silence", ["energy", "split", "trim", "edges"])
def test_silence_is_dropped_and_speech_is_not(silence):
    recipe = {"energy": "resemblyzer", "edges": "dvector"}.get(silence, "harryvolek")
    model = DVector(recipe=recipe, lstm={"hidden_size": 8}, dimension=6, silence=silence)
    waveform = torch.cat([torch.zeros(RATE), 0.3 * torch.randn(2 * RATE), torch.zeros(RATE)])
    inside = torch.cat([waveform, waveform])
    left, left_inside = (len(model.preprocess(each)) / RATE for each in (waveform, inside))
    assert 2.0 <= left < 2.4
    within = 2.0 if silence in ("edges", "trim") else 0.0
    assert 4.0 + within <= left_inside < 4.8 + within
    assert len(model.preprocess(torch.zeros(RATE))) == RATE
