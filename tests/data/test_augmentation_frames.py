"""SpecAugment: masks on frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchaudio.functional import mask_along_axis_iid

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.spec_augment import SpecAugment
from pyannote_ge2e.errors import UserError


@pytest.fixture
def features():
    return torch.randn(50, 40, 120, generator=torch.Generator().manual_seed(0)) + 3


def masked(transform, features, n=0):
    drawn = transform.draw(np.random.default_rng(n), Chunks(len(features), 16000, 16000))
    return transform.mask(features, drawn)


def test_masks_are_torchaudios(features, monkeypatch):
    """The same draws give the same masks."""
    transform = SpecAugment(1, 10, 1, 30, time_share=1.0, fill="zero")
    drawn = transform.draw(np.random.default_rng(0), Chunks(50, 16000, 16000))
    expected = features.unsqueeze(1)
    for axis, name, width in ((2, "frequency", 10), (3, "time", 30)):
        numbers = iter([drawn[name][:, 0, 0].view(50, 1), drawn[name][:, 0, 1].view(50, 1)])
        with monkeypatch.context() as patch:
            patch.setattr(torch, "rand", lambda *_, numbers=numbers, **__: next(numbers))
            expected = mask_along_axis_iid(expected, width, 0.0, axis)
    assert torch.equal(transform.mask(features, drawn), expected.squeeze(1))


def test_masks_are_as_many_and_as_wide_as_told(features):
    output = masked(SpecAugment(2, 8, 3, 20, time_share=1.0, fill="zero"), features)
    bands = (output == 0).all(2).sum(1)
    frames = (output == 0).all(1).sum(1)
    assert bands.max() <= 2 * 7
    assert frames.max() <= 3 * 19
    assert bands.float().mean() > 4
    assert frames.float().mean() > 15
    untouched = (output == features) | (output == 0)
    assert untouched.all()


def test_masks_cover_a_share_of_the_frames_at_most(features):
    transform = SpecAugment(0, 0, 1, 100, time_share=0.1, fill="zero")
    assert (masked(transform, features) == 0).all(1).sum(1).max() <= 12
    short = masked(transform, features[..., :5])
    assert torch.equal(short, features[..., :5])


def test_masks_hold_the_mean_of_the_chunk_or_zero(features):
    mean = masked(SpecAugment(2, 8, 0, 0, fill="mean"), features)
    changed = mean != features
    expected = features.mean((1, 2), keepdim=True).expand_as(features)
    assert changed.any()
    assert torch.equal(mean[changed], expected[changed])


def test_learning_goes_through_what_is_not_masked(features):
    features.requires_grad_()
    output = masked(SpecAugment(fill="mean"), features)
    output.sum().backward()
    assert torch.equal(features.grad == 1, output == features)


def test_half_precision_stays(features):
    assert masked(SpecAugment(), features.bfloat16()).dtype == torch.bfloat16


def test_it_does_nothing_outside_of_training(features):
    assert torch.equal(SpecAugment(p=1.0).eval()(features), features)
    torch.manual_seed(0)
    alone = SpecAugment(p=0.5)(features)
    changed = (alone != features).flatten(1).any(1).float().mean()
    assert 0.25 < changed < 0.75


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frequency_masks": -1}, "frequency_masks should be a whole number, 0 at least, not -1"),
        ({"time_width": 2.5}, "time_width should be a whole number"),
        ({"time_share": 2}, "time_share should be a number from 0 to 1"),
        ({"fill": "noise"}, "fill: unknown 'noise'; choose from mean, zero"),
        ({"p": 7}, "p should be a number from 0 to 1, not 7"),
    ],
)
def test_masks_that_cannot_be_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        SpecAugment(**options)
