"""What the recurrent architectures share: all but the front-end."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pyannote_ge2e.architectures.frames import GridFrames
from pyannote_ge2e.architectures.front_end import FrontEnd
from pyannote_ge2e.architectures.masks import keep_something, weights_of_frames
from pyannote_ge2e.architectures.options import merge_options, pick
from pyannote_ge2e.architectures.pooling import Pooling, make_pooling
from pyannote_ge2e.architectures.precision import as_autocast
from pyannote_ge2e.architectures.recurrence import initialise, kept_first, run_over_kept
from pyannote_ge2e.architectures.speaker_embedding import SpeakerEmbedding
from pyannote_ge2e.architectures.stem import ConvolutionalStem
from pyannote_ge2e.errors import UserError

# PyTorch says so once per process, on a CPU. There is nothing to mend.
warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")


# What the second network shares with the first, or has none of.
NOT_OF_SECOND = {"sample_rate", "num_channels", "second", "task"}
STEM: dict[str, Any] = {"channels": 32, "blocks": 3}


class RecurrentEmbedding(SpeakerEmbedding):
    """Front-end, LSTM, pooling, projection: waveforms in, one embedding each out.

    Between the first two there may be a convolutional stem; and beside them all, a second network
    of the same class that listens in its own way. Then the embedding is that of the first, of unit
    length, and that of the second after it: cosines are the mean of theirs.

    Embeddings of one network are not normalised: the loss, the scores and pyannote.audio's
    clustering, all cosines, do that on their own.

    Parameters
    ----------
    sample_rate : int
        Sample rate, in Hz.
    num_channels : int
        Number of channels: 1.
    task : Task, optional
        What to learn.
    """

    second: RecurrentEmbedding | None
    stem: ConvolutionalStem | None
    lstm: nn.LSTM
    pooling: Pooling
    projection: nn.Module
    # What training does to (batch, dimension, frame) features: set by a task, never saved.
    frame_augmentation: Callable[[Tensor], Tensor] | None = None

    @property
    def front_end(self) -> FrontEnd:
        """The layer that turns waveforms into frames."""
        raise NotImplementedError

    @property
    def networks(self) -> list[RecurrentEmbedding]:
        """The network, and the second where there is one."""
        return [self] if self.second is None else [self, *self.second.networks]

    @property
    def dimension(self) -> int:
        """Size of the embedding."""
        return sum(network.hparams["dimension"] for network in self.networks)

    @property
    def takes_waveforms(self) -> bool:
        """Whether it embeds audio, and not only features that were stored before."""
        return self.front_end.takes_waveforms

    @property
    def stored_dimension(self) -> int | None:
        """Size of the stored features that it embeds, if it does."""
        return self.front_end.stored_dimension if self.second is None else None

    @staticmethod
    def lstm_options(
        defaults: Mapping[str, Any], given: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Complete the options of the LSTM, and check what PyTorch would word less clearly."""
        lstm = merge_options(defaults, given, "lstm")
        if lstm["proj_size"] >= lstm["hidden_size"]:
            raise UserError(
                f"lstm: proj_size ({lstm['proj_size']}) must be smaller than hidden_size "
                f"({lstm['hidden_size']}); set proj_size to 0 for no projection."
            )
        if lstm["dropout"] > 0 and lstm["num_layers"] == 1:
            raise UserError(
                f"lstm: dropout ({lstm['dropout']}) acts between layers, and there is only one; "
                "set dropout to 0, or num_layers to 2 or more."
            )
        return lstm

    @staticmethod
    def stem_options(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Complete the options of the stem, where there is one."""
        return None if given is None else merge_options(STEM, given, "stem")

    def add_recurrence(
        self,
        lstm: Mapping[str, Any],
        pooling: str,
        dimension: int | None,
        stem: Mapping[str, Any] | None = None,
    ) -> None:
        """Add all that follows the front-end; without dimension, no projection."""
        self.stem, size = None, self.front_end.dimension
        if stem is not None:
            front_end = self.front_end
            if not isinstance(front_end, GridFrames) or not front_end.takes_waveforms:
                raise UserError(
                    "stem: convolutions need bands in order, which those of 'mel' and of 'sinc' "
                    "are: remove 'stem', or use one of these front-ends."
                )
            self.stem = ConvolutionalStem(size // front_end.stack, front_end.stack, **stem)
            size = self.stem.dimension
        self.lstm = nn.LSTM(size, batch_first=True, **lstm)
        initialise(self.lstm, forget_bias=1.0 if pooling == "last" else 0.0)
        size = lstm["proj_size"] or lstm["hidden_size"]
        bidirectional = lstm["bidirectional"]
        self.pooling = make_pooling(pooling, size * (1 + bidirectional), bidirectional)
        if dimension is None:
            self.projection = nn.Identity()
        else:
            self.projection = nn.Linear(self.pooling.dimension, dimension)
            # What is common to all embeddings hides what is not from their cosines.
            nn.init.zeros_(self.projection.bias)

    def add_second(self, options: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Add the second network, if there is to be one, and return all of its options."""
        self.second = None
        if options is None:
            return None
        if not isinstance(options, Mapping):
            raise UserError(f"second must be a mapping of options, not {options!r}.")
        known = [name for name in signature(type(self)).parameters if name not in NOT_OF_SECOND]
        for name in options:
            pick(dict.fromkeys(known), name, "second option")
        try:
            self.second = type(self)(self.hparams["sample_rate"], **options)
        except UserError as error:
            raise UserError(f"second: {error}") from error
        if not (self.takes_waveforms and self.second.takes_waveforms):
            raise UserError(
                "second: both networks listen to audio: leave 'second' or 'features' out."
            )
        return {name: value for name, value in self.second.hparams.items() if name in known}

    def num_frames(self, num_samples: int) -> int:
        """Count the frames that so many samples give.

        Parameters
        ----------
        num_samples : int
            Number of samples.

        Returns
        -------
        num_frames : int
            Number of frames, 0 when there are too few samples for one.
        """
        return max(0, self.front_end.num_frames(num_samples))

    def receptive_field_size(self, num_frames: int = 1) -> int:
        """Count the samples that the front-end needs for so many frames.

        Parameters
        ----------
        num_frames : int, optional
            Number of frames.

        Returns
        -------
        receptive_field_size : int
            Number of samples.
        """
        return self.front_end.receptive_field_size(num_frames)

    def receptive_field_center(self, frame: int = 0) -> int:
        """Find the centre of a frame.

        Parameters
        ----------
        frame : int, optional
            Index of the frame.

        Returns
        -------
        receptive_field_center : int
            Index of the sample.
        """
        return self.front_end.receptive_field_center(frame)

    def shortest(self, inputs: Tensor) -> int:
        """Count the samples, or the stored frames, that an embedding needs at least."""
        return max(network.front_end.shortest(inputs) for network in self.networks)

    def embed(self, inputs: Tensor, weights: Tensor | None) -> Tensor:
        """Embed inputs; among what a mask keeps, the larger the weight the more it counts.

        It does in the norms and in the pooling.
        """
        if self.second is None:
            return self._embed(inputs, weights)
        each = [network._embed(inputs, weights) for network in self.networks]
        both = torch.cat([F.normalize(embeddings, dim=-1) for embeddings in each], dim=-1)
        return both.masked_fill(both.isnan().any(-1, keepdim=True), torch.nan)

    def _embed(self, inputs: Tensor, weights: Tensor | None) -> Tensor:
        """Embed by the network itself, without the second."""
        if weights is None:
            features = self.front_end(inputs)
            if self.training and self.frame_augmentation is not None:
                features = self.frame_augmentation(features)
            if self.stem is not None:
                features = self.stem(features)
            outputs, _ = self.lstm(as_autocast(features).transpose(1, 2))
            return self.projection(self.pooling(outputs.transpose(1, 2)))
        features = self.front_end(inputs, weights)
        weights, too_few = keep_something(
            weights_of_frames(weights, features.shape[-1]),
            self.front_end.keeps_too_little(weights, inputs),
        )
        frames = features.transpose(1, 2)
        if self.stem is not None:
            frames, weights = kept_first(frames, weights)
            frames = self.stem(frames.transpose(1, 2), weights > 0).transpose(1, 2)
        outputs, kept = run_over_kept(self.lstm, frames, weights)
        embeddings = self.projection(self.pooling(outputs.transpose(1, 2), kept))
        return embeddings.masked_fill(too_few, torch.nan)
