"""`emb embed`: one embedding for each recording of a folder of any size, in one file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyannote.audio import Model
from rich.console import Console

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.prepare.lock import alone
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.embedding.batching import Embedded
from pyannote_ge2e.experiment.embedding.embedder import BATCH, Embedder
from pyannote_ge2e.experiment.embedding.load import Loaded, load_embedder
from pyannote_ge2e.experiment.embedding.parquet import (
    check_names,
    pyarrow_or_advice,
    read_parquet,
)
from pyannote_ge2e.experiment.embedding.progress import Progress, Stamp
from pyannote_ge2e.experiment.embedding.recordings import Recording, find_recordings
from pyannote_ge2e.experiment.embedding.table import Made, Rows, read_npz
from pyannote_ge2e.experiment.output import check_file
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.shards import growing_parts
from pyannote_ge2e.report.words import counted

# Recordings between two shards: as many as take a few seconds, which is what an interruption
# costs at most.
SMALLEST_SHARD, LARGEST_SHARD = 64, 8192
SECONDS_PER_SHARD = 10.0
_SHOWN = 5  # recordings that were left out, on the screen

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of recordings.

    Attributes
    ----------
    names : (R,) str array
        Recording of each row.
    embeddings : (R, D) float32 array or None
        Of unit length. None where they are in a parquet file.
    starts : (R,) float64 array
        Where the window of each row starts, in seconds; 0 for a whole recording.
    left_out : dict of str to str
        Why a recording has no row, by its path.
    known : int
        Recordings that were embedded before, and did not change.
    output : Path or None
        The file, where there is one.
    """

    names: np.ndarray
    embeddings: np.ndarray | None
    starts: np.ndarray
    left_out: dict[str, str]
    known: int = 0
    output: Path | None = None


def embed(
    files: Place | Sequence[Place],
    output: str | Path | None = None,
    *,
    model: str | Path | Model = "ge2e",
    device: str = "auto",
    batch: int = BATCH,
    parallel: int = 1,
    duration: float | None = None,
    step: float = 0.25,
    every_window: bool = False,
    check: bool = True,
    force: bool = False,
    console: Console | None = None,
) -> Embeddings:
    """Embed recordings, those that cannot be read left out.

    Parameters
    ----------
    files : path, or sequence of paths
        Audio files, or folders of them.
    output : path, optional
        An .npz or .parquet file. What it holds already is not embedded again unless the recording
        changed, nor is what an interrupted run left in `<output>.partial`; memory is bounded
        however many recordings there are. Without it, all is kept in memory.
    model : str, Path or Model
        Name in our hub, checkpoint, folder of a run, `owner/repo:entry`, `owner/name`; or a model.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    batch : int
        Windows given to the model at once.
    parallel : int
        Threads that read audio.
    duration, step : float
        Length of a window in seconds, and the step as a ratio of it. By default, what the model
        was trained with and a quarter of it, or the model's own where it has some.
    every_window : bool
        One row for each window, not for each recording.
    check : bool
        Leave out recordings in which nobody speaks.
    force : bool
        Forget what `output` holds.
    console : Console, optional
        Shows how it goes; nothing is shown without.

    Returns
    -------
    embeddings : Embeddings

    Raises
    ------
    UserError
        If a place does not exist, no recording at all can be embedded, the model cannot be
        loaded, or `output` is another model's or cannot be written.
    KeyboardInterrupt
        On Ctrl-C, with a message that says what is kept.
    """
    path = None if output is None else Path(output).expanduser()
    if path is not None:
        _check_suffix(path)
        check_file(path)
    places = [files] if isinstance(files, (str, os.PathLike)) else files
    left_out: dict[str, str] = {}
    recordings = find_recordings(places, left_out)
    if path is not None and path.suffix == ".parquet":
        check_names(recording.name for recording in recordings)
    with quiet():
        loaded = load_embedder(
            model,
            device=device,
            duration=duration,
            step=step,
            every_window=every_window,
            batch_size=batch,
            readers=parallel,
            check=check,
        )
    console = console or Console(quiet=True)
    if path is None:
        return _in_memory(loaded.embedder, recordings, left_out, console)
    with alone(path.with_name(f".{path.name}.lock"), lambda line: say(console, line), f"'{path}'"):
        return _into_file(loaded, recordings, left_out, path, force, console)


