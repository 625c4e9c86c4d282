"""SincNet, then LSTM. Checkpoints store this module's path: it does not move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyannote.audio.core.task import Task

from pyannote_ge2e.architectures.base import RecurrentEmbedding
from pyannote_ge2e.architectures.options import merge_options
from pyannote_ge2e.architectures.sinc_energies import FILTER_SIZE, SincEnergies
from pyannote_ge2e.architectures.sincnet import MaskedSincNet
from pyannote_ge2e.architectures.values import check_value
from pyannote_ge2e.errors import UserError

SINCNET: dict[str, Any] = {"stride": 10}
SINC: dict[str, Any] = {
    "num_filters": 40,
    "stride": 10,
    "window": 0.025,
    "hop": 0.010,
    "normalise": True,
    "stack": 1,
    "filter_size": FILTER_SIZE,
}
LSTM: dict[str, Any] = {
    "hidden_size": 256,
    "num_layers": 2,
    "proj_size": 0,
    "bidirectional": False,
    "dropout": 0.0,
}


class SincNetLSTM(RecurrentEmbedding):
    """Speaker embedding from the waveform: SincNet, LSTM, pooling, linear projection.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate, in Hz. SincNet exists at 16000 only.
    num_channels : int, optional
        Number of channels: 1.
    sincnet : dict, optional
        `stride` of the sinc filters, in samples (10, as in pyannote.audio's own models: one frame
        every 17 ms; 1 is ten times slower on a CPU, with ten times the frames).
    lstm : dict, optional
        `hidden_size` (256), `num_layers` (2), `proj_size` (0: no projection inside the LSTM),
        `bidirectional` (False), `dropout` between layers (0.0).
    pooling : {"stats", "mean", "last", "attention"}, optional
        How frames become one vector.
    dimension : int, optional
        Size of the embedding.
    sinc : dict, optional
        Takes the place of `sincnet`: its filters alone, and the log energies of what passes them,
        which takes far less data to train. `num_filters` (40), `stride` (10 samples), `window`
        (0.025 s), `hop` (0.010 s), `normalise` (True: subtract the utterance's mean), `stack` (1:
        number of consecutive windows given as one frame), `filter_size` (251 samples). See
        `SincEnergies`.
    stem : dict, optional
        Convolutions between the energies of `sinc` and the LSTM, none by default: `channels` (32),
        `blocks` (3), and `{}` for both as they are. See `ConvolutionalStem`.
    second : dict, optional
        Options of a second network of this class, whose embedding follows that of the first.
    task : Task, optional
        What to learn.

    Raises
    ------
    UserError
        When an option does not exist or cannot have its value, or `sinc` comes with `sincnet`.

    Examples
    --------
    >>> import torch
    >>> model = SincNetLSTM(lstm={"hidden_size": 32}, dimension=16)
    >>> model(torch.randn(2, 1, 32000)).shape
    torch.Size([2, 16])
    """

    sincnet: MaskedSincNet
    sinc: SincEnergies

    def __init__(
        self,
        sample_rate: int = 16000,
        num_channels: int = 1,
        sincnet: Mapping[str, Any] | None = None,
        lstm: Mapping[str, Any] | None = None,
        pooling: str = "stats",
        dimension: int = 256,
        sinc: Mapping[str, Any] | None = None,
        stem: Mapping[str, Any] | None = None,
        second: Mapping[str, Any] | None = None,
        task: Task | None = None,
    ) -> None:
        if sample_rate != 16000:
            raise UserError(f"SincNetLSTM works at 16000 Hz, not {sample_rate}: use MelLSTM.")
        super().__init__(sample_rate, num_channels, task)
        check_value("dimension", dimension)
        stem = self.stem_options(stem)
        lstm = self.lstm_options(LSTM, lstm)
        if None not in (sincnet, sinc):
            raise UserError("sincnet and sinc exclude each other: set one of them to null.")
        if sinc is None:
            sincnet = merge_options(SINCNET, sincnet, "sincnet")
            self.sincnet = MaskedSincNet(sample_rate=sample_rate, **sincnet)
        else:
            sinc = merge_options(SINC, sinc, "sinc")
            self.sinc = SincEnergies(sample_rate, **sinc)
        self.add_recurrence(lstm, pooling, dimension, stem)
        second = self.add_second(second)
        self.save_hyperparameters(
            *("sincnet", "lstm", "pooling", "dimension", "sinc", "stem", "second")
        )

    @property
    def front_end(self) -> MaskedSincNet | SincEnergies:
        """The layer that turns waveforms into frames."""
        return self.sincnet if hasattr(self, "sincnet") else self.sinc
