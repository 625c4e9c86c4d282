"""Cost of each augmentation of a batch: against reading it, a training step, and upstream."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
import torch
import torch_audiomentations
import torchaudio
from torch import nn
from torch_audiomentations.utils.io import Audio

from bench.timing import Timings, time_in_turns, verdict
from bench.waiting import corpus
from pyannote_ge2e import SincNetLSTM
from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.babble import Babble
from pyannote_ge2e.data.augmentation.codec import Codec
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.impulse_response import ImpulseResponse
from pyannote_ge2e.data.augmentation.musan import Musan
from pyannote_ge2e.data.augmentation.noise import BackgroundNoise
from pyannote_ge2e.data.augmentation.seeded import one_thread
from pyannote_ge2e.data.augmentation.simulated_room import SimulatedRoom
from pyannote_ge2e.data.augmentation.spec_augment import SpecAugment
from pyannote_ge2e.data.augmentation.speed import Speed
from pyannote_ge2e.data.augmentation.telephone import Telephone
from pyannote_ge2e.data.augmentation.time_stretch import TimeStretch
from pyannote_ge2e.data.augmentation.transform import wrapped
from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE
from pyannote_ge2e.losses import GE2ELoss

NUM_CLASSES, NUM_CHUNKS, DURATION = 16, 4, 2.0
CHUNKS = NUM_CLASSES * NUM_CHUNKS
TURNS = 3
PEER_GOAL = 1.2  # of the time that upstream takes
STEP_GOAL = 1.0  # of a training step, for one worker to keep up with it

Run = Callable[[], object]


def section() -> str:
    """Measure every transform, all on the same chunks, and return the section."""
    with TemporaryDirectory() as name, one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        index = corpus(folder, "wav")
        _noise(folder / "musan")
        reading = _dataset(index, None)
        base = time_in_turns(
            {"read": lambda: reading.batch(0), "step": _step(reading)}, TURNS, 1, 1
        )
        rows = [
            _row(name, _ours(transform, reading), peer, base)
            for name, transform, peer in _candidates(folder / "musan", reading)
        ]
        recipe = _dataset(index, _recipe())
        whole = time_in_turns({"recipe": lambda: recipe.batch(0)}, TURNS, 1, 1).median("recipe")
    read, step = (1e3 * base.median(name) for name in ("read", "step"))
    share = 1e3 * whole / step
    return "\n".join(
        [
            "## Augmentation",
            "",
            f"Each transform on all of {CHUNKS} chunks of {DURATION:g} s (16 kHz), in one thread: "
            f"drawn, with whatever is read from disk, and applied. Reading the chunks from wav "
            f"takes {read:,.0f} ms, a training step of `SincNetLSTM` on them (forward, backward, "
            f"Adam; one thread) {step:,.0f} ms. Upstream is torch-audiomentations (its reading of "
            "files mended) or torchaudio, on the same chunks.",
            "",
            "Upstream changes the speed of a whole batch by one factor; here each chunk has its "
            "own, and chunks of the same factor are gathered first.",
            "",
            f"Goals: at most {PEER_GOAL:g} times what upstream takes; and a batch with the recipe "
            "of docs/configuration.md (but for its masks) made by one worker within a training "
            "step.",
            "",
            "| transform | ms | of reading | of a step | of upstream's | goal |",
            "|---|---|---|---|---|---|",
            *rows,
            f"| the recipe, reading included | {1e3 * whole:,.0f} | {1e3 * whole / read:.0%} "
            f"| {share:.0%} | - | {verdict(share < STEP_GOAL)} |",
        ]
    )


def _dataset(index: Index, augmentation: nn.Module | None) -> BatchDataset:
    return BatchDataset(
        index,
        select_speakers(index, DURATION, NUM_CLASSES),
        num_classes=NUM_CLASSES,
        num_chunks=NUM_CHUNKS,
        duration=(DURATION, DURATION),
        batches_per_epoch=1,
        augmentation=augmentation,
    )


def _noise(root: Path) -> None:
    """Write files of noise where MUSAN has them, and impulse responses."""
    rng = np.random.default_rng(0)
    for kind in ("noise", "music", "speech"):
        (root / kind).mkdir(parents=True)
        for number in range(20):
            noise = 0.1 * rng.standard_normal(10 * SAMPLE_RATE)
            soundfile.write(root / kind / f"{number}.wav", noise, SAMPLE_RATE)
    (root / "rooms").mkdir()
    for number in range(20):
        tail = rng.standard_normal(8000) * np.exp(-np.arange(8000) / 1500)
        response = np.concatenate([[1.0], 0.1 * tail])
        soundfile.write(root / "rooms" / f"{number}.wav", 0.5 * response, SAMPLE_RATE)


def _step(dataset: BatchDataset) -> Run:
    torch.manual_seed(0)
    model, loss_func = SincNetLSTM(), GE2ELoss()
    optimizer = torch.optim.Adam([*model.parameters(), *loss_func.parameters()])
    batch = dataset.batch(0)

    def step() -> None:
        optimizer.zero_grad()
        loss_func(model(batch["X"]), batch["y"]).backward()
        optimizer.step()

    return step


def _ours(transform: nn.Module, dataset: BatchDataset) -> Run:
    """Draw and apply, as a dataset does around its reading."""
    augmenter = Augmenter(transform)
    batch = dataset.batch(0)
    length = batch["X"].shape[-1]
    chunks = Chunks(CHUNKS, length, SAMPLE_RATE, batch["y"].numpy(), dataset)
    features = SincNetLSTM().front_end(batch["X"]).detach()

    def run() -> None:
        steps, longer = augmenter.draw(np.random.SeedSequence(0), chunks)
        if augmenter.masks_frames:
            augmenter.apply_to_frames(features, steps)
        else:
            augmenter.apply(wrapped(batch["X"], longer), steps, SAMPLE_RATE)

    return run


def _candidates(folder: Path, dataset: BatchDataset) -> list[tuple[str, nn.Module, Run | None]]:
    """Name, transform of ours, and what upstream has of the same."""
    X = dataset.batch(0)["X"]
    features = SincNetLSTM().front_end(X).detach()
    theirs: dict[str, Any] = {"p": 1.0, "output_type": "dict"}
    # torchaudio.info is gone: all that upstream wanted of it.
    Audio.get_audio_metadata = staticmethod(
        lambda path: (lambda info: (info.frames, info.samplerate))(soundfile.info(str(path)))
    )
    noise = torch_audiomentations.AddBackgroundNoise(folder / "noise", **theirs)
    rooms = torch_audiomentations.ApplyImpulseResponse(folder / "rooms", **theirs)
    filters = torch_audiomentations.LowPassFilter(**theirs)
    gain = torch_audiomentations.Gain(**theirs)
    speed = torchaudio.transforms.SpeedPerturbation(SAMPLE_RATE, [0.9, 1.1])
    bands = torchaudio.transforms.FrequencyMasking(8, iid_masks=True)
    times = torchaudio.transforms.TimeMasking(20, iid_masks=True)
    return [
        ("`BackgroundNoise`", BackgroundNoise(folder / "noise"), _upstream(noise, X)),
        ("`Musan`", Musan(folder, p=1.0), None),
        ("`Babble`", Babble(p=1.0), None),
        ("`ImpulseResponse`", ImpulseResponse(folder / "rooms", p=1.0), _upstream(rooms, X)),
        ("`SimulatedRoom`", SimulatedRoom(p=1.0), None),
        ("`Speed`", Speed(p=1.0), lambda: speed(X)),
        ("`TimeStretch`", TimeStretch(p=1.0), lambda: _stretch(X)),
        ("`Telephone`", Telephone(p=1.0), None),
        ("`Codec`", Codec(["gsm", "mp3", "vorbis"], p=1.0), None),
        ("`SpecAugment`", SpecAugment(1, 8, 1, 20, p=1.0), lambda: _mask(features, bands, times)),
        ("`Gain` (upstream's)", gain, None),
        ("`LowPassFilter` (upstream's)", filters, None),
    ]


def _upstream(transform: nn.Module, X: torch.Tensor) -> Run:
    return lambda: transform(samples=X, sample_rate=SAMPLE_RATE)


def _mask(features: torch.Tensor, *masks: nn.Module) -> torch.Tensor:
    features = features.unsqueeze(1)  # masks of their own are for what has channels
    for mask in masks:
        features = mask(features)
    return features


def _stretch(X: torch.Tensor) -> torch.Tensor:
    """Torchaudio's transforms around its phase vocoder, half of the chunks by each factor."""
    parts = []
    for part, factor in zip(X[:, 0].chunk(2), (0.9, 1.1), strict=True):
        spectrogram = torchaudio.transforms.Spectrogram(512, hop_length=128, power=None)(part)
        stretch = torchaudio.transforms.TimeStretch(128, 257, factor)
        inverse = torchaudio.transforms.InverseSpectrogram(512, hop_length=128)
        parts.append(inverse(stretch(spectrogram), X.shape[-1]))
    return torch.cat(parts)


