"""Speed and time stretch: what moves, what stays, and that nothing ends in silence."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from torchaudio.transforms import Speed as Theirs

from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.speed import Speed
from pyannote_ge2e.data.augmentation.time_stretch import TimeStretch
from pyannote_ge2e.errors import UserError

LENGTH = 8000
BOTH = pytest.mark.parametrize("kind", [Speed, TimeStretch])


def hum(length, pitch=1000.0, pulse=4.0):
    """A tone that swells `pulse` times a second: (1, 1, length)."""
    time = torch.arange(length) / 16000
    tone = torch.sin(2 * torch.pi * pitch * time) * (1.5 + torch.sin(2 * torch.pi * pulse * time))
    return 0.3 * tone.view(1, 1, -1)


def changed(transform, of=hum, count=1, speakers=None):
    """Chunks as a dataset makes them: drawn, read as long as needed, changed."""
    augmenter = Augmenter(transform)
    chunks = Chunks(count, LENGTH, 16000, speakers)
    steps, needed = augmenter.draw(np.random.SeedSequence(5), chunks)
    waveforms = of(needed).repeat(count, 1, 1)
    return augmenter.apply(waveforms, steps, 16000), steps, needed


def pitch(waveform):
    spectrum = torch.fft.rfft(waveform.flatten() * torch.hann_window(LENGTH), n=16 * LENGTH)
    return spectrum.abs().argmax().item() / (16 * LENGTH) * 16000


def pulses(waveform):
    """Swells a second."""
    level = waveform.flatten().abs().unfold(0, 160, 160).mean(1)
    level = level - level.mean()
    spectrum = torch.fft.rfft(level * torch.hann_window(len(level)), n=4096).abs()
    return spectrum.argmax().item() / 4096 * 100


@BOTH
@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_speed_moves_pitch_and_time_stretch_does_not(kind, factor):
    output, _, _ = changed(kind(factors=[factor], p=1.0), lambda length: hum(length, pulse=8))
    assert output.shape == (1, 1, LENGTH)
    expected = 1000 * factor if kind is Speed else 1000
    assert pitch(output) == pytest.approx(expected, rel=0.01)
    assert pulses(output) == pytest.approx(8 * factor, rel=0.07)


@BOTH
@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1, 2.0])
def test_no_chunk_begins_or_ends_in_silence(kind, factor):
    output, _, needed = changed(kind(factors=[factor], p=1.0), lambda n: hum(n, pulse=0.0))
    level = output.flatten().unfold(0, 100, 100).square().mean(1).sqrt()
    assert level.min() > 0.7 * level.median()
    assert needed < LENGTH * max(1, factor) + 2100


def test_speed_is_torchaudios_up_to_where_it_begins():
    waveforms = torch.randn(1, 1, 10000, generator=torch.Generator().manual_seed(0))
    transform = Speed(factors=[1.1], p=1.0)
    output, _, _ = changed(transform, lambda length: waveforms[..., :length])
    theirs, _ = Theirs(16000, 1.1)(waveforms[:, 0])
    begin = transform.context(Fraction(11, 10), 16000)
    assert torch.allclose(output[0, 0], theirs[0, begin : begin + LENGTH], atol=1e-5)


@BOTH
def test_chunks_draw_factors_of_their_own_and_the_others_stay_as_they_are(kind):
    transform = kind(factors=[0.8, 1.0, 1.25], p=0.7)
    output, steps, needed = changed(transform, count=60)
    as_read = hum(needed)[..., :LENGTH]
    same = torch.isclose(output, as_read, atol=1e-6).all(-1).flatten()
    untouched = np.setdiff1d(np.arange(60), steps[0]["rows"].numpy())
    assert 8 < len(untouched) < 30
    assert same[untouched].all()
    assert len(torch.unique(steps[0]["drawn"]["factor"])) == 3
    assert not same.all()


@BOTH
def test_chunks_of_a_speaker_can_be_changed_alike(kind):
    speakers = np.repeat([7, 3, 5, 4, 1, 9], 5)
    transform = kind(factors=[0.8, 1.25], p=0.6, by="speaker")
    _, (step,), _ = changed(transform, count=30, speakers=speakers)
    rows, factor = step["rows"].numpy(), step["drawn"]["factor"].numpy()
    found = {}
    for row, drawn in zip(rows, factor, strict=True):
        found.setdefault(speakers[row], []).append(drawn)
    assert all(len(each) == 5 and len(set(each)) == 1 for each in found.values())
    assert 0 < len(found) < 6
    assert len({each[0] for each in found.values()}) == 2


@BOTH
def test_a_chunk_that_cannot_be_read_longer_begins_again(kind):
    """As when torch-audiomentations' own compositions call it."""
    transform = kind(factors=[2.0], p=1.0)
    torch.manual_seed(0)
    output = transform(samples=hum(LENGTH, pulse=0.0), sample_rate=16000).samples
    assert output.shape == (1, 1, LENGTH)
    level = output.flatten().unfold(0, 400, 400).square().mean(1).sqrt()
    assert level.min() > 0.5 * level.median()


@BOTH
def test_chunks_shorter_than_a_window_are_changed_all_the_same(kind):
    augmenter = Augmenter(kind(p=1.0))
    output = augmenter(torch.randn(2, 1, 50), 16000, np.random.SeedSequence(0))
    assert output.shape == (2, 1, 50)
    assert output.isfinite().all()


@BOTH
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": []}, "factors should be a list of numbers"),
        ({"factors": [0]}, "factors should be a number from 0.25 to 4, not 0"),
        ({"factors": ["fast"]}, "factors should be a number"),
        ({"by": "batch"}, "by: unknown 'batch'; choose from chunk, speaker"),
        ({"p": 1.5}, "p should be a number from 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(kind, options, message):
    with pytest.raises(UserError, match=message):
        kind(**options)
