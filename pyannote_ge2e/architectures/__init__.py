"""Architectures: how a voice is represented.

`SincNetLSTM` starts from the waveform, `MelLSTM` from log-mel energies as in the GE2E paper.
Checkpoints store the module path of their class: `pyannote_ge2e.architectures.sincnet_lstm` and
`pyannote_ge2e.architectures.mel_lstm` therefore never move.
"""

from __future__ import annotations

from pyannote_ge2e.architectures.mel_lstm import MelLSTM
from pyannote_ge2e.architectures.sincnet_lstm import SincNetLSTM

__all__ = ["MelLSTM", "SincNetLSTM"]
