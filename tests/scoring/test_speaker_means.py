"""Means of speakers, against one speaker at a time."""

import numpy as np
import pytest
import torch

from pyannote_ge2e.scoring import speaker_means


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_agrees_with_one_speaker_at_a_time(block, monkeypatch):
    monkeypatch.setattr("pyannote_ge2e.scoring.embeddings.BLOCK", block)
    monkeypatch.setattr("pyannote_ge2e.scoring.cohort.BLOCK", block)
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(60, 7)) * rng.uniform(0.1, 10, size=(60, 1))
    speakers = rng.choice(["mia", "Bo", "al", "zoë"], size=60)
    means, names = speaker_means(embeddings, speakers)
    assert names.tolist() == sorted(set(speakers.tolist()))
    assert means.dtype == np.float64
    for mean, name in zip(means, names, strict=True):
        unit = [x / np.linalg.norm(x) for x in embeddings[speakers == name]]
        np.testing.assert_allclose(mean, sum(unit) / len(unit), atol=1e-14)


def test_single_precision_stays_single_and_is_summed_in_double():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(3000, 5)).astype(np.float32)
    means, _ = speaker_means(embeddings, np.zeros(3000, dtype=int))
    assert means.dtype == np.float32
    exact, _ = speaker_means(embeddings.astype(float), np.zeros(3000, dtype=int))
    np.testing.assert_allclose(means, exact, atol=1e-8)


def test_tensors_and_numbered_speakers():
    means, names = speaker_means(torch.eye(3), torch.tensor([7, 2, 7]))
    assert names.tolist() == [2, 7]
    np.testing.assert_array_equal(means, np.float32([[0, 1, 0], [0.5, 0, 0.5]]))


@pytest.mark.parametrize(
    "embeddings", [[[1.0, 2.0], [3.0, 1.0], [-1.0, -2.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]]
)
def test_a_speaker_whose_embeddings_cancel_out_is_named(embeddings):
    with pytest.raises(ValueError, match="speaker mia cancel out"):
        speaker_means(embeddings, ["mia", "bo", "mia"])


@pytest.mark.parametrize(
    ("embeddings", "speakers", "message"),
    [
        (np.ones((3, 4)), ["a", "b"], r"one speaker for each of 3 embeddings, .* \(2,\)"),
        (np.ones((2, 4)), [["a", "b"]], r"shape \(1, 2\)"),
        (np.ones(3), ["a"] * 3, r"shape \(file, dimension\), got \(3,\)"),
        ([[1.0, 2.0], [np.nan, 0.0]], ["a", "b"], "Embedding 1 is not finite"),
    ],
)
def test_malformed_input_is_refused(embeddings, speakers, message):
    with pytest.raises(ValueError, match=message):
        speaker_means(embeddings, speakers)
