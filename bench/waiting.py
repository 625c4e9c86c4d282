"""Share of a training step that is spent waiting for its batch."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch

from bench.chunk_files import packed
from bench.timing import verdict
from pyannote_ge2e import SincNetLSTM
from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.loader import BatchLoader
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.batches.sources import AudioSource, ChunkSource
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, draw_voice, speak
from pyannote_ge2e.losses import GE2ELoss

SPEAKERS, UTTERANCES = 40, 6
NUM_CLASSES, NUM_CHUNKS, DURATION = 32, 4, 2.0
WARM_UP, STEPS = 1, 4
GOAL = 0.05  # of a step, from wav and from a pack


def section() -> str:
    """Measure each format with and without a worker, and return the section."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with TemporaryDirectory() as folder:
        index = {suffix: corpus(Path(folder), suffix) for suffix in ("wav", "ogg")}
        sources: dict[str, ChunkSource] = {name: AudioSource(index[name]) for name in index}
        sources["pack"] = packed(index["wav"], Path(folder) / "pack")
        rows = [
            _row(name, workers, *_steps(index.get(name, index["wav"]), source, workers, device))
            for name, source in sources.items()
            for workers in (0, 1)
        ]
    return "\n".join(
        [
            "## Waiting",
            "",
            f"Training steps (forward, backward, Adam) of `SincNetLSTM` with GE2E on batches of "
            f"{NUM_CLASSES} speakers x {NUM_CHUNKS} chunks of {DURATION:g} s from "
            f"{SPEAKERS * UTTERANCES} files of 4 to 8 s (16 kHz mono, synthetic voices, in the "
            f"page cache), on {_name(device)}. Median of {STEPS} steps.",
            "",
            f"Goal: from wav and from a pack, less than {GOAL:.0%} of a step is spent waiting for "
            "its batch.",
            "",
            "| format | workers | step, ms | of it waiting, ms | share | goal |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"a CPU with {threads} thread{'s' * (threads != 1)}"


def corpus(folder: Path, suffix: str) -> Index:
    """Write voices to files of one format."""
    rng = np.random.default_rng(0)
    utterances = []
    for speaker in range(SPEAKERS):
        waveform = speak(draw_voice(rng), 8.0, rng)
        waveform *= 0.8 / np.abs(waveform).max()
        for number in range(UTTERANCES):
            path = folder / f"{speaker}_{number}.{suffix}"
            length = int(rng.uniform(0.5, 1.0) * len(waveform))
            soundfile.write(path, np.roll(waveform, number * 10_000)[:length], SAMPLE_RATE)
            utterances.append(
                Utterance(str(speaker), "Bench", str(path), 0.0, length / SAMPLE_RATE)
            )
    return Index.of(utterances)


def _steps(
    index: Index, source: ChunkSource, workers: int, device: torch.device
) -> tuple[list[float], list[float]]:
    """Seconds of each step, and seconds of it spent waiting."""
    torch.manual_seed(0)
    model, loss_func = SincNetLSTM().to(device), GE2ELoss().to(device)
    optimizer = torch.optim.Adam([*model.parameters(), *loss_func.parameters()])
    dataset = BatchDataset(
        index,
        select_speakers(index, DURATION, NUM_CLASSES),
        num_classes=NUM_CLASSES,
        num_chunks=NUM_CHUNKS,
        duration=(DURATION, DURATION),
        batches_per_epoch=WARM_UP + STEPS,
        source=source,
    )
    batches = iter(BatchLoader(dataset, epoch=lambda: 0, num_workers=workers))
    total, waited = [], []
    for _ in range(WARM_UP + STEPS):
        begin = time.perf_counter()
        batch = next(batches)
        ready = time.perf_counter()
        X, y = batch["X"].to(device), batch["y"].to(device)
        optimizer.zero_grad()
        loss_func(model(X), y).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        total.append(time.perf_counter() - begin)
        waited.append(ready - begin)
    return total[WARM_UP:], waited[WARM_UP:]


def _row(suffix: str, workers: int, total: list[float], waited: list[float]) -> str:
    share = sum(waited) / sum(total)
    goal = verdict(share < GOAL) if suffix in ("wav", "pack") else "-"
    return (
        f"| {suffix} | {workers} | {1e3 * median(total):,.0f} | {1e3 * median(waited):,.1f} "
        f"| {share:.1%} | {goal} |"
    )
