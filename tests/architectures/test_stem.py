"""Convolutions between a front-end and the LSTM."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.stem import ConvolutionalStem
from pyannote_ge2e.errors import UserError

LSTM = {"hidden_size": 8, "num_layers": 1, "proj_size": 0}


def trained(stem: torch.nn.Module) -> torch.nn.Module:
    """Make means, variances and shifts ones that do something."""
    for module in stem.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.bias)
    return stem.eval().requires_grad_(False)


@pytest.mark.parametrize(("bands", "blocks", "left"), [(40, 1, 20), (40, 3, 5), (41, 2, 11)])
def test_every_block_but_the_first_halves_the_bands(bands, blocks, left):
    stem = ConvolutionalStem(bands, stack=3, channels=4, blocks=blocks)
    assert stem.dimension == 4 * left
    assert stem(torch.randn(2, 3 * bands, 7)).shape == (2, 4 * left, 7)


def test_stacked_windows_are_channels():
    stem = ConvolutionalStem(num_bands=10, stack=3, channels=2, blocks=1)
    windows = torch.randn(3, 10, 7)  # (window of a frame, band, frame)
    entered = []
    stem.entry.register_forward_hook(lambda _, __, output: entered.append(output))
    stem(windows.flatten(0, 1)[None])
    expected = F.conv2d(windows[None], stem.entry.weight, stride=(2, 1), padding=1)
    torch.testing.assert_close(entered, [expected])


def test_what_is_not_there_is_as_what_lies_beyond_the_end():
    stem = trained(ConvolutionalStem(num_bands=20, stack=2, channels=4, blocks=3))
    features = torch.randn(2, 40, 30)
    kept = (torch.arange(30) < 18).expand(2, -1)
    features[..., 18:] = torch.nan
    expected = stem(features[..., :18])
    found = stem(features, kept)
    torch.testing.assert_close(found[..., :18], expected)
    assert found[..., 18:].eq(0).all()


def test_a_mask_hears_what_it_keeps_as_if_the_rest_had_never_been_said():
    options = {"mel": {"stack": 3, "normalise": False}, "lstm": LSTM, "stem": {"channels": 4}}
    model = MelLSTM(pooling="mean", dimension=6, **options).eval()
    trained(model.stem)
    frame = model.receptive_field_size(2) - model.receptive_field_size(1)
    waveform = torch.randn(1, 1, 40 * frame + model.receptive_field_size(1))
    weights = torch.zeros(1, model.num_frames(waveform.shape[-1]))
    weights[:, 10:30] = 1
    inside = model.front_end(waveform, weights)[..., 10:30]
    with torch.no_grad():
        outputs, _ = model.lstm(model.stem(inside).transpose(1, 2))
        expected = model.projection(outputs.mean(1))
        torch.testing.assert_close(model(waveform, weights=weights), expected)


def test_the_same_pattern_some_bands_up_gives_the_same_some_bands_up():
    stem = trained(ConvolutionalStem(num_bands=64, channels=4, blocks=2))
    features = torch.zeros(1, 64, 9)
    features[:, 20:24] = torch.randn(1, 4, 9)
    low, high = stem(features), stem(features.roll(8, dims=1))
    low, high = (each.unflatten(1, (4, -1)) for each in (low, high))  # 16 bands of 4
    torch.testing.assert_close(low[:, :, 4:10], high[:, :, 6:12])


def test_a_frozen_stem_keeps_its_means_and_variances():
    model = MelLSTM(mel={"stack": 3}, lstm=LSTM, stem={"channels": 4}, dimension=6)
    before = {name: value.clone() for name, value in model.stem.named_buffers()}
    model.freeze_by_name("stem")
    model.train()
    model(torch.randn(2, 1, 16000))
    for name, value in model.stem.named_buffers():
        assert torch.equal(value, before[name]), name

    model.unfreeze_by_name("stem")
    model.train()
    model(torch.randn(2, 1, 16000))
    assert not torch.equal(model.stem.norm.running_mean, before["norm.running_mean"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MelLSTM(stem={"width": 3}), "Unknown stem option 'width'"),
        (lambda: MelLSTM(stem={"blocks": 0}), "stem: blocks must be a whole number, 1 at least"),
        (lambda: MelLSTM(stem=True), "stem must be a mapping"),
        (lambda: MelLSTM(features={"dimension": 256}, stem={}), "stem: convolutions need bands"),
        (lambda: SincNetLSTM(stem={}), "stem: convolutions need bands"),
        (
            lambda: SincNetLSTM(sinc={"filter_size": 250}),
            "filter_size must be odd and 51 at least, not 250",
        ),
        (lambda: SincNetLSTM(sinc={"filter_size": 1}), "51 at least, not 1"),
        (lambda: SincNetLSTM(sinc={"filter_size": 51, "stride": 80}), "would go unheard"),
        (lambda: SincNetLSTM(sinc={"filter_size": 1023}), "shorter than a filter, which has 1023"),
    ],
)
def test_wrong_options_are_a_sentence(make, message):
    with pytest.raises(UserError, match=message):
        make()


@torch.no_grad()
def test_long_filters_tell_harmonics_apart():
    """Two sinusoids 100 Hz apart: a dip between them, or one hill."""
    time = torch.arange(16000) / 16000
    two = sum(torch.sin(2 * torch.pi * hertz * time) for hertz in (400, 500))

    def dip(**options) -> float:
        model = SincNetLSTM(
            sinc={"num_filters": 80, "stride": 160, "normalise": False, **options}, lstm=LSTM
        )
        bands = model.sinc(two[None, None]).mean(-1)[0]
        low, high = model.sinc.filterbank.low_hz_, model.sinc.filterbank.band_hz_
        centres = (low.abs() + 50 + high.abs() / 2).flatten()
        at = [int((centres - hertz).abs().argmin()) for hertz in (400, 450, 500)]
        return float(torch.minimum(bands[at[0]], bands[at[2]]) - bands[at[1]])

    assert dip(window=0.064, filter_size=1023) > 2.0
    assert dip() < 0.5
