"""Random 2-second chunks: ours against pyannote's `Audio.crop`, bare system calls, a memory map."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from bench.chunk_files import CHUNK, FILES, Chunk, draw, forget, index_of, packed, write_files
from bench.timing import Timings, time_in_turns, verdict
from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.audio.reader import read_chunk
from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.pack_source import PackSource
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE

FORMATS = ["wav", "sphere", "flac", "ogg", "opus", "mp3", "m4a"]
CROP_GOALS = {"wav": 200.0, "flac": 2.0, "ogg": 1.4}  # times as many chunks as Audio.crop
BARE_GOAL = 0.8  # of the chunks that open + pread gives
MAP_GOAL = 0.9  # of the chunks that a raw memory map gives
CHUNKS, TURNS, COLD = 40, 9, 60
SPEAKERS, PER_SPEAKER = 64, 10  # of a batch
_SCALE = np.float32(1 / 2**15)

Read = Callable[[Chunk], np.ndarray]


def section() -> str:
    """Measure every format, and return the section."""
    crop = _crop()
    formats = [suffix for suffix in FORMATS if suffix != "m4a" or has_ffmpeg()]
    with TemporaryDirectory() as name:
        folder = Path(name)
        paths = {suffix: write_files(folder, suffix) for suffix in formats}
        lengths = [soundfile.info(path).frames for path in paths["wav"]]
        rows = [_row(s, draw(paths[s], lengths, CHUNKS), crop) for s in formats]
        source = packed(index_of(paths["wav"], lengths), folder / "pack")
        rows.append(_pack_row(source, draw(paths["wav"], lengths, CHUNKS)))
        batch = _batch(folder)
    peer = (
        "`Audio.crop` opens a torchcodec decoder for each chunk."
        if crop
        else "**`Audio.crop` and m4a could not run here: torchcodec finds no FFmpeg libraries.** "
        "Goals against it were not measured."
    )
    return "\n".join(
        [
            "## Reading",
            "",
            f"Random chunks of 2 s from {FILES} files of 4 to 16 s (16 kHz mono, synthetic voices, "
            f"on a local disk), one thread. {peer} open + `pread` knows where the samples are "
            "and that they are 16-bit: it opens, reads the chunk at its offset, converts to "
            "float32 in [-1, 1] and closes. The raw memory map is an open `np.memmap` of the same "
            "16-bit samples: slice, `astype(float32)`, scaled into the caller's buffer, which is "
            "what the pack does too.",
            "",
            "Warm: everything is in the page cache. Cold: before each chunk, `posix_fadvise` drops "
            "the pages of its file from the cache of this system (whoever is below it, a disk or a "
            f"host, may still have them); median of {COLD} chunks.",
            "",
            f"Goals, warm: at least {_goals()} as many chunks as `Audio.crop`; from wav at least "
            f"{BARE_GOAL:.0%} of open + `pread`, from the pack {MAP_GOAL:.0%} of the raw memory "
            "map.",
            "",
            "| format | warm, us | chunks a second | `Audio.crop`, us | against `Audio.crop` "
            "| against open + `pread` or the map | cold, us | goals |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            batch,
        ]
    )


def _goals() -> str:
    return ", ".join(f"{goal:g} times ({suffix})" for suffix, goal in CROP_GOALS.items())


def _row(suffix: str, chunks: list[Chunk], crop: Read | None) -> str:
    against_crop = against_bare = None
    if crop is not None and suffix != "sphere":  # which FFmpeg reads as slowly as it reads wav
        chunks = [chunk for chunk in chunks if _accepts(crop, chunk)]
        # Sustained, both: 40 chunks of wav are half a millisecond of ours.
        calls = {"ours": 25 if suffix == "wav" else 1, "peer": 1}
        against_crop = _time(suffix, chunks, {"ours": _ours, "peer": crop}, calls)
    if suffix == "wav":
        against_bare = _time(suffix, chunks, {"ours": _ours, "peer": _bare}, calls=25)
    alone = against_bare or against_crop or _time(suffix, chunks, {"ours": _ours}, calls=1)
    cells = _cells(suffix, alone.median("ours") / len(chunks))
    met = []
    if against_crop:
        ratio = against_crop.ratio("peer", "ours")
        cells[3:5] = f"{1e6 * against_crop.median('peer') / len(chunks):.0f}", f"{ratio:.1f} times"
        met += [ratio >= CROP_GOALS[suffix]] if suffix in CROP_GOALS else []
    if against_bare:
        share = against_bare.ratio("peer", "ours")
        cells[5] = f"{share:.0%}"
        met.append(share >= BARE_GOAL)
    cells[6] = f"{_cold(chunks, _ours, lambda chunk: forget(chunk.path)):.0f}"
    cells[7] = verdict(all(met)) if met else ""
    return f"| {' | '.join(cells)} |"


def _pack_row(source: PackSource, chunks: list[Chunk]) -> str:
    readers = _readers(source)
    timings = _time("pack", chunks, readers, calls=50)
    ours = readers.pop("ours")
    readers.clear()  # pages that anybody maps cannot be dropped
    share = timings.ratio("peer", "ours")
    cells = _cells("pack", timings.median("ours") / len(chunks))
    shard, memory = str(source.pack.folder / "00000.pcm"), source.pack.mapped(0).memory
    cells[5] = f"{share:.0%}"
    cells[6] = f"{_cold(chunks, ours, lambda chunk: forget(shard, memory)):.0f}"
    cells[7] = verdict(share >= MAP_GOAL)
    return f"| {' | '.join(cells)} |"


def _cells(suffix: str, seconds: float) -> list[str]:
    return [suffix, f"{1e6 * seconds:.0f}", f"{1 / seconds:,.0f}", *"-----"]


def _readers(source: PackSource) -> dict[str, Read]:
    """The pack, and its raw memory map, into the same buffer."""
    rows = source.pack.table.rows
    memory = np.memmap(source.pack.folder / "00000.pcm", "<i2", "r")
    begins = rows["first"][source.rows].tolist()
    buffer = np.empty((1, CHUNK), np.float32)

    def raw(chunk: Chunk) -> np.ndarray:
        begin = begins[chunk.file] + chunk.first
        np.multiply(memory[begin : begin + CHUNK].astype(np.float32), _SCALE, out=buffer[0])
        return buffer[0]

    def ours(chunk: Chunk) -> np.ndarray:
        return source.read(chunk.file, 0.0, chunk.first, CHUNK, out=buffer)[0]

    return {"ours": ours, "peer": raw}


def _batch(folder: Path) -> str:
    """What a whole batch costs beyond its chunks."""
    path = folder / "noise.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(2 * CHUNK), SAMPLE_RATE)
    index = Index.of(
        Utterance(f"{speaker:02d}", "Bench", str(path), 0.0, 4.0, f"{speaker}/{number}")
        for speaker in range(SPEAKERS)
        for number in range(2 * PER_SPEAKER)
    )
    dataset = BatchDataset(
        index,
        select_speakers(index, 2.0, SPEAKERS),
        num_classes=SPEAKERS,
        num_chunks=PER_SPEAKER,
        duration=(2.0, 2.0),
        batches_per_epoch=1,
        source=packed(index, folder / "batches"),
    )
    memory = np.memmap(folder / "batches" / "00000.pcm", "<i2", "r")
    begins = np.random.default_rng(0).integers(len(memory) - CHUNK, size=SPEAKERS * PER_SPEAKER)

    def raw() -> None:
        batch = np.empty((len(begins), CHUNK), np.float32)
        for row, begin in enumerate(begins.tolist()):
            np.multiply(memory[begin : begin + CHUNK].astype(np.float32), _SCALE, out=batch[row])

    timings = time_in_turns({"ours": lambda: dataset.batch(0), "peer": raw}, turns=TURNS)
    return (
        f"A batch of {len(begins)} chunks from a pack, drawn and read: "
        f"{1e3 * timings.median('ours'):.0f} ms; as many from the raw memory map: "
        f"{1e3 * timings.median('peer'):.0f} ms ({timings.ratio('peer', 'ours'):.0%})."
    )


def _cold(chunks: list[Chunk], read: Read, drop: Callable[[Chunk], None]) -> float:
    """Median microseconds of a chunk whose file is in no cache of this system."""
    seconds = []
    for chunk in (chunks * COLD)[:COLD]:
        drop(chunk)
        begin = time.perf_counter()
        read(chunk)
        seconds.append(time.perf_counter() - begin)
    return 1e6 * median(seconds)


def _time(
    suffix: str, chunks: list[Chunk], readers: dict[str, Read], calls: int | dict[str, int]
) -> Timings:
    _check(suffix, chunks, readers)
    candidates = {
        name: lambda read=read: [read(chunk) for chunk in chunks] for name, read in readers.items()
    }
    return time_in_turns(candidates, turns=TURNS, calls=calls)


def _accepts(crop: Read, chunk: Chunk) -> bool:
    """Tell whether `Audio.crop` reads a chunk: of some in an ogg file it finds too few samples."""
    try:
        crop(chunk)
    except ValueError:
        return False
    return True


def _ours(chunk: Chunk) -> np.ndarray:
    return read_chunk(chunk.path, chunk.first / SAMPLE_RATE, CHUNK)


def _bare(chunk: Chunk) -> np.ndarray:
    """Read 16-bit mono samples behind a header of 44 bytes, without looking at it."""
    descriptor = os.open(chunk.path, os.O_RDONLY)
    raw = os.pread(descriptor, 2 * CHUNK, 44 + 2 * chunk.first)
    os.close(descriptor)
    samples = np.frombuffer(raw, "<i2").astype(np.float32)
    samples *= _SCALE
    return samples


def _crop() -> Read | None:
    if not has_ffmpeg():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.audio import Audio
    from pyannote.core import Segment

    audio = Audio(sample_rate=SAMPLE_RATE, mono="downmix")

    def crop(chunk: Chunk) -> np.ndarray:
        start = chunk.first / SAMPLE_RATE
        waveform, _ = audio.crop(chunk.path, Segment(start, start + CHUNK / SAMPLE_RATE))
        return waveform[0].numpy()

    return crop


def _check(suffix: str, chunks: list[Chunk], readers: dict[str, Read]) -> None:
    """Raise unless all candidates read the same; lossy decoders differ by rounding and delay."""
    if suffix not in ("wav", "sphere", "flac", "pack"):
        return
    for chunk in chunks[:10]:
        expected = np.array(readers["ours"](chunk))
        for name, read in readers.items():
            # Audio.crop takes times: it may start one sample later.
            shifts = [np.abs(expected[k:][:31_000] - read(chunk)[:31_000]).max() for k in (0, 1)]
            if min(shifts) > 1e-4:
                raise AssertionError(f"{name} reads something else from {suffix} than read_chunk.")
