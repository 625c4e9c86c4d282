"""What public GE2E projects do around their LSTM: level, energies, windows.

Three families of code trained most of the GE2E checkpoints there are. Their networks differ
little; what comes before and after does, and a checkpoint is worth nothing with another's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pyannote_ge2e.architectures.speech import leave_level, raise_level, set_peak

SAMPLE_RATE = 16000
WINDOW = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
NUM_MELS = 40


def _as_it_is(energies: Tensor) -> Tensor:
    return energies


def _natural_log(energies: Tensor) -> Tensor:
    return energies.clamp(min=1e-9).log()


def _common_log(energies: Tensor) -> Tensor:
    return (energies + 1e-6).log10()


def _one(num_samples: int, size: int, step: int) -> int:
    return 1


def _covered(num_samples: int, size: int, step: int) -> int:
    """As many windows as start in time; the last only if three quarters of it hold audio."""
    num_frames = num_samples // HOP + 1
    count = math.ceil(max(1, num_frames - size + step + 1) / step)
    last = (count - 1) * step
    covered = (num_samples - last * HOP) / (size * HOP)
    return count - 1 if covered < 0.75 and count > 1 else count


def _padded(num_samples: int, size: int, step: int) -> int:
    """As many windows as it takes to reach the last frame."""
    num_frames = num_samples // HOP + 1
    if num_frames <= size:
        return 1
    return max(1, (math.ceil(num_frames / step) * step - size) // step + 1)


@dataclass(frozen=True)
class Recipe:
    """What one project does around its LSTM.

    Attributes
    ----------
    project : str
        Whose it is, in words.
    mel : mapping
        Options of `torchaudio.transforms.MelSpectrogram` beyond the common ones.
    compress : callable
        From energies to features.
    level : callable
        What is done to the level of a waveform.
    count : callable
        Number of windows that make up an utterance, from its number of samples, and the size of
        a window and the step between two, both in frames.
    size : int or None
        Size of a window, in frames; None for one window that holds the whole utterance.
    step : int
        Step between two windows, in frames.
    fill_waveform : bool
        What the last window lacks is silence if true, else features that are zero, and an
        utterance shorter than a window is left so.
    poolings : tuple of str
        How frames may become one vector, the usual way first.
    rectify : bool
        Whether an embedding has no negative value.
    silences : tuple of str
        Which silence may be dropped, what is done by default first: see `listened_to`.
    duration : float
        Seconds of audio that the network was trained on.
    """

    project: str
    mel: Mapping[str, Any]
    compress: Callable[[Tensor], Tensor]
    level: Callable[[Tensor, Tensor | None], Tensor]
    count: Callable[[int, int, int], int]
    size: int | None
    step: int
    fill_waveform: bool
    poolings: tuple[str, ...]
    rectify: bool
    silences: tuple[str, ...]
    duration: float


_SLANEY = {"norm": "slaney", "mel_scale": "slaney", "pad_mode": "constant"}

RECIPES: dict[str, Recipe] = {
    "resemblyzer": Recipe(
        project="Resemblyzer / Real-Time-Voice-Cloning",
        mel={"n_fft": 400, "f_min": 0.0, **_SLANEY},
        compress=_as_it_is,
        level=raise_level,
        count=_covered,
        size=160,
        step=77,
        fill_waveform=True,
        poolings=("last",),
        rectify=True,
        silences=("keep", "energy", "webrtcvad"),
        duration=1.6,
    ),
    "dvector": Recipe(
        project="yistLin/dvector",
        mel={"n_fft": 400, "f_min": 50.0, "norm": None, "mel_scale": "htk", "pad_mode": "reflect"},
        compress=_natural_log,
        level=set_peak,
        count=_padded,
        size=160,
        step=80,
        fill_waveform=False,
        poolings=("attention", "last"),
        rectify=False,
        silences=("edges", "keep"),
        duration=1.6,
    ),
    "harryvolek": Recipe(
        project="HarryVolek/PyTorch_Speaker_Verification or its kin",
        mel={"n_fft": 512, "f_min": 0.0, **_SLANEY},
        compress=_common_log,
        level=leave_level,
        count=_one,
        size=None,
        step=1,
        fill_waveform=False,
        poolings=("last",),
        rectify=False,
        silences=("keep", "split", "trim"),
        duration=1.8,
    ),
}
