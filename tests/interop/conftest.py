"""Checkpoints in the layouts of public projects, and recordings to embed: the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, channel, draw_voice, record, speak


def random_weights(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Weights large enough for an embedding to depend on what is said."""
    rng = np.random.default_rng(seed)
    return {
        name: torch.from_numpy(
            (rng.standard_normal(shape) * (1.5 / np.sqrt(shape[-1]))).astype(np.float32)
            if len(shape) == 2
            else (0.1 * rng.standard_normal(shape)).astype(np.float32)
        )
        for name, shape in shapes.items()
    }


def lstm_shapes(prefix: str, inputs: int, hidden: int, layers: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(layers):
        shapes |= {
            f"{prefix}.weight_ih_l{layer}": (4 * hidden, hidden if layer else inputs),
            f"{prefix}.weight_hh_l{layer}": (4 * hidden, hidden),
            f"{prefix}.bias_ih_l{layer}": (4 * hidden,),
            f"{prefix}.bias_hh_l{layer}": (4 * hidden,),
        }
    return shapes


def resemblyzer_state() -> dict[str, Tensor]:
    shapes = lstm_shapes("lstm", 40, 256, 3) | {"linear.weight": (256, 256), "linear.bias": (256,)}
    state = random_weights(shapes, seed=1)
    # Power mel energies of speech are small numbers.
    state["lstm.weight_ih_l0"] *= 30
    return {
        "similarity_weight": torch.tensor([12.0]),
        "similarity_bias": torch.tensor([-4.0]),
        **state,
    }


def dvector_state(attention: bool) -> dict[str, Tensor]:
    shapes = lstm_shapes("lstm", 40, 256, 3)
    shapes |= {"embedding.weight": (256, 256), "embedding.bias": (256,)}
    if attention:
        shapes |= {"linear.weight": (1, 256), "linear.bias": (1,)}
    return random_weights(shapes, seed=2)


def harryvolek_state(hidden: int = 64, inputs: int = 40) -> dict[str, Tensor]:
    shapes = lstm_shapes("LSTM_stack", inputs, hidden, 3)
    shapes |= {"projection.weight": (48, hidden), "projection.bias": (48,)}
    return random_weights(shapes, seed=3)


def pase_state() -> dict[str, Tensor]:
    return harryvolek_state(inputs=256)


CHECKPOINTS: dict[str, Callable[[], object]] = {
    "resemblyzer": lambda: {
        "step": 1000,
        "model_state": resemblyzer_state(),
        "optimizer_state": {"state": {}, "param_groups": [{"lr": 1e-4}]},
    },
    "dvector-attention": lambda: dvector_state(attention=True),
    "dvector-last": lambda: dvector_state(attention=False),
    "harryvolek": harryvolek_state,
    "pase": pase_state,
    "kunhankh": lambda: {
        "speech_embedder": harryvolek_state(),
        "ge2e_loss": {"w": torch.tensor(11.0), "b": torch.tensor(-6.0)},
    },
}


def speech(seed: int) -> np.ndarray:
    """One of three recordings, (sample,) int16: a pause within, short, and soft."""
    rng = np.random.default_rng(seed)
    voice, response = draw_voice(rng), channel(rng)
    said = speak(voice, (5.3, 0.9, 2.77)[seed], rng)
    pauses = np.ones(len(said))
    pauses[: SAMPLE_RATE // 5] = 0.0
    if seed == 0:
        pauses[2 * SAMPLE_RATE : 3 * SAMPLE_RATE] = 0.0
    waveform = record(said, response, rng) * np.maximum(pauses, 1e-3)
    return np.round(waveform * (0.02 if seed == 2 else 1.0)).astype(np.int16)


@pytest.fixture(scope="session", params=[0, 1, 2], ids=["pause", "short", "soft"])
def recording(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Path]:
    """Number and file of a recording, through wav of 16 bits."""
    path = tmp_path_factory.mktemp("speech") / f"{request.param}.wav"
    soundfile.write(path, speech(request.param), SAMPLE_RATE, subtype="PCM_16")
    return request.param, path


@pytest.fixture(scope="session")
def write_checkpoint() -> Callable[[str, Path], Path]:
    """A function that writes a checkpoint in the layout of a project to a folder."""

    def write(kind: str, folder: Path) -> Path:
        path = folder / f"{kind}.pt"
        torch.save(CHECKPOINTS[kind](), path)
        return path

    return write


@pytest.fixture
def checkpoint(write_checkpoint: Callable[[str, Path], Path], tmp_path: Path):
    """The same, to a folder of the test's own."""
    return lambda kind: write_checkpoint(kind, tmp_path)
