"""Imported checkpoints give the numbers that their own projects do.

`reference.npz` holds numbers made elsewhere, of the recordings and weights that `conftest.py`
makes: those of Resemblyzer by its own package, version 0.1.4 with librosa 0.11, numpy 2.4 and
webrtcvad 2.0.10, from weights in its layout and from those it ships ("published"); those of
yistLin/dvector and HarryVolek's, which need packages that are gone or have no weights to download,
by librosa's mel filters and an LSTM written out in numpy, in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pyannote.audio import Inference

from pyannote_ge2e.architectures import DVector
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.interop.public import import_public, resemblyzer_weights


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).with_name("reference.npz")) as numbers:
        return dict(numbers)


@pytest.fixture(scope="module")
def imported(
    tmp_path_factory: pytest.TempPathFactory, write_checkpoint: Callable[[str, Path], Path]
) -> Callable[..., DVector]:
    """A function that gives the model of a layout, imported once."""
    folder = tmp_path_factory.mktemp("checkpoints")

    @lru_cache
    def load(kind: str, silence: str | None = None) -> DVector:
        return import_public(write_checkpoint(kind, folder), silence=silence).model

    return load


@pytest.fixture
def waveform(recording: tuple[int, Path]) -> torch.Tensor:
    samples, _ = soundfile.read(recording[1], dtype="float32")
    return torch.from_numpy(samples)


def check_same(embedding: torch.Tensor | np.ndarray, expected: np.ndarray) -> None:
    embedding = np.asarray(embedding)
    np.testing.assert_allclose(embedding, expected, atol=1e-4)
    assert embedding @ expected > 0.9999


def check_resemblyzer(model, waveform, expected: Callable[[str], np.ndarray]) -> None:
    check_same(model.embed_utterance(waveform), expected("as it is"))
    check_same(model.embed_utterance(model.preprocess(waveform)), expected("level"))
    check_same(model.embed_utterance(model.preprocess(waveform), step=80), expected("overlap"))
    whole = Inference(model, window="whole")
    check_same(whole({"waveform": waveform[None], "sample_rate": 16000}), expected("level"))


def test_resemblyzer_layout(imported, recording, waveform, reference) -> None:
    check_resemblyzer(
        imported("resemblyzer"),
        waveform,
        lambda what: reference[f"resemblyzer/random/{what}"][recording[0]],
    )


def test_resemblyzer_as_published(recording, waveform, reference) -> None:
    try:
        path = resemblyzer_weights()
    except UserError:
        pytest.skip("needs 'pip install --no-deps resemblyzer'")
    check_resemblyzer(
        import_public(path).model,
        waveform,
        lambda what: reference[f"resemblyzer/published/{what}"][recording[0]],
    )


def test_silence_dropped_as_resemblyzer_does(imported, recording, waveform, reference) -> None:
    pytest.importorskip("webrtcvad", reason="needs 'pip install webrtcvad-wheels'")
    model = imported("resemblyzer", "webrtcvad")
    number = recording[0]
    assert len(model.preprocess(waveform)) == reference["resemblyzer/samples left"][number]
    embedding = model(waveform[None, None])[0].detach()
    check_same(embedding, reference["resemblyzer/random/silence"][number])


@pytest.mark.parametrize(
    ("kind", "silence", "name"),
    [
        ("dvector-attention", None, "dvector-attention"),
        ("dvector-attention", "keep", "dvector-attention/keep"),
        ("dvector-last", None, "dvector-last"),
        ("dvector-last", "keep", "dvector-last/keep"),
        ("harryvolek", None, "harryvolek"),
        ("harryvolek", "trim", "harryvolek/trim"),
        ("harryvolek", "split", "harryvolek/split"),
        ("kunhankh", None, "harryvolek"),
    ],
)
def test_other_layouts(imported, recording, waveform, reference, kind, silence, name) -> None:
    whole = Inference(imported(kind, silence), window="whole")
    embedding = whole({"waveform": waveform[None], "sample_rate": 16000})
    check_same(embedding, reference[name][recording[0]])


def test_references_tell_recordings_apart(reference) -> None:
    for name, embeddings in reference.items():
        if name != "resemblyzer/samples left":
            assert (embeddings @ embeddings.T)[np.triu_indices(3, 1)].min() < 0.975, name
