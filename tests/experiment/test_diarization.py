"""Our weights in pyannote.audio's diarization of the conversation that it ships: no network."""

from __future__ import annotations

import socket
from typing import Any

import numpy as np
import pytest
import torch
from pyannote.audio import Inference, Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.speaker_verification import PretrainedSpeakerEmbedding
from pyannote.audio.utils.powerset import Powerset
from pyannote.core import Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from bench.conversations import sample_conversation
from bench.diarization import everything_by_one
from pyannote_ge2e import hub
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.interop.no_plda import NoPLDA
from pyannote_ge2e.weights import weights_of

RATE = 16000
DURATION = 10.0  # of the windows of pyannote/segmentation-3.0 and community-1
THRESHOLD = 0.2  # that docs/diarization.md gives for ge2e

# PyTorch says once that it computes LSTMs with projections by another library.
pytestmark = pytest.mark.filterwarnings("error", "ignore:LSTM with projections")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("something asks for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def conversation() -> dict[str, Any]:
    return sample_conversation()


@pytest.fixture(scope="module")
def segmentation(conversation: dict[str, Any]) -> Model:
    """A small PyanNet that knows the conversation by heart."""
    torch.manual_seed(0)
    model = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 24, "num_layers": 1, "bidirectional": True},
        linear={"hidden_size": 24, "num_layers": 1},
    )
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=DURATION,
        classes=["first", "second"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.setup()
    size, step = round(DURATION * RATE), RATE
    chunks = conversation["waveform"].unfold(1, size, step).transpose(0, 1)
    spoken = conversation["annotation"]
    targets = torch.stack(
        [
            torch.from_numpy(
                spoken.discretize(
                    Segment(start, start + DURATION), model.receptive_field, duration=DURATION
                ).data[: model.num_frames(size)]
            )
            for start in range(len(chunks))
        ]
    )
    targets = Powerset(2, 2).to_powerset(targets.float()).argmax(-1)

    # Nine tenths of the work, once: the filters stay as they are.
    sincnet, model.sincnet = model.sincnet.requires_grad_(False), torch.nn.Identity()
    features = sincnet(chunks)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(60):
        loss = torch.nn.functional.nll_loss(model(features).flatten(0, 1), targets.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    model.sincnet = sincnet
    return model.eval()


def diarize(
    segmentation: Model, embedding: Any, file: dict[str, Any], **number: int
) -> tuple[float, int]:
    """Diarization error rate, and the number of speakers that have an embedding."""
    pipeline = SpeakerDiarization(
        segmentation=segmentation,
        embedding=embedding,
        plda=NoPLDA(),
        clustering="AgglomerativeClustering",
        segmentation_batch_size=8,
        embedding_batch_size=8,
    )
    clustering = {"method": "average", "threshold": THRESHOLD, "min_cluster_size": 12}
    pipeline.instantiate({"segmentation": {"min_duration_off": 0.0}, "clustering": clustering})
    heard = {key: file[key] for key in ("uri", "waveform", "sample_rate")}
    output = pipeline(heard, **number)
    found = int(output.speaker_embeddings.any(axis=1).sum())
    return rate_of(output.speaker_diarization, file), found


def rate_of(diarization: Any, file: dict[str, Any]) -> float:
    return DiarizationErrorRate()(file["annotation"], diarization, uem=file["annotated"])


def test_two_speakers_are_found_and_told_apart(segmentation: Model, conversation) -> None:
    by_one = rate_of(everything_by_one(conversation["annotation"]), conversation)
    assert by_one > 0.4
    path = str(weights_of("ge2e"))
    error_rate, found = diarize(segmentation, path, conversation)
    assert found == 2
    assert error_rate < 0.1


def test_with_the_number_of_speakers_given(segmentation: Model, conversation) -> None:
    by_one = rate_of(everything_by_one(conversation["annotation"]), conversation)
    error_rate, found = diarize(segmentation, hub.ge2e_mel(), conversation, num_speakers=2)
    assert found == 2
    assert error_rate < by_one / 2


def test_upstream_downloads_a_plda_for_a_clustering_that_needs_none(segmentation: Model) -> None:
    # Once it does not, NoPLDA is of no use any more.
    with pytest.raises(OSError, match="Hub"):
        SpeakerDiarization(
            segmentation=segmentation,
            embedding=hub.ge2e(pretrained=False),
            clustering="AgglomerativeClustering",
        )


def test_vbx_clustering_says_that_there_is_no_plda(segmentation: Model, conversation) -> None:
    pipeline = SpeakerDiarization(
        segmentation=segmentation,
        embedding=hub.ge2e_mel(pretrained=False),
        plda=NoPLDA(),
        embedding_batch_size=8,
    )
    pipeline.instantiate(pipeline.default_parameters())
    beginning = {**conversation, "waveform": conversation["waveform"][:, : 14 * RATE]}
    with pytest.raises(UserError, match="AgglomerativeClustering"):
        pipeline(beginning)


@pytest.mark.parametrize("name", hub.PRETRAINED)
def test_the_wrapper_takes_masks_and_batches(name: str, conversation) -> None:
    get_embedding = PretrainedSpeakerEmbedding(str(weights_of(name)))
    assert (get_embedding.dimension, get_embedding.sample_rate) == (512, RATE)
    assert get_embedding.metric == "cosine"
    waveform = conversation["waveform"][None, :, 10 * RATE : 20 * RATE]
    waveforms = waveform.repeat(4, 1, 1)
    masks = torch.zeros(4, 589)  # of the frames of pyannote's segmentation
    masks[0] = 1
    masks[1, 100:300] = 1
    masks[2, 100:300] = 1
    waveforms[2, :, 6 * RATE :] = 0.5  # where its mask is zero
    embeddings = get_embedding(waveforms, masks=masks)

    assert embeddings.shape == (4, 512)
    assert np.isfinite(embeddings[:3]).all()
    assert np.isnan(embeddings[3]).all()
    np.testing.assert_allclose(embeddings[0], get_embedding(waveform)[0], atol=1e-5)
    np.testing.assert_allclose(embeddings[1], embeddings[2], atol=1e-5)
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-2
    alone = get_embedding(waveform, masks=masks[1:2])
    np.testing.assert_allclose(alone[0], embeddings[1], atol=1e-5)


@pytest.mark.parametrize("name", hub.PRETRAINED)
def test_what_is_too_short_has_no_embedding(name: str, conversation) -> None:
    get_embedding = PretrainedSpeakerEmbedding(getattr(hub, name)())
    waveform = conversation["waveform"][None, :, 12 * RATE :]
    shortest = get_embedding.min_num_samples
    assert shortest < 0.1 * RATE
    assert np.isfinite(get_embedding(waveform[..., :shortest])).all()
    with pytest.raises(ValueError, match=f"needs at least {shortest}"):
        get_embedding(waveform[..., : shortest - 1])

    second = waveform[..., :RATE].repeat(2, 1, 1)
    masks = (torch.arange(RATE) < torch.tensor([[shortest // 8], [RATE // 2]])).float()
    too_short, enough = get_embedding(second, masks=masks)
    assert np.isnan(too_short).all()
    assert np.isfinite(enough).all()


def test_windows_of_inference_tell_the_speakers_apart(conversation) -> None:
    with pytest.warns(UserWarning, match=r"requested 2\.5s chunks"):  # turns are short
        inference = Inference(hub.ge2e(), window="sliding", duration=2.5, step=0.25)
    windows = inference(conversation)
    labels, rows = [], []
    for window, row in windows:
        inside = conversation["annotation"].crop(window)
        if len(inside.labels()) == 1 and inside.get_timeline().duration() > 1.5:
            labels.append(inside.labels()[0])
            rows.append(row / np.linalg.norm(row))
    assert min(labels.count(label) for label in set(labels)) >= 5
    cosines = np.stack(rows) @ np.stack(rows).T
    same = np.equal.outer(labels, labels)
    different, other = ~same, same & ~np.eye(len(labels), dtype=bool)
    assert cosines[other].mean() > cosines[different].mean() + 0.1
