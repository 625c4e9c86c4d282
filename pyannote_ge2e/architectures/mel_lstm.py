"""The GE2E paper's architecture. Checkpoints store this module's path: it does not move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyannote.audio.core.task import Task
from torch import Tensor

from pyannote_ge2e.architectures.base import RecurrentEmbedding
from pyannote_ge2e.architectures.mel import LogMel
from pyannote_ge2e.architectures.options import merge_options, pick
from pyannote_ge2e.architectures.stored import StoredFrames
from pyannote_ge2e.architectures.values import check_value
from pyannote_ge2e.errors import UserError

MEL: dict[str, Any] = {
    "num_mels": 40,
    "window": 0.025,
    "hop": 0.010,
    "normalise": True,
    "stack": 1,
}
FEATURES: dict[str, Any] = {
    "dimension": 40,
    "step": 0.010,
    "window": 0.025,
    "normalise": True,
    "stack": 1,
    "name": None,
}
LSTM: dict[str, Any] = {
    "hidden_size": 768,
    "num_layers": 3,
    "proj_size": 256,
    "bidirectional": False,
    "dropout": 0.0,
}
# The paper trains TI-SV on 140 to 180 frames (1.4 to 1.8 s), TD-SV on 80 frames (0.8 s).
PRESETS: dict[str, dict[str, int]] = {
    "ti-sv": {"hidden_size": 768, "proj_size": 256, "dimension": 256},
    "td-sv": {"hidden_size": 128, "proj_size": 64, "dimension": 64},
}


class MelLSTM(RecurrentEmbedding):
    """Speaker embedding from log-mel energies: LSTM with projection, pooling, linear layer.

    It takes waveforms (batch, 1, sample), or the log-mel energies of all windows, stored before,
    (batch, num_mels, frame). With `features`, it takes features of another origin and no waveform.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate, in Hz.
    num_channels : int, optional
        Number of channels: 1.
    mel : dict, optional
        `num_mels` (40), `window` (0.025 s), `hop` (0.010 s), `normalise` (True: subtract the
        utterance's mean), `stack` (1: number of consecutive windows given as one frame; with 3
        the LSTM takes a third of the steps).
    features : dict, optional
        Takes the place of `mel` for features that something else computed: `dimension` (40),
        `step` (0.010 s from one to the next), `window` (0.025 s that each is made of),
        `normalise` (True), `stack` (1), and `name`, which errors call them by.
    lstm : dict, optional
        `hidden_size` (768), `num_layers` (3), `proj_size` (256; 0 for no projection inside the
        LSTM), `bidirectional` (False), `dropout` between layers (0.0).
    preset : {"ti-sv", "td-sv"}, optional
        Sizes of the paper, text-independent (768 hidden, 256 projected; the defaults) or
        text-dependent (128 hidden, 64 projected, trained on 80 frames). Sizes that are given in
        `lstm` and `dimension` come first.
    pooling : {"last", "mean", "stats", "attention"}, optional
        How frames become one vector. The paper takes the last frame.
    dimension : int, optional
        Size of the embedding. Defaults to the preset's.
    projection : bool, optional
        Whether a linear layer follows the pooling, as in the paper. Without one, the embedding is
        what the pooling gives, and so is its size.
    stem : dict, optional
        Convolutions between the energies of `mel` and the LSTM, none by default: `channels` (32),
        `blocks` (3), and `{}` for both as they are. See `ConvolutionalStem`.
    second : dict, optional
        Options of a second network of this class, whose embedding follows that of the first.
    task : Task, optional
        What to learn.

    Raises
    ------
    UserError
        When an option does not exist or cannot have its value, or sizes do not agree.

    References
    ----------
    L. Wan, Q. Wang, A. Papir, I. Lopez Moreno, "Generalized end-to-end loss for speaker
    verification", ICASSP 2018, section 3.

    Examples
    --------
    >>> import torch
    >>> model = MelLSTM(preset="td-sv")
    >>> model(torch.randn(2, 1, 16000)).shape
    torch.Size([2, 64])

    Features of another origin:

    >>> model = MelLSTM(features={"dimension": 256, "name": "PASE+"}, preset="td-sv")
    >>> model(torch.randn(2, 256, 100)).shape
    torch.Size([2, 64])
    """

    mel: LogMel
    features: StoredFrames

    def __init__(
        self,
        sample_rate: int = 16000,
        num_channels: int = 1,
        mel: Mapping[str, Any] | None = None,
        lstm: Mapping[str, Any] | None = None,
        preset: str | None = None,
        pooling: str = "last",
        dimension: int | None = None,
        projection: bool = True,
        features: Mapping[str, Any] | None = None,
        stem: Mapping[str, Any] | None = None,
        second: Mapping[str, Any] | None = None,
        task: Task | None = None,
    ) -> None:
        super().__init__(sample_rate, num_channels, task)
        check_value("projection", projection)
        sizes = dict(pick(PRESETS, preset or "ti-sv", "preset"))
        preset_dimension = sizes.pop("dimension")
        stem = self.stem_options(stem)
        lstm = self.lstm_options({**LSTM, **sizes}, lstm)

        if None not in (mel, features):
            raise UserError("mel and features exclude each other: set one of them to null.")
        if features is None:
            mel = merge_options(MEL, mel, "mel")
            self.mel = LogMel(sample_rate, **mel)
        else:
            features = merge_options(FEATURES, features, "features")
            self.features = StoredFrames(sample_rate, **features)
        if projection:
            if dimension is None:
                dimension = preset_dimension
            check_value("dimension", dimension)
            self.add_recurrence(lstm, pooling, dimension, stem)
        else:
            self.add_recurrence(lstm, pooling, None, stem)
            pooled = self.pooling.dimension
            if dimension not in (None, pooled):
                raise UserError(
                    f"Without projection the embedding has the size of the pooling, {pooled}, "
                    f"not {dimension}: leave dimension out, or set projection to true."
                )
            dimension = pooled
        second = self.add_second(second)
        self.save_hyperparameters(
            *("mel", "features", "lstm", "preset", "pooling", "dimension", "projection"),
            *("stem", "second"),
        )

    @property
    def front_end(self) -> LogMel | StoredFrames:
        """The layer that turns waveforms, or stored features, into frames."""
        return self.mel if hasattr(self, "mel") else self.features

    def _wanted(self, waveforms: Tensor) -> str:
        if self.takes_waveforms:
            return super()._wanted(waveforms)
        return (
            f"This {type(self).__name__} takes no audio, and no {tuple(waveforms.shape)}: it takes "
            f"{self.features.wanted}."
        )
