"""Models that are cast as a whole, as opposed to run inside autocast."""

from __future__ import annotations

import pytest
import torch

from pyannote_ge2e.architectures import MelLSTM
from pyannote_ge2e.architectures.pooling import POOLINGS


@pytest.mark.parametrize("pooling", list(POOLINGS))
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_model_that_is_cast_gives_embeddings_of_its_own_precision(make, pooling, masked, dtype):
    model = make(pooling=pooling).eval().requires_grad_(False)
    waveforms = torch.randn(2, 1, 16000)
    weights = (torch.rand(2, 40) > 0.3).float() if masked else None
    expected = model(waveforms, weights=weights)
    embeddings = model.to(dtype)(waveforms.to(dtype), weights=weights)
    assert embeddings.dtype == dtype
    if dtype == torch.float64:
        torch.testing.assert_close(embeddings.float(), expected, atol=1e-4, rtol=1e-3)
    else:
        assert torch.cosine_similarity(embeddings.float(), expected).min() > 0.9


def test_without_projection_autocast_leaves_the_pooled_vector_in_float32():
    model = MelLSTM(preset="td-sv", pooling="stats", projection=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(torch.randn(2, 1, 8000)).dtype == torch.float32
