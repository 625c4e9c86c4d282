"""Telephones and codecs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyannote_ge2e.data.augmentation import codec
from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.codec import Codec
from pyannote_ge2e.data.augmentation.telephone import Telephone, a_law, mu_law
from pyannote_ge2e.errors import UserError

KINDS = ["gsm", "adpcm", "mp3", "vorbis", "opus"]


def augment(transform, waveforms, sample_rate=16000):
    return Augmenter(transform)(waveforms, sample_rate, np.random.SeedSequence(2))


def voice(length=16000):
    time = torch.arange(length) / 16000
    wave = sum(torch.sin(2 * torch.pi * 220 * k * time) / k for k in range(1, 15))
    return (0.2 * wave * (1 + 0.5 * torch.sin(2 * torch.pi * 3 * time))).view(1, 1, -1)


def levels(waveform, sample_rate=16000):
    """Energy of bands of 100 Hz, in dB."""
    power = torch.fft.rfft(waveform.flatten()[:sample_rate]).abs().square()
    bands = power[: sample_rate // 2].view(-1, 100).sum(1)
    return 10 * torch.log10(bands)


def test_a_telephone_keeps_its_band_and_no_more():
    noise = 0.1 * torch.randn(1, 1, 16000, generator=torch.Generator().manual_seed(0))
    lost = levels(noise) - levels(augment(Telephone(p=1.0), noise))
    assert lost[5:33].abs().max() < 1.5  # 500 to 3300 Hz
    assert lost[:2].min() > 15  # below 200 Hz
    assert lost[40:].min() > 20  # above 4000 Hz


def test_speech_on_the_telephone_is_in_time():
    sent = voice()
    for law in ("mu", "a"):
        heard = augment(Telephone(low=100, high=3900, laws=law, p=1.0), sent)
        assert torch.cosine_similarity(heard, sent, dim=-1) > 0.98


@pytest.mark.parametrize("law", [mu_law, a_law])
def test_eight_bits_a_sample(law):
    values = torch.linspace(-1, 1, 100_001)
    rounded = law(values)
    assert 250 < len(rounded.unique()) <= 257
    assert (rounded - values).abs().max() < 0.025
    # The error follows the level, which is what companding is for.
    assert ((rounded - values).abs() / values.abs().clamp_min(0.02)).max() < 0.06
    assert law(torch.zeros(1)).abs() < 1e-4


def test_loud_speech_is_not_clipped_on_the_telephone():
    loud = augment(Telephone(low=100, high=3900, p=1.0), 4 * voice())
    assert loud.abs().max() > 2


def test_both_laws_are_drawn():
    many = voice(4000).repeat(40, 1, 1)
    one, other = (augment(Telephone(laws=[law], p=1.0), many) for law in ("mu", "a"))
    drawn = augment(Telephone(p=1.0), many)
    is_one = torch.isclose(drawn, one).all(-1)
    is_other = torch.isclose(drawn, other).all(-1)
    assert (is_one | is_other).all()
    assert 8 < is_one.sum() < 32


@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000])
def test_other_sample_rates_are_sent_too(sample_rate):
    waveforms = 0.1 * torch.randn(2, 1, 9999)
    for transform in (Telephone(p=1.0), Codec("gsm", p=1.0)):
        output = augment(transform, waveforms, sample_rate)
        assert output.shape == waveforms.shape
        assert output.isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 3500}, r"low \(3500\) should be below high"),
        ({"high": 8000}, "high should be a number from 1 to 3999, not 8000"),
        ({"laws": ["b"]}, "laws: unknown 'b'; choose from mu, a"),
        ({"laws": []}, "laws should be some of mu, a"),
    ],
)
def test_telephones_that_cannot_be_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Telephone(**options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_codec_changes_speech_and_not_when_it_is_heard(kind):
    sent = voice()
    heard = augment(Codec([kind], p=1.0), sent)
    assert heard.shape == sent.shape
    assert not torch.allclose(heard, sent, atol=1e-4)
    delays = range(-40, 41)
    alike = [torch.cosine_similarity(heard.roll(k), sent, dim=-1).item() for k in delays]
    assert abs(int(np.argmax(alike)) - 40) <= 1
    assert max(alike) > 0.95


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 44100])
@pytest.mark.parametrize("kind", KINDS)
def test_codecs_take_chunks_at_any_rate(kind, sample_rate):
    sent = voice(sample_rate // 4)
    heard = Augmenter(Codec([kind], p=1.0))(sent, sample_rate, np.random.SeedSequence(0))
    assert heard.shape == sent.shape
    assert torch.cosine_similarity(heard, sent, dim=-1) > 0.5


def test_codecs_of_telephones_leave_nothing_above_4_khz():
    noise = 0.1 * torch.randn(1, 1, 16000, generator=torch.Generator().manual_seed(0))
    lost = levels(noise) - levels(augment(Codec("gsm", p=1.0), noise))
    assert lost[45:].min() > 15


def test_strong_compression_leaves_less_than_weak():
    noise = (0.1 * torch.randn(16000, generator=torch.Generator().manual_seed(0))).numpy()
    for kind in ("mp3", "vorbis"):
        weak, strong = (codec.through(noise, 16000, kind, level) for level in (0.0, 1.0))
        assert np.square(weak[:16000] - noise).sum() < np.square(strong[:16000] - noise).sum()


def test_loud_chunks_are_not_clipped_by_codecs():
    loud = augment(Codec("adpcm", p=1.0), 6 * voice())
    assert loud.abs().max() > 2
    assert torch.cosine_similarity(loud, voice(), dim=-1) > 0.9


def test_each_chunk_has_its_codec():
    many = voice(4000).repeat(30, 1, 1)
    found = {row.numpy().tobytes() for row in augment(Codec(["gsm", "adpcm"], p=1.0), many)}
    assert len(found) == 2


def test_unknown_codec_is_refused():
    with pytest.raises(UserError, match="kinds: unknown 'aac'; choose from gsm, adpcm, mp3"):
        Codec(["aac"])


def test_a_codec_that_libsndfile_lacks_is_said_so(monkeypatch):
    monkeypatch.setattr(codec.soundfile, "check_format", lambda *_: False)
    with pytest.raises(UserError, match="libsndfile of this machine has no 'mp3'"):
        Codec(["mp3"])