def _in_memory(
    embedder: Embedder, recordings: list[Recording], left_out: dict[str, str], console: Console
) -> Embeddings:
    with bar(console, "embedding", len(recordings)) as advance:
        done = sorted(embedder.embed(recordings, advance), key=lambda each: each.row)
    left_out |= {recordings[each.row].path: each.problem for each in done if each.problem}
    _check_some(recordings, left_out)
    rows = _rows(done, recordings, [(0, 0)] * len(recordings))
    return Embeddings(rows.names, rows.embeddings, rows.starts, left_out)


def _into_file(
    loaded: Loaded,
    recordings: list[Recording],
    left_out: dict[str, str],
    output: Path,
    force: bool,
    console: Console,
) -> Embeddings:
    embedder = loaded.embedder
    made = Made(loaded.name, loaded.digest, embedder.windows, embedder.every_window)
    progress = Progress(output, made, force)
    stamps = [_stamp(recording) for recording in recordings]
    missing = [
        row
        for row, recording in enumerate(recordings)
        if not progress.knows(recording, stamps[row])
    ]
    known = len(recordings) - len(missing)
    say(console, f"{counted(len(missing), 'recording')} to embed, {known:,} known already")
    try:
        with bar(console, "embedding", len(missing)) as advance:
            shards = growing_parts(missing, SMALLEST_SHARD, LARGEST_SHARD, SECONDS_PER_SHARD)
            for some in shards:
                part = [recordings[row] for row in some]
                done = sorted(embedder.embed(part, advance), key=lambda each: each.row)
                left_out |= {part[each.row].path: each.problem for each in done if each.problem}
                if any(each.problem is None for each in done):
                    progress.keep(_rows(done, part, [stamps[row] for row in some]))
        _check_some(recordings, left_out)
        progress.finish([each for each in recordings if each.path not in left_out])
    except KeyboardInterrupt as interrupt:
        kept = sum(map(progress.knows, recordings, stamps))
        raise KeyboardInterrupt(
            f"Stopped. {kept:,} of {len(recordings):,} recordings are embedded and kept: the same "
            "command goes on from there."
        ) from interrupt
    _list_left_out(output, left_out, console)
    say(console, f"-> '{output}'")
    _, rows = read_parquet(output) if output.suffix == ".parquet" else read_npz(output)
    embeddings = rows.embeddings if isinstance(rows.embeddings, np.ndarray) else None
    return Embeddings(rows.names, embeddings, rows.starts, left_out, known, output)


def _rows(done: list[Embedded], recordings: list[Recording], stamps: list[Stamp]) -> Rows:
    good = [each for each in done if each.problem is None]
    counts = [len(each.embeddings) for each in good]
    sizes, modified = np.array([stamps[each.row] for each in good], np.int64).T
    return Rows(
        np.repeat(np.array([recordings[each.row].name for each in good]), counts),
        np.concatenate([each.starts for each in good]),
        np.repeat(sizes, counts),
        np.repeat(modified, counts),
        np.concatenate([each.embeddings for each in good]),
    )


def _stamp(recording: Recording) -> Stamp:
    try:
        status = os.stat(recording.path)
    except OSError:  # gone since it was listed, which reading will put into words
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _check_some(recordings: list[Recording], left_out: dict[str, str]) -> None:
    unheard = [left_out[each.path] for each in recordings if each.path in left_out]
    if len(unheard) == len(recordings):
        first = unheard[0]
        raise UserError(
            first
            if len(recordings) == 1
            else f"None of {len(recordings):,} recordings can be embedded. The first: {first}"
        )


def _list_left_out(output: Path, left_out: dict[str, str], console: Console) -> None:
    listed = output.with_name(f"{output.name}.left-out.txt")
    if not left_out:
        listed.unlink(missing_ok=True)
        return
    with replacing(listed) as temporary:
        lines = (f"{path}\t{problem}\n" for path, problem in left_out.items())
        temporary.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    for problem in list(left_out.values())[:_SHOWN]:
        say(console, problem)
    say(console, f"{counted(len(left_out), 'recording')} left out: see '{listed}'.")


def _check_suffix(path: Path) -> None:
    if path.suffix == ".parquet":
        pyarrow_or_advice()
    elif path.suffix != ".npz":
        raise UserError(f"--output '{path}' must end in .npz or .parquet.")
