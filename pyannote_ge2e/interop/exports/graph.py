"""Our architectures as graphs that can be traced: no masks, no choices that depend on the input."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchaudio.transforms import Spectrogram

from pyannote_ge2e.architectures.base import RecurrentEmbedding
from pyannote_ge2e.architectures.mel import FLOOR, LogMel
from pyannote_ge2e.errors import UserError


class Traceable(nn.Module):
    """A recurrent embedding for waveforms alone.

    Parameters
    ----------
    model : RecurrentEmbedding
        In float32, on the CPU, in evaluation mode.
    plain : bool
        Use but what ONNX has: a Fourier transform written as a matrix product, and a loop in place
        of an LSTM with projections.

    Raises
    ------
    UserError
        If the model takes no waveforms.

    Examples
    --------
    >>> from pyannote_ge2e.architectures import MelLSTM
    >>> model = MelLSTM(preset="td-sv").eval()
    >>> waveforms = torch.randn(2, 1, 16000)
    >>> torch.allclose(Traceable(model, plain=True)(waveforms), model(waveforms), atol=1e-5)
    True
    """

    def __init__(self, model: RecurrentEmbedding, plain: bool = False) -> None:
        super().__init__()
        if not model.takes_waveforms:
            raise UserError(
                "The model takes features that were stored before, not waveforms: export it to "
                "'pyannote' or 'safetensors'."
            )
        front_end: nn.Module = model.front_end  # type: ignore[assignment]
        self.front_end = MelFrames(front_end, plain) if isinstance(front_end, LogMel) else front_end
        self.stem = model.stem or nn.Identity()
        projected = plain and model.lstm.proj_size > 0
        self.lstm: nn.Module = ProjectedLSTM(model.lstm) if projected else model.lstm
        self.pooling = model.pooling
        self.projection = model.projection
        self.second = None if model.second is None else Traceable(model.second, plain)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Embed (batch, 1, sample) waveforms: (batch, dimension)."""
        own = self._embed(waveforms)
        if self.second is None:
            return own
        return torch.cat([normalize(own, dim=-1), normalize(self.second(waveforms), dim=-1)], -1)

    def _embed(self, waveforms: Tensor) -> Tensor:
        outputs, _ = self.lstm(self.stem(self.front_end(waveforms)).transpose(1, 2))
        sequences = outputs.transpose(1, 2)
        # Weights as many as there are frames: a number of frames would stay what it was traced at.
        weights = torch.ones_like(sequences[:, :1])
        return self.projection(self.pooling.pool(sequences, weights).squeeze(1))


class MelFrames(nn.Module):
    """The log-mel front-end, for waveforms alone.

    Parameters
    ----------
    mel : LogMel
    plain : bool
        See `Traceable`.
    """

    def __init__(self, mel: LogMel, plain: bool) -> None:
        super().__init__()
        power = mel.spectrogram.spectrogram
        self.power = PowerByProduct(power) if plain else power
        self.scale = mel.spectrogram.mel_scale
        self.normalise = mel.normalise
        self._mel = [mel]  # no module of this one: its spectrogram would be traced as well

    def forward(self, waveforms: Tensor) -> Tensor:
        """Turn (batch, 1, sample) waveforms into (batch, dimension, frame) features."""
        features = torch.log(self.scale(self.power(waveforms.squeeze(1))) + FLOOR)
        if self.normalise:
            features = features - features.mean(-1, keepdim=True)
        return self._mel[0].stacked(features)


class PowerByProduct(nn.Module):
    """Power spectrogram as a matrix product.

    It is computed in float64: what is quiet beside something loud, the logarithm makes as large
    as the rest, rounding included.

    Parameters
    ----------
    spectrogram : torchaudio.transforms.Spectrogram
        Without padding, of power.
    """

    basis: Tensor
    offsets: Tensor

    def __init__(self, spectrogram: Spectrogram) -> None:
        super().__init__()
        size = spectrogram.n_fft
        self.hop = spectrogram.hop_length
        self.size = size
        self.bins = size // 2 + 1
        angles = 2 * math.pi / size * torch.outer(torch.arange(size), torch.arange(self.bins))
        window = cast(Tensor, spectrogram.window).double()[:, None]
        basis = torch.cat([window * angles.double().cos(), window * angles.double().sin()], dim=1)
        self.register_buffer("basis", basis)
        self.register_buffer("offsets", torch.arange(size))

    def forward(self, waveforms: Tensor) -> Tensor:
        """Turn (batch, sample) waveforms into (batch, bin, window) energies."""
        starts = torch.arange(0, waveforms.shape[-1] - self.size + 1, self.hop)
        frames = waveforms[:, starts[:, None] + self.offsets]
        real, imaginary = (frames.double() @ self.basis).split(self.bins, dim=-1)
        return (real.square() + imaginary.square()).float().transpose(1, 2)


class ProjectedLSTM(nn.Module):
    """An LSTM with projections, step by step.

    Parameters
    ----------
    lstm : nn.LSTM
        With `batch_first=True`.
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.lstm = lstm
        self.suffixes = ["", "_reverse"] if lstm.bidirectional else [""]

    def forward(self, frames: Tensor) -> tuple[Tensor, None]:
        """Run over (batch, frame, feature) frames: (batch, frame, output)."""
        for layer in range(self.lstm.num_layers):
            outputs = []
            for suffix in self.suffixes:
                names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
                weights = [getattr(self.lstm, f"{name}_l{layer}{suffix}") for name in names]
                given = frames.flip(1) if suffix else frames
                output = _run(given, *weights)
                outputs.append(output.flip(1) if suffix else output)
            frames = torch.cat(outputs, dim=-1)
        return frames, None


def _steps(
    frames: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor, w_hr: Tensor
) -> Tensor:
    gates = (frames @ w_ih.t() + (b_ih + b_hh)).transpose(0, 1)
    hidden = torch.zeros([frames.size(0), w_hr.size(0)], dtype=frames.dtype)
    cell = torch.zeros([frames.size(0), w_hr.size(1)], dtype=frames.dtype)
    outputs: list[torch.Tensor] = []
    for step in range(gates.size(0)):
        enter, forget, change, leave = (gates[step] + hidden @ w_hh.t()).chunk(4, dim=1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * change.tanh()
        hidden = (leave.sigmoid() * cell.tanh()) @ w_hr.t()
        outputs.append(hidden)
    return torch.stack(outputs, 1)


# Compiled, since tracing would unroll the loop at the length that it happens to see.
_run = torch.jit.script(_steps)
