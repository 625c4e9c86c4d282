"""The networks of public GE2E checkpoints. Checkpoints store this module's path: it stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pyannote.audio.core.model import Model
from pyannote.audio.core.task import Task
from torch import Tensor, nn
from torch.nn import functional as F

from pyannote_ge2e.architectures.checkpoint import put_loss_back, set_loss_apart
from pyannote_ge2e.architectures.masks import (
    keeps_fewer,
    weights_of_frames,
    weights_of_samples,
)
from pyannote_ge2e.architectures.on_files import OnFiles
from pyannote_ge2e.architectures.options import merge_options, pick
from pyannote_ge2e.architectures.precision import at_least_single
from pyannote_ge2e.architectures.public_mel import PublicMel, Windows, together
from pyannote_ge2e.architectures.recipes import HOP, NUM_MELS, RECIPES, SAMPLE_RATE, WINDOW
from pyannote_ge2e.architectures.recurrence import initialise, run_over_kept
from pyannote_ge2e.architectures.speech import listened_to
from pyannote_ge2e.architectures.values import check_value
from pyannote_ge2e.errors import UserError

LSTM: dict[str, Any] = {"hidden_size": 256, "num_layers": 3}


class DVector(OnFiles, Model):
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
        if num_channels != 1:
            raise UserError(f"num_channels must be 1 (mono), not {num_channels!r}.")
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

    @property
    def dimension(self) -> int:
        """Size of the embedding."""
        return self.hparams["dimension"]

    def num_frames(self, num_samples: int) -> int:
        """Count the frames of so many samples: their centres are within the waveform."""
        return self.mel.num_frames(num_samples)

    def receptive_field_size(self, num_frames: int = 1) -> int:
        """Count the samples that so many frames are made of."""
        return WINDOW + (num_frames - 1) * HOP

    def receptive_field_center(self, frame: int = 0) -> int:
        """Give the sample at the centre of a frame."""
        return frame * HOP

    def forward(  # type: ignore[override]
        self, waveforms: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Embed waveforms.

        Parameters
        ----------
        waveforms : (batch, 1, sample) Tensor
            Waveforms at 16 kHz, of 25 ms at least.
        weights : (batch, any length) or (batch, speaker, any length) Tensor, optional
            Mask: 0 drops, a positive value keeps. Dropped audio has no effect on the embedding:
            windows are made of the frames that are kept, as if the others had never been said.

        Returns
        -------
        embeddings : (batch, dimension) or (batch, speaker, dimension) Tensor
            Embeddings of unit length. NaN where the mask keeps no frame.

        Raises
        ------
        ValueError
            When the waveforms are too short for one embedding, or the shapes do not match.
        """
        self._check(waveforms, weights)
        if weights is not None and weights.dim() == 3:
            num_speakers = weights.shape[1]
            waveforms = waveforms.repeat_interleave(num_speakers, dim=0)
            return self(waveforms, weights.flatten(0, 1)).unflatten(0, (-1, num_speakers))

        too_few = None
        waveforms = at_least_single(waveforms.squeeze(1))
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
        embeddings = self._embed(windows)
        return embeddings if too_few is None else embeddings.masked_fill(too_few, torch.nan)

    @torch.inference_mode()
    def preprocess(self, waveform: Tensor) -> Tensor:
        """Set the level of an utterance and drop its silence, as the project does beforehand.

        Parameters
        ----------
        waveform : (sample,) Tensor
            Whole utterance at 16 kHz.

        Returns
        -------
        waveform : (sample,) Tensor
            What is listened to of it.

        Examples
        --------
        >>> model = DVector(recipe="dvector")
        >>> model.preprocess(torch.cat([torch.zeros(8000), torch.full((8000,), 0.1)])).shape
        torch.Size([8000])
        """
        waveform = self.recipe.level(at_least_single(waveform.to(self.device))[None], None)[0]
        return waveform[listened_to(waveform, self.hparams["silence"])]

    @torch.inference_mode()
    def embed_utterance(self, waveform: Tensor, step: int | None = None) -> Tensor:
        """Embed an utterance that is preprocessed already, in the project's own way.

        `forward` preprocesses, then does the same.

        Parameters
        ----------
        waveform : (sample,) Tensor
            Utterance at 16 kHz, from `preprocess` or from the project's own preprocessing.
        step : int, optional
            Step between windows, in frames of 10 ms. Defaults to the project's (77 for
            Resemblyzer; Real-Time-Voice-Cloning takes 80).

        Returns
        -------
        embedding : (dimension,) Tensor
            Of unit length.

        Examples
        --------
        >>> model = DVector().eval()
        >>> waveform = torch.randn(48000)
        >>> whole = model(waveform.view(1, 1, -1))[0]
        >>> torch.allclose(model.embed_utterance(model.preprocess(waveform)), whole, atol=1e-6)
        True
        """
        return self.embed_utterances([waveform], step)[0]

    @torch.inference_mode()
    def embed_utterances(self, waveforms: Sequence[Tensor], step: int | None = None) -> Tensor:
        """Embed utterances of any lengths at once, each as `embed_utterance` does.

        Their windows are a single batch.

        Parameters
        ----------
        waveforms : sequence of (sample,) Tensors
            Utterances at 16 kHz, preprocessed already.
        step : int, optional
            As in `embed_utterance`.

        Returns
        -------
        embeddings : (utterance, dimension) Tensor

        Examples
        --------
        >>> model = DVector().eval()
        >>> waveforms = torch.randn(48000), torch.randn(20000)
        >>> together = model.embed_utterances(waveforms)
        >>> torch.allclose(together[1], model.embed_utterance(waveforms[1]), atol=1e-6)
        True
        """
        several = []
        for waveform in waveforms:
            self._check(waveform[None, None], None)
            alone = at_least_single(waveform.to(self.device))[None]
            several.append(self.mel(alone, step=step))
        return self._embed(together(several))

    def _check(self, waveforms: Tensor, weights: Tensor | None) -> None:
        if waveforms.dim() != 3 or waveforms.shape[1] != 1:
            raise ValueError(
                f"Waveforms must have shape (batch, 1, sample), not {tuple(waveforms.shape)}."
            )
        if waveforms.shape[-1] < WINDOW:
            raise ValueError(
                f"{waveforms.shape[-1]} samples are too few for an embedding: "
                f"{type(self).__name__} needs at least {WINDOW}."
            )
        if weights is not None and (
            weights.dim() not in (2, 3) or weights.shape[0] != waveforms.shape[0]
        ):
            raise ValueError(
                "Weights must have shape (batch, frame) or (batch, speaker, frame) with a batch "
                f"of {waveforms.shape[0]}, not {tuple(weights.shape)}."
            )

    def _embed(self, windows: Windows) -> Tensor:
        """Embed windows, and put together those of an utterance: (utterance, dimension)."""
        longest = max(windows.lengths)
        frames = windows.frames[:, :longest]
        lengths = torch.tensor(windows.lengths, device=frames.device)
        if min(windows.lengths) == longest:
            outputs, _ = self.lstm(frames)
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

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the loss's weights apart from the model's."""
        super().on_save_checkpoint(checkpoint)
        set_loss_apart(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the loss's weights back when there is a task to use them."""
        set_loss_apart(checkpoint)
        super().on_load_checkpoint(checkpoint)
        if self.task is not None:
            put_loss_back(checkpoint)


def _choice(given: str | None, choices: tuple[str, ...], what: str, recipe: str) -> str:
    if given is None:
        return choices[0]
    if given not in choices:
        allowed = " or ".join(map(repr, choices))
        raise UserError(f"{what} of the recipe '{recipe}' must be {allowed}, not {given!r}.")
    return given