def _recipe() -> nn.Module:
    theirs: dict[str, Any] = {"output_type": "dict"}
    return torch_audiomentations.Compose(
        [
            Speed(by="speaker", p=0.5),
            SimulatedRoom(p=0.4),
            Babble(8, 20, p=0.3),
            torch_audiomentations.AddColoredNoise(5, 25, 0, 2, p=0.3, **theirs),
            torch_audiomentations.LowPassFilter(2500, 7500, p=0.15, **theirs),
            Telephone(p=0.15),
            Codec(["gsm", "mp3", "vorbis"], p=0.1),
            torch_audiomentations.Gain(-15, 6, p=0.5, **theirs),
        ],
        **theirs,
    )


def _row(name: str, ours: Run, peer: Run | None, base: Timings) -> str:
    candidates = {"ours": ours} if peer is None else {"ours": ours, "peer": peer}
    timings = time_in_turns(candidates, TURNS, 1, 1)
    seconds = timings.median("ours")
    against, goal = "-", ""
    if peer is not None:
        ratio = timings.ratio("ours", "peer")
        against = f"{ratio:.0%}"
        goal = "" if name == "`Speed`" else verdict(ratio <= PEER_GOAL)
    read, step = base.median("read"), base.median("step")
    return (
        f"| {name} | {1e3 * seconds:,.0f} | {seconds / read:.0%} | {seconds / step:.0%} "
        f"| {against} | {goal} |"
    )
