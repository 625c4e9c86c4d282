"""The networks of public GE2E checkpoints. Checkpoints store this module's path: it stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pyannote.audio.core.task import Task
from torch import Tensor, nn
from torch.nn import functional as F

from pyannote_ge2e.architectures.masks import (
    keeps_fewer,
    weights_of_frames,
    weights_of_samples,
)
from pyannote_ge2e.architectures.on_utterances import OnUtterances
from pyannote_ge2e.architectures.options import merge_options, pick
from pyannote_ge2e.architectures.precision import at_least_single
from pyannote_ge2e.architectures.public_mel import PublicMel, Windows
from pyannote_ge2e.architectures.recipes import HOP, NUM_MELS, RECIPES, SAMPLE_RATE, WINDOW
from pyannote_ge2e.architectures.recurrence import initialise, run_over_kept
from pyannote_ge2e.architectures.speaker_embedding import SpeakerEmbedding
from pyannote_ge2e.architectures.values import check_value
from pyannote_ge2e.errors import UserError

LSTM: dict[str, Any] = {"hidden_size": 256, "num_layers": 3}
AT_ONCE = 32  # windows


class DVector(OnUtterances, SpeakerEmbedding):
    """Speaker embedding as a public GE2E project defines it, front-end and windows included.

    A waveform is cut into the project's own windows (of 1.6 s for most), each of which gives an
    embedding of unit length; their mean, of unit length too, is that of the waveform.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate, in Hz: 16000, that of all these projects.
    num_channels : int, optional
        Number of channels: 1.
    recipe : {"resemblyzer", "dvector", "harryvolek"}, optional
        Whose level, mel energies, windows and activation to use.
    lstm : dict, optional
        `hidden_size` (256), `num_layers` (3).
    pooling : {"last", "attention"}, optional
        How the frames of a window become one vector. Defaults to the recipe's.
    dimension : int, optional
        Size of the embedding.
    silence : str, optional
        What to drop of a waveform before anything else, once its level is set: see
        `pyannote_ge2e.architectures.speech.listened_to`. Defaults to the recipe's. Nothing is
        dropped while training: chunks are taken as they come.
    task : Task, optional
        What to learn.

    Raises
    ------
    UserError
        When an option does not exist, cannot have its value, or is not for that recipe.

    Examples
    --------
    >>> model = DVector(recipe="dvector", lstm={"hidden_size": 32}, dimension=16)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        sample_rate: int = SAMPLE_RATE,
        num_channels: int = 1,
        recipe: str = "resemblyzer",
        lstm: Mapping[str, Any] | None = None,
        pooling: str | None = None,
        dimension: int = 256,
        silence: str | None = None,
        task: Task | None = None,
    ) -> None:
        if sample_rate != SAMPLE_RATE:
            raise UserError(f"DVector works at {SAMPLE_RATE} Hz, not {sample_rate}.")
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)
        check_value("dimension", dimension)
        lstm = merge_options(LSTM, lstm, "lstm")
        self.recipe = pick(RECIPES, recipe, "recipe")
        pooling = _choice(pooling, self.recipe.poolings, "pooling", recipe)
        silence = _choice(silence, self.recipe.silences, "silence", recipe)
        self.save_hyperparameters("recipe", "lstm", "pooling", "dimension", "silence")

        self.mel = PublicMel(self.recipe)
        self.lstm = nn.LSTM(NUM_MELS, batch_first=True, **lstm)
        initialise(self.lstm, forget_bias=1.0 if pooling == "last" else 0.0)
        self.projection = nn.Linear(lstm["hidden_size"], dimension)
        nn.init.zeros_(self.projection.bias)
        self.attention = nn.Linear(dimension, 1) if pooling == "attention" else None

    def num_frames(self, num_samples: int) -> int:
        """Count the frames of so many samples: their centres are within the waveform."""
        return self.mel.num_frames(num_samples)

    def receptive_field_size(self, num_frames: int = 1) -> int:
        """Count the samples that so many frames are made of."""
        return WINDOW + (num_frames - 1) * HOP

    def receptive_field_center(self, frame: int = 0) -> int:
        """Give the sample at the centre of a frame."""
        return frame * HOP

    def shortest(self, inputs: Tensor) -> int:
        """Count the samples that an embedding needs at least."""
        return WINDOW

    def embed(self, inputs: Tensor, weights: Tensor | None) -> Tensor:
        """Embed waveforms: of unit length.

        With a mask, windows are made of the frames that it keeps, as if the others had never been
        said.
        """
        too_few = None
        waveforms = at_least_single(inputs.squeeze(1))
        if weights is not None:
            too_few = keeps_fewer(
                weights_of_frames(weights, self.num_frames(waveforms.shape[1])), 1
            )
            # From here on at the resolution of samples, which dropping silence may cut.
            weights = weights_of_samples(weights, waveforms.shape[1])
            waveforms = torch.where(weights > 0, waveforms, torch.zeros_like(waveforms))
        waveforms = self.recipe.level(waveforms, None if weights is None else weights > 0)
        silence = self.hparams["silence"]
        if self.training or silence == "keep":
            windows = self.mel(waveforms, weights)
        else:
            windows = self.mel.without_silence(waveforms, weights, silence)
        embeddings = self.embed_windows(windows)
        return embeddings if too_few is None else embeddings.masked_fill(too_few, torch.nan)

    def embed_windows(self, windows: Windows) -> Tensor:
        """Embed windows, and put together those of an utterance: (utterance, dimension)."""
        longest = max(windows.lengths)
        frames = windows.frames[:, :longest]
        lengths = torch.tensor(windows.lengths, device=frames.device)
        if min(windows.lengths) == longest:
            # Once trained, on a CPU, a few at a time: more of them are slower.
            few = not self.training and frames.device.type == "cpu"
            parts = frames.split(AT_ONCE if few else len(frames))
            outputs = torch.cat([self.lstm(some)[0] for some in parts])
        else:
            within = torch.arange(longest, device=frames.device) < lengths[:, None]
            outputs, _ = run_over_kept(self.lstm, frames, within.float())
        unit = F.normalize(at_least_single(self._pooled(outputs, lengths)), dim=-1)
        total = unit.new_zeros(max(windows.owners) + 1, self.dimension)
        total = total.index_add(0, torch.tensor(windows.owners, device=unit.device), unit)
        return F.normalize(total, dim=-1).to(frames.dtype)

    def _pooled(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """From (window, frame, hidden) outputs to (window, dimension)."""
        if self.attention is None:
            last = outputs[torch.arange(len(outputs), device=outputs.device), lengths - 1]
            pooled = self.projection(last)
            return pooled.relu() if self.recipe.rectify else pooled
        vectors = torch.tanh(self.projection(outputs))
        beyond = torch.arange(outputs.shape[1], device=outputs.device) >= lengths[:, None]
        scores = self.attention(vectors).squeeze(-1).masked_fill(beyond, -torch.inf)
        return (scores.softmax(-1).unsqueeze(1) @ vectors).squeeze(1)


def _choice(given: str | None, choices: tuple[str, ...], what: str, recipe: str) -> str:
    if given is None:
        return choices[0]
    if given not in choices:
        allowed = " or ".join(map(repr, choices))
        raise UserError(f"{what} of the recipe '{recipe}' must be {allowed}, not {given!r}.")
    return given
