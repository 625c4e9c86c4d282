"""What pyannote.audio does with an embedding: on its own, behind its wrapper, in diarization."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pyannote.audio import Inference, Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.speaker_verification import PretrainedSpeakerEmbedding
from pyannote.core import Segment

from pyannote_ge2e.interop.no_plda import NoPLDA

RATE = 16000


@pytest.fixture
def checkpoint(make, save, tmp_path):
    # Paths without "pyannote" in them are routed by the other words that they hold.
    folder = tmp_path / "pyannote"
    folder.mkdir()
    return str(save(make(pooling="stats"), folder / "0001.pt"))


@pytest.fixture
def file():
    return {"uri": "noise", "waveform": 0.1 * torch.randn(1, 3 * RATE + 77), "sample_rate": RATE}


def embed(checkpoint, waveform, weights=None):
    model = Model.from_pretrained(checkpoint).eval()
    with torch.inference_mode():
        return model(waveform, weights=weights).numpy()


def test_inference_on_a_whole_file(checkpoint, file):
    embedding = Inference(Model.from_pretrained(checkpoint), window="whole")(file)
    np.testing.assert_allclose(embedding, embed(checkpoint, file["waveform"][None])[0], atol=1e-6)


def test_inference_with_a_sliding_window(checkpoint, file):
    embeddings = Inference(Model.from_pretrained(checkpoint), duration=1.0, step=0.5)(file)
    assert embeddings.data.shape == (6, 12)  # the sixth window is filled with zeros
    assert embeddings.sliding_window.step == 0.5
    third = file["waveform"][None, :, RATE : 2 * RATE]
    np.testing.assert_allclose(embeddings.data[2], embed(checkpoint, third)[0], atol=1e-5)


def test_inference_on_an_excerpt(checkpoint, file):
    inference = Inference(Model.from_pretrained(checkpoint), window="whole")
    excerpt = file["waveform"][None, :, RATE // 2 : 2 * RATE]
    expected = embed(checkpoint, excerpt)[0]
    np.testing.assert_allclose(inference.crop(file, Segment(0.5, 2.0)), expected, atol=1e-5)
    several = inference.crop(file, [Segment(0.5, 1.0), Segment(1.0, 2.0)])
    np.testing.assert_allclose(several, expected, atol=1e-5)


def test_pretrained_speaker_embedding(checkpoint, file):
    get_embedding = PretrainedSpeakerEmbedding(checkpoint)
    assert (get_embedding.dimension, get_embedding.sample_rate) == (12, RATE)
    assert get_embedding.metric == "cosine"
    waveforms = file["waveform"][None, :, : 2 * RATE].repeat(2, 1, 1)
    masks = torch.ones(2, 118)
    masks[0, 50:] = 0
    masks[1] = 0

    np.testing.assert_allclose(get_embedding(waveforms), embed(checkpoint, waveforms), atol=1e-6)
    masked = get_embedding(waveforms, masks=masks)
    np.testing.assert_allclose(masked, embed(checkpoint, waveforms, masks), atol=1e-6)
    assert np.isfinite(masked[0]).all()
    assert np.isnan(masked[1]).all()


def test_shortest_waveform_is_found_by_upstream(checkpoint):
    get_embedding = PretrainedSpeakerEmbedding(checkpoint)
    needed = get_embedding.model_.receptive_field_size(2)
    assert get_embedding.min_num_samples == needed


def two_voices():
    """Ten seconds: two hums that take turns, as a waveform and as (frame, speaker) activity."""
    time = torch.arange(10 * RATE) / RATE
    speakers = [(0.5, 2.5), (6.0, 7.5)], [(3.0, 5.5), (8.0, 9.5)]
    waveform = 0.01 * torch.randn(10 * RATE)
    for pitch, rate, turns in zip((110, 240), (4, 9), speakers, strict=True):
        hum = sum(torch.sin(2 * torch.pi * pitch * h * time) / h for h in range(1, 12))
        hum *= 1 + 0.9 * torch.sin(2 * torch.pi * rate * time)  # syllables
        for start, end in turns:
            waveform += 0.1 * hum * ((time >= start) & (time < end))
    return waveform[None], speakers


@pytest.fixture(scope="module")
def segmentation():
    """A small PyanNet, over-fitted on the two voices."""
    torch.manual_seed(0)
    model = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 8, "num_layers": 1, "bidirectional": True},
        linear={"hidden_size": 8, "num_layers": 1},
    )
    model.specifications = Specifications(
        problem=Problem.MULTI_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=2.0,
        classes=["first", "second"],
        permutation_invariant=True,
    )
    model.setup()
    waveform, speakers = two_voices()
    chunks = waveform.unfold(1, 2 * RATE, RATE).transpose(0, 1)
    frames = torch.arange(model.num_frames(2 * RATE)) * model.receptive_field.step
    starts = torch.arange(len(chunks))
    middles = starts[:, None] + frames + model.receptive_field.duration / 2
    active = [sum((middles >= s) & (middles < e) for s, e in turns) for turns in speakers]
    target = torch.stack(active, dim=-1).float()

    model.sincnet.requires_grad_(False)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(40):
        loss = torch.nn.functional.binary_cross_entropy(model(chunks), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.3
    return model


@pytest.fixture
def taught(make, save, tmp_path):
    """Path to an embedding that has learnt, through masks, to tell the two voices apart."""
    model = make(pooling="stats")
    waveform, speakers = two_voices()
    activity = torch.zeros(2, waveform.shape[1])
    for speaker, turns in enumerate(speakers):
        for start, end in turns:
            activity[speaker, int(start * RATE) : int(end * RATE)] = 1

    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    # The means and variances of a stem follow from afar.
    at_least = 40 if model.stem is not None else 0
    for step in range(100):
        begins = torch.randint(8 * RATE, (6,)).tolist()
        chunks = torch.stack([waveform[:, begin : begin + 2 * RATE] for begin in begins])
        masks = torch.stack([activity[:, begin : begin + 2 * RATE] for begin in begins])
        embeddings = model(chunks, weights=masks)
        active = masks.mean(-1) > 0.2
        unit = torch.nn.functional.normalize(embeddings[active], dim=-1)
        speaker = torch.tensor([0, 1]).expand(6, 2)[active]
        target = (speaker[:, None] == speaker).float()
        loss = (unit @ unit.T - target).square().mean()
        if loss < 0.003 and step >= at_least:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    folder = tmp_path / "pyannote"
    folder.mkdir()
    return str(save(model, folder / "taught.pt"))


@pytest.mark.parametrize(
    ("as_path", "exclude_overlap"), [(True, False), (False, True)], ids=["path", "model"]
)
def test_speaker_diarization(taught, segmentation, as_path, exclude_overlap):
    pipeline = SpeakerDiarization(
        segmentation=segmentation,
        embedding=taught if as_path else Model.from_pretrained(taught),
        embedding_exclude_overlap=exclude_overlap,
        plda=NoPLDA(),
        clustering="AgglomerativeClustering",
        embedding_batch_size=7,
        segmentation_batch_size=8,
    )
    pipeline.instantiate(
        {
            "segmentation": {"threshold": 0.5, "min_duration_off": 0.0},
            "clustering": {"method": "average", "threshold": 0.5, "min_cluster_size": 2},
        }
    )
    waveform, speakers = two_voices()
    output = pipeline({"uri": "two", "waveform": waveform, "sample_rate": RATE})

    assert output.speaker_embeddings.shape == (2, 12)
    assert np.isfinite(output.speaker_embeddings).all()
    diarization = output.speaker_diarization
    assert len(diarization.labels()) == 2
    said = [{diarization.argmax(Segment(start, end)) for start, end in turns} for turns in speakers]
    assert [len(labels) for labels in said] == [1, 1]
    assert said[0] != said[1]
