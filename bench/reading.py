"""Random 2-second chunks: ours against pyannote's `Audio.crop` and against bare system calls."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from bench.timing import Timings, time_in_turns, verdict
from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.audio.reader import read_chunk
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, draw_voice, speak

FORMATS = ["wav", "flac", "ogg", "opus", "mp3"]
CROP_GOALS = {"wav": 200.0, "flac": 2.0, "ogg": 1.4}  # times as many chunks as Audio.crop
BARE_GOAL = 0.8  # of the chunks that open + pread gives
CHUNK = 2 * SAMPLE_RATE
FILES, CHUNKS, TURNS = 8, 40, 9

Chunk = tuple[str, int]  # path, first sample
Read = Callable[[str, int], np.ndarray]


def section() -> str:
    """Measure every format, and return the section."""
    crop = _crop()
    with TemporaryDirectory() as folder:
        rows = [_row(suffix, _write(Path(folder), suffix), crop) for suffix in FORMATS]
    peer = (
        "`Audio.crop` opens a torchcodec decoder for each chunk."
        if crop
        else "**`Audio.crop` could not run here: torchcodec finds no FFmpeg libraries.** Goals "
        "against it were not measured."
    )
    return "\n".join(
        [
            "## Reading",
            "",
            f"Random chunks of 2 s from {FILES} files of 4 to 16 s (16 kHz mono, synthetic voices, "
            f"in the page cache), one thread. {peer} open + `pread` knows where the samples are "
            "and that they are 16-bit: it opens, reads the chunk at its offset, converts to "
            "float32 in [-1, 1] and closes.",
            "",
            f"Goals: at least {_goals()} as many chunks as `Audio.crop`, and from wav at least "
            f"{BARE_GOAL:.0%} of open + `pread`.",
            "",
            "| format | `read_chunk`, us | chunks a second | `Audio.crop`, us "
            "| against `Audio.crop` | against open + `pread` | goals |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _goals() -> str:
    return ", ".join(f"{goal:g} times ({suffix})" for suffix, goal in CROP_GOALS.items())


def _write(folder: Path, suffix: str) -> list[Chunk]:
    """Write the files of one format and draw the chunks, the same ones for all candidates."""
    rng = np.random.default_rng(0)
    paths, lengths = [], []
    how = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    for number in range(FILES):
        waveform = speak(draw_voice(rng), rng.uniform(4, 16), rng)
        path = folder / f"{number}.{suffix}"
        soundfile.write(path, 0.8 * waveform / np.abs(waveform).max(), SAMPLE_RATE, **how)
        paths.append(str(path))
        lengths.append(len(waveform))
    drawn = rng.integers(FILES, size=CHUNKS)
    return [(paths[file], int(rng.integers(lengths[file] - CHUNK))) for file in drawn]


def _row(suffix: str, chunks: list[Chunk], crop: Read | None) -> str:
    against_crop = against_bare = None
    if crop is not None:
        chunks = [chunk for chunk in chunks if _accepts(crop, chunk)]
        # Sustained, both: 40 chunks of wav are half a millisecond of ours.
        calls = {"ours": 25 if suffix == "wav" else 1, "peer": 1}
        against_crop = _time(suffix, chunks, {"ours": _ours, "peer": crop}, calls)
    if suffix == "wav":
        against_bare = _time(suffix, chunks, {"ours": _ours, "peer": _bare}, calls=25)
    alone = against_bare or against_crop or _time(suffix, chunks, {"ours": _ours}, calls=1)
    ours = alone.median("ours") / len(chunks)
    cells = [suffix, f"{1e6 * ours:.0f}", f"{1 / ours:,.0f}", "-", "not measured", "", ""]
    met = []
    if against_crop:
        ratio = against_crop.ratio("peer", "ours")
        cells[3:5] = f"{1e6 * against_crop.median('peer') / len(chunks):.0f}", f"{ratio:.1f} times"
        met += [ratio >= CROP_GOALS[suffix]] if suffix in CROP_GOALS else []
    if against_bare:
        share = against_bare.ratio("peer", "ours")
        cells[5] = f"{share:.0%}"
        met.append(share >= BARE_GOAL)
    cells[6] = verdict(all(met)) if met else ""
    return f"| {' | '.join(cells)} |"


def _time(
    suffix: str, chunks: list[Chunk], readers: dict[str, Read], calls: int | dict[str, int]
) -> Timings:
    _check(suffix, chunks, readers)
    candidates = {
        name: lambda read=read: [read(*chunk) for chunk in chunks] for name, read in readers.items()
    }
    return time_in_turns(candidates, turns=TURNS, calls=calls)


def _accepts(crop: Read, chunk: Chunk) -> bool:
    """Tell whether `Audio.crop` reads a chunk: of some in an ogg file it finds too few samples."""
    try:
        crop(*chunk)
    except ValueError:
        return False
    return True


def _ours(path: str, first: int) -> np.ndarray:
    return read_chunk(path, first / SAMPLE_RATE, CHUNK)


def _bare(path: str, first: int) -> np.ndarray:
    """Read 16-bit mono samples behind a header of 44 bytes, without looking at it."""
    descriptor = os.open(path, os.O_RDONLY)
    raw = os.pread(descriptor, 2 * CHUNK, 44 + 2 * first)
    os.close(descriptor)
    chunk = np.frombuffer(raw, "<i2").astype(np.float32)
    chunk *= np.float32(1 / 2**15)
    return chunk


def _crop() -> Read | None:
    if not has_ffmpeg():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.audio import Audio
    from pyannote.core import Segment

    audio = Audio(sample_rate=SAMPLE_RATE, mono="downmix")

    def crop(path: str, first: int) -> np.ndarray:
        start = first / SAMPLE_RATE
        waveform, _ = audio.crop(path, Segment(start, start + CHUNK / SAMPLE_RATE))
        return waveform[0].numpy()

    return crop


def _check(suffix: str, chunks: list[Chunk], readers: dict[str, Read]) -> None:
    """Raise unless all candidates read the same; lossy decoders differ by rounding and delay."""
    if suffix not in ("wav", "flac"):
        return
    for chunk in chunks[:10]:
        expected = readers["ours"](*chunk)
        for name, read in readers.items():
            # Audio.crop takes times: it may start one sample later.
            shifts = [np.abs(expected[k:][:31_000] - read(*chunk)[:31_000]).max() for k in (0, 1)]
            if min(shifts) > 1e-4:
                raise AssertionError(f"{name} reads something else from {suffix} than read_chunk.")
