"""Weights to begin with: voices must be told apart before anything is learnt."""

from __future__ import annotations

import pytest
import torch

from pyannote_ge2e.architectures import MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.recurrence import initialise


@pytest.fixture(params=[0, 3], ids=["plain", "projected"])
def lstm(request):
    lstm = torch.nn.LSTM(5, 8, num_layers=2, proj_size=request.param, bidirectional=True)
    initialise(lstm, forget_bias=1.0)
    return lstm


def parameters(lstm, kind):
    return [parameter for name, parameter in lstm.named_parameters() if name.startswith(kind)]


def test_recurrent_weights_are_orthogonal_gate_by_gate(lstm):
    recurrent = parameters(lstm, "weight_hh")
    assert len(recurrent) == 4
    for weight in recurrent:
        for gate in weight.chunk(4):
            torch.testing.assert_close(gate.T @ gate, torch.eye(gate.shape[1]))


def test_input_weights_are_xavier_s_gate_by_gate(lstm):
    for weight in parameters(lstm, "weight_ih"):
        for gate in weight.chunk(4):
            bound = (6 / sum(gate.shape)) ** 0.5
            assert 0.8 * bound < gate.abs().max() <= bound


def test_the_forget_gate_alone_has_a_bias(lstm):
    expected = torch.zeros(4, 8)
    expected[1] = 1.0
    for bias in parameters(lstm, "bias_ih"):
        assert torch.equal(bias, expected.flatten())
    for bias in parameters(lstm, "bias_hh"):
        assert not bias.any()


def sounds(count=12, num_samples=16000):
    """Noises of different colours, each a little like the others."""
    spectrum = torch.fft.rfft(torch.randn(count, 1, num_samples))
    bands = torch.nn.functional.interpolate(torch.randn(count, 1, 12), size=spectrum.shape[-1])
    return 0.1 * torch.fft.irfft(spectrum * bands.exp(), n=num_samples)


@pytest.mark.parametrize(
    "build",
    [
        lambda: MelLSTM(lstm={"hidden_size": 64, "proj_size": 32}, dimension=32),
        lambda: MelLSTM(lstm={"hidden_size": 64, "proj_size": 0}, pooling="stats", dimension=32),
        lambda: SincNetLSTM(lstm={"hidden_size": 64}, dimension=32),
    ],
    ids=["mel, last", "mel, stats", "sincnet"],
)
def test_untrained_embeddings_of_different_sounds_differ(build):
    model = build().eval().requires_grad_(False)
    unit = torch.nn.functional.normalize(model(sounds()), dim=-1)
    cosines = (unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)]
    # PyTorch's own initialisation gives 0.999 at least.
    assert cosines.max() < 0.995
