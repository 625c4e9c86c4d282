"""From a protocol to the first batch, from ten thousand utterances to five million."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
import yaml

from bench.processes import peak_above, proportional
from bench.timing import verdict
from pyannote_ge2e.data.tables.write import write_table

SIZES = {10_000: 100, 100_000: 549, 1_092_009: 5_994, 5_000_000: 27_445}  # utterances: speakers
VOXCELEB2 = 1_092_009
STREAMED = VOXCELEB2  # plain pyannote code is not waited for beyond that
GOALS = {"cold": (5.0, 250), "warm": (0.5, 100), "stream": (150.0, 600)}  # seconds, MB
NUM_CLASSES, NUM_CHUNKS, DURATION = 64, 10, 2.0
BATCH_MB = NUM_CLASSES * NUM_CHUNKS * DURATION * 16_000 * 4 / 1e6
RANKS = 4
PROTOCOL = "Scale.SpeakerVerification.All"

Measured = dict[str, Any]


def section() -> str:
    """Measure every size in processes of their own, and return the section."""
    measured = {}
    for size, speakers in SIZES.items():
        with TemporaryDirectory() as folder:
            measured[size] = _measure(Path(folder), size, speakers)
    rows = [_row(size, some) for size, some in measured.items()]
    shared = measured[VOXCELEB2]["ranks"]
    return "\n".join(
        [
            "## Scale",
            "",
            f"From `load_protocol` to the first batch of {NUM_CLASSES} speakers x {NUM_CHUNKS} "
            f"chunks of {DURATION:g} s, for a protocol declared by tables (one line an utterance) "
            "as `emb prepare` writes them. Durations, names and speakers have VoxCeleb2's shape; "
            "all uris lead to one wav, so that batches are real and the other files need not be. "
            "Seconds and MB (peak resident memory, mapped files included) are above the imports, "
            "each measured once in a process of its own, lists in the page cache; the batch is "
            f"{BATCH_MB:,.0f} MB of them. Cold: no index yet. Warm: its folder exists. pyannote: "
            "plain pyannote code over the same protocol (`for file in protocol.train(): "
            "file['annotation'], file['annotated']`) through our loaders, no batch made. "
            "Floor: the lines of the table, read and split at tabs.",
            "",
            f"Goals at {VOXCELEB2:,} utterances: " + "; ".join(_goals(measured[VOXCELEB2])) + ".",
            "",
            "| utterances | speakers | floor, s | cold, s | MB | warm, s | MB | pyannote, s | MB |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"{RANKS} processes at once, after a first batch each from the same index of "
            f"{VOXCELEB2:,} utterances: each holds {shared['mb']:,.1f} MB more than after its "
            "imports (proportional set size, batch left out); the index travels to a worker as "
            f"{shared['bytes']:,} bytes.",
        ]
    )


def _goals(measured: dict[str, Measured]) -> Iterator[str]:
    for kind, (seconds, mb) in GOALS.items():
        some = measured[kind]
        met = some["seconds"] <= seconds and some["mb"] <= mb
        name = {"stream": "pyannote"}.get(kind, kind)
        yield f"{name} {seconds:g} s and {mb} MB, {verdict(met)}"


def _row(size: int, measured: dict[str, Measured]) -> str:
    cells = [f"{size:,}", f"{SIZES[size]:,}", f"{measured['floor']['seconds']:,.2f}"]
    for kind in GOALS:
        some = measured.get(kind)
        cells += ["-", "-"] if some is None else [f"{some['seconds']:,.2f}", f"{some['mb']:,.0f}"]
    return f"| {' | '.join(cells)} |"


def _measure(folder: Path, size: int, speakers: int) -> dict[str, Measured]:
    declare(folder, size, speakers)
    kinds = ["floor", "cold", "warm"]
    kinds += ["stream"] if size <= STREAMED else []
    kinds += ["ranks"] if size == VOXCELEB2 else []
    return {kind: _in_a_process(kind, folder) for kind in kinds}


def _in_a_process(kind: str, folder: Path) -> Measured:
    command = [sys.executable, "-m", "bench.scale", kind, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def declare(folder: Path, size: int, speakers: int) -> None:
    """Write a protocol of so many utterances, whose audio is one long file.

    Parameters
    ----------
    folder : Path
    size, speakers : int
    """
    rng = np.random.default_rng(0)
    # 8.2 s on average and 4 s at least, as in VoxCeleb2.
    milliseconds = 4000 + rng.exponential(4200, size).astype(int).clip(max=136_000)
    whose = np.sort(rng.integers(0, speakers, size)).tolist()
    videos = rng.integers(0, 16**11, size // 7 + 1).tolist()
    names = [f"id{speaker:05d}" for speaker in range(speakers)]
    paths = write_table(
        folder,
        "train",
        [f"{names[who]}/{videos[n // 7]:011x}/{n:05d}" for n, who in enumerate(whose)],
        [names[who] for who in whose],
        milliseconds.tolist(),
    )
    noise = rng.integers(-3000, 3000, 140 * 16_000).astype(np.int16)
    soundfile.write(folder / "all.wav", noise, 16_000)
    database, task, name = PROTOCOL.split(".")
    subset = {key: str(path) for key, path in paths.items()}
    content = {
        "Databases": {database: str(folder / "all.wav")},
        "Protocols": {database: {task: {name: {"scope": "database", "train": subset}}}},
    }
    (folder / "database.yml").write_text(yaml.safe_dump(content), encoding="utf-8")


# --- what a process measures ----------------------------------------------------------------------


def _floor(folder: Path) -> Callable[[], object]:
    def read() -> int:
        with (folder / "train.utterances").open("rb") as lines:
            return sum(len(line.split(b"\t")) for line in lines)

    return read


def _first_batch(folder: Path) -> Callable[[], Any]:
    import pyannote.core
    import pyannote.database.custom  # noqa: F401

    from pyannote_ge2e.data.batches.dataset import BatchDataset
    from pyannote_ge2e.data.batches.selection import select_speakers
    from pyannote_ge2e.data.index.cache import cached_index
    from pyannote_ge2e.data.index.index import Index
    from pyannote_ge2e.data.protocol import load_protocol

    def make() -> Index:
        protocol = load_protocol(PROTOCOL, folder / "database.yml")
        index = Index.load(cached_index(protocol, folder / "cache"))
        selection = select_speakers(index, DURATION, NUM_CLASSES)
        dataset = BatchDataset(
            index,
            selection,
            num_classes=NUM_CLASSES,
            num_chunks=NUM_CHUNKS,
            duration=(DURATION, DURATION),
            batches_per_epoch=1,
        )
        assert dataset.batch(0)["X"].shape == (NUM_CLASSES * NUM_CHUNKS, 1, 32_000)
        return index

    return make


def _stream(folder: Path) -> Callable[[], object]:
    from pyannote.database import FileFinder, registry

    def read() -> None:
        registry.load_database(folder / "database.yml")
        protocol = registry.get_protocol(PROTOCOL, preprocessors={"audio": FileFinder()})
        for file in protocol.train():
            assert len(file["annotation"]) == len(file["annotated"]) == 1

    return read


def main(kind: str, folder: Path) -> None:
    """Measure one thing, and print it for the process that asked."""
    if kind == "ranks":
        print(json.dumps(proportional(_first_batch, folder, RANKS)))
        return
    kinds = {"floor": _floor, "cold": _first_batch, "warm": _first_batch, "stream": _stream}
    run = kinds[kind](folder)
    with peak_above() as memory:
        begin = time.perf_counter()
        run()
        seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "mb": memory.mb}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
