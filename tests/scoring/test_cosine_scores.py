"""Cosine scores against one trial at a time, and what they refuse."""

import numpy as np
import pytest

from pyannote_ge2e.scoring import cosine_scores


def random_trials(num_trials, num_files=30, dimension=7):
    rng = np.random.default_rng(0)
    return rng.normal(size=(num_files, dimension)), rng.integers(num_files, size=(num_trials, 2))


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_agrees_with_one_trial_at_a_time(block, monkeypatch):
    monkeypatch.setattr("pyannote_ge2e.scoring.embeddings.BLOCK", block)
    embeddings, trials = random_trials(100)
    expected = [
        embeddings[i]
        @ embeddings[j]
        / np.linalg.norm(embeddings[i])
        / np.linalg.norm(embeddings[j])
        for i, j in trials
    ]
    scores = cosine_scores(embeddings, trials)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-14)


def test_single_precision_stays_single_and_close():
    embeddings, trials = random_trials(100, dimension=256)
    scores = cosine_scores(embeddings.astype(np.float32), trials)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, cosine_scores(embeddings, trials), atol=1e-6)


def test_half_precision_is_scored_in_single():
    embeddings, trials = random_trials(100)
    assert cosine_scores(embeddings.astype(np.float16), trials).dtype == np.float32


def test_norms_do_not_matter_and_inputs_are_left_alone():
    embeddings, trials = random_trials(100)
    scaled = embeddings * np.arange(1, 31)[:, None]
    before = scaled.copy()
    np.testing.assert_allclose(cosine_scores(scaled, trials), cosine_scores(embeddings, trials))
    np.testing.assert_array_equal(scaled, before)


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e-20, 1e20, 1e30, 1e38])
def test_norms_near_the_ends_of_single_precision(scale):
    embeddings = np.float32([[1, 0, 1], [1, 1, 0], [3, 0, 0], [0, 2, 0]])
    trials = [[0, 1], [0, 2], [2, 3], [1, 1]]
    expected = [0.5, np.sqrt(0.5), 0, 1]
    scaled = embeddings * np.float32(scale)
    np.testing.assert_allclose(cosine_scores(scaled, trials), expected, atol=1e-6)
    mixed = embeddings * np.float32([[scale], [1], [scale], [1]])
    np.testing.assert_allclose(cosine_scores(mixed, trials), expected, atol=1e-6)


def test_scores_stay_within_one():
    embeddings, _ = random_trials(0, num_files=2000)
    embeddings = embeddings.astype(np.float32)
    itself = np.repeat(np.arange(2000)[:, None], 2, axis=1)
    scores = cosine_scores(embeddings, itself)
    assert scores.max() <= 1
    assert scores.min() > 1 - 1e-6


def test_zero_embedding_scores_zero():
    np.testing.assert_array_equal(
        cosine_scores([[0.0, 0.0], [1.0, 0.0]], [[0, 1], [0, 0], [1, 1]]), [0, 0, 1]
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint32, np.uint64, np.int32])
def test_trials_may_be_integers_of_any_kind(dtype):
    embeddings, trials = random_trials(100)
    expected = cosine_scores(embeddings, trials)
    np.testing.assert_array_equal(cosine_scores(embeddings, trials.astype(dtype)), expected)
    with pytest.raises(ValueError, match="Trial 0 compares embeddings 100 and 0"):
        cosine_scores(embeddings, np.array([[100, 0]], dtype=dtype))


def test_no_trials_give_no_scores():
    assert cosine_scores(np.ones((3, 4)), np.empty((0, 2), dtype=int)).shape == (0,)


@pytest.mark.parametrize(
    ("embeddings", "trials", "message"),
    [
        (np.ones((3, 4)), [[0, 1], [0, 3]], "Trial 1 compares embeddings 0 and 3, but there are 3"),
        (np.ones((3, 4)), [[-1, 1]], "Trial 0 compares embeddings -1 and 1"),
        (np.ones((3, 4)), [[0.0, 1.0]], "integers, got float64"),
        (np.ones((3, 4)), [0, 1], r"shape \(trial, 2\), got \(2,\)"),
        (np.ones((3, 4)), [[0, 1, 2]], r"shape \(trial, 2\), got \(1, 3\)"),
        (np.ones(3), [[0, 1]], r"shape \(file, dimension\), got \(3,\)"),
        ([[1.0, 2.0], [np.nan, 0.0]], [[0, 0]], "Embedding 1 is not finite"),
    ],
)
def test_malformed_input_is_refused(embeddings, trials, message):
    with pytest.raises(ValueError, match=message):
        cosine_scores(embeddings, trials)
