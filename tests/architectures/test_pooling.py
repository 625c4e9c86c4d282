from __future__ import annotations

import math

import pytest
import torch
from pyannote.audio.models.blocks.pooling import StatsPool

from pyannote_ge2e.architectures.pooling import POOLINGS, make_pooling
from pyannote_ge2e.errors import UserError

FEATURES, FRAMES = 6, 9


def by_hand(pooling, sequence, weights):
    """Pool one (feature, frame) sequence, one number at a time."""
    frames = [t for t in range(len(weights)) if weights[t] > 0]
    total = sum(weights[t] for t in frames)
    values = sequence.double().tolist()
    name = type(pooling).__name__
    if name == "LastPooling":
        half = FEATURES // 2 if pooling.bidirectional else FEATURES
        return [row[frames[-1] if f < half else frames[0]] for f, row in enumerate(values)]
    if name == "AttentionPooling":
        columns = sequence.double().T
        scores = pooling.double().score(columns).squeeze(-1).tolist()
        pooling.float()
        weights = [w * math.exp(score) for w, score in zip(weights, scores, strict=True)]
        total = sum(weights[t] for t in frames)
    means = [sum(weights[t] * row[t] for t in frames) / total for row in values]
    if name != "StatsPooling":
        return means
    squares = sum(weights[t] ** 2 for t in frames)
    deviations = [
        math.sqrt(
            sum(weights[t] * (row[t] - mean) ** 2 for t in frames) / (total - squares / total)
        )
        for row, mean in zip(values, means, strict=True)
    ]
    return means + deviations


@pytest.fixture(params=[(name, both) for name in POOLINGS for both in (False, True)], ids=str)
def pooling(request):
    name, bidirectional = request.param
    return make_pooling(name, FEATURES, bidirectional).eval().requires_grad_(False)


@pytest.mark.parametrize("kind", ["none", "ones", "hard", "soft", "tiny"])
def test_agrees_with_pooling_by_hand(pooling, kind):
    sequences = torch.randn(4, FEATURES, FRAMES)
    weights = {
        "none": torch.ones(4, FRAMES),
        "ones": torch.ones(4, FRAMES),
        "hard": torch.tensor([0.0, 1, 1, 0, 1, 0, 0, 1, 0]).expand(4, -1),
        "soft": torch.rand(4, FRAMES) * (torch.arange(FRAMES) != 3),
        "tiny": torch.rand(4, FRAMES) * 1e-9,
    }[kind]
    pooled = pooling(sequences, None if kind == "none" else weights)
    expected = [by_hand(pooling, s, w.tolist()) for s, w in zip(sequences, weights, strict=True)]
    torch.testing.assert_close(pooled, torch.tensor(expected), atol=1e-5, rtol=1e-5)


def test_several_speakers_are_pooled_one_by_one(pooling):
    sequences, weights = torch.randn(4, FEATURES, FRAMES), torch.rand(4, 3, FRAMES)
    pooled = pooling(sequences, weights)
    assert pooled.shape == (4, 3, pooling.dimension)
    for speaker in range(3):
        torch.testing.assert_close(pooled[:, speaker], pooling(sequences, weights[:, speaker]))


def test_weights_are_read_at_the_nearest_frame(pooling):
    sequences = torch.randn(1, FEATURES, FRAMES)
    coarse = torch.tensor([[1.0, 0.0, 0.5]])
    torch.testing.assert_close(
        pooling(sequences, coarse), pooling(sequences, coarse.repeat_interleave(3, dim=1))
    )


def test_nothing_kept_gives_nan_there_and_there_only(pooling):
    weights = torch.ones(2, FRAMES)
    weights[0] = 0
    pooled = pooling(torch.randn(2, FEATURES, FRAMES), weights)
    assert pooled[0].isnan().all()
    assert pooled[1].isfinite().all()


@pytest.mark.parametrize("masked", [False, True])
def test_stats_are_upstream_s(masked):
    sequences = torch.randn(4, FEATURES, FRAMES)
    weights = torch.rand(4, 2, FRAMES) if masked else None
    expected = StatsPool()(sequences, weights=weights)
    torch.testing.assert_close(make_pooling("stats", FEATURES)(sequences, weights), expected)


def test_stats_of_a_single_frame_are_finite_and_so_is_their_gradient():
    sequences = torch.randn(2, FEATURES, 1, requires_grad=True)
    pooled = make_pooling("stats", FEATURES)(sequences)
    pooled.sum().backward()
    torch.testing.assert_close(pooled[:, :FEATURES], sequences[..., 0])
    assert pooled[:, FEATURES:].max() < 1e-4
    assert sequences.grad.isfinite().all()


def test_unknown_pooling_names_the_nearest():
    with pytest.raises(UserError, match=r"Unknown pooling 'atention': did you mean 'attention'\?"):
        make_pooling("atention", 4)
    with pytest.raises(UserError, match="choose from 'mean', 'stats', 'last', 'attention'"):
        make_pooling("xyz", 4)
    with pytest.raises(UserError, match="Unknown pooling None"):
        make_pooling(None, 4)
