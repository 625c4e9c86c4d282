"""Log energies of learned sinc filters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyannote_ge2e import SincNetLSTM
from pyannote_ge2e.architectures.sinc_energies import FLOOR, SincEnergies
from pyannote_ge2e.errors import UserError


def test_energies_are_those_of_a_slow_loop_over_filters_and_windows():
    energies = SincEnergies(num_filters=3, stride=20)
    waveform = 0.1 * torch.randn(2000)
    filters = energies.filterbank.filters().detach().double().squeeze(1).numpy()
    samples = waveform.double().numpy()
    expected = np.zeros((3, 11))
    for window in range(11):
        for band in range(3):
            total = []
            for start in range(160 * window, 160 * window + 400 - 251 + 1, 20):
                heard = samples[start : start + 251]
                total.append((heard @ filters[band]) ** 2 + (heard @ filters[3 + band]) ** 2)
            expected[band, window] = np.log(np.mean(total) + FLOOR)
    found = energies.window_features(waveform[None, None])[0]
    torch.testing.assert_close(found.double(), torch.from_numpy(expected), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("frequency", [200.0, 1000.0, 4000.0])
def test_a_tone_has_the_same_energy_wherever_its_period_is_met(frequency):
    energies = SincEnergies(stride=20)
    time = torch.arange(16000) / 16000
    phases = torch.rand(16, 1, 1) * 2 * torch.pi
    tones = torch.sin(2 * torch.pi * frequency * time + phases)
    features = energies.window_features(tones)
    loudest = features.mean((0, 2)).argmax()
    low, high = (edge.item() for edge in _edges(energies, int(loudest)))
    assert low - 60 <= frequency <= high + 60
    assert features[:, loudest].std() < 0.02


def _edges(energies: SincEnergies, band: int) -> tuple[torch.Tensor, torch.Tensor]:
    bank = energies.filterbank
    low = bank.min_low_hz + bank.low_hz_[band].abs()
    return low, low + bank.min_band_hz + bank.band_hz_[band].abs()


def test_the_edges_of_the_bands_learn():
    model = SincNetLSTM(sinc={"stride": 20, "stack": 3}, lstm={"hidden_size": 8}, dimension=4)
    model(torch.randn(2, 1, 16000)).square().sum().backward()
    for edges in (model.sinc.filterbank.low_hz_, model.sinc.filterbank.band_hz_):
        assert edges.grad.isfinite().all()
        assert edges.grad.abs().max() > 0


def test_silence_is_finite_and_loudness_changes_nothing():
    model = SincNetLSTM(sinc={}, lstm={"hidden_size": 8}, dimension=4).eval()
    assert model(torch.zeros(1, 1, 16000)).isfinite().all()
    waveform = 0.1 * torch.randn(1, 1, 16000)
    torch.testing.assert_close(model(waveform), model(0.2 * waveform), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sinc": {"window": 0.01}}, "window is 160 samples at 16000 Hz, shorter than a filter"),
        ({"sinc": {"stride": 7}}, "hop is 160 samples at 16000 Hz, no multiple of stride \\(7\\)"),
        ({"sinc": {"filters": 3}}, "Unknown sinc option 'filters': did you mean 'num_filters'"),
        ({"sinc": {"num_filters": 0}}, "sinc: num_filters must be a whole number"),
        ({"sinc": {}, "sincnet": {}}, "sincnet and sinc exclude each other"),
    ],
)
def test_what_cannot_be_is_named(options, words):
    with pytest.raises(UserError, match=words):
        SincNetLSTM(**options)
