"""Architectures: how a voice is represented.

`SincNetLSTM` starts from the waveform, `MelLSTM` from log-mel energies as in the GE2E paper;
`DVector` is what public GE2E checkpoints hold. Checkpoints store the module path of their class:
`sincnet_lstm`, `mel_lstm` and `dvector` therefore never move from `pyannote_ge2e.architectures`.
"""

from __future__ import annotations

from pyannote_ge2e.architectures.dvector import DVector
from pyannote_ge2e.architectures.mel_lstm import MelLSTM
from pyannote_ge2e.architectures.sincnet_lstm import SincNetLSTM

__all__ = ["DVector", "MelLSTM", "SincNetLSTM"]
