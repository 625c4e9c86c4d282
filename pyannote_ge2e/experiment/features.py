"""`emb features`: log-mel energies of a protocol's files, stored for models to start from."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from pyannote_ge2e.data.batches.loader import Loader
from pyannote_ge2e.data.features.description import (
    LOG_MEL,
    Description,
    read_description,
    write_description,
)
from pyannote_ge2e.data.protocol import Subset, load_protocol
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.front_end import front_end_of
from pyannote_ge2e.experiment.log_mel import Extraction
from pyannote_ge2e.experiment.parallel import num_workers
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.recordings import find_recordings
from pyannote_ge2e.report.words import counted

FORMAT = 1
"""How log-mel energies are computed: to be counted up whenever `LogMel` gives other numbers."""

_MOST_LISTED = 20  # recordings that are left out, by name


def features(
    root: Path,
    protocol: str,
    output: Path,
    *,
    subset: Subset | Literal["all"] = "all",
    parallel: int | None = None,
    dtype: Literal["float16", "float32"] = "float16",
    registry: Path | None = None,
    force: bool = False,
) -> Path:
    """Store the log-mel energies that an experiment's MelLSTM would compute from audio.

    Parameters
    ----------
    root : Path
        Folder of an experiment, or of a training run. Without a `config.yml` in it, the front-end
        is MelLSTM's by default.
    protocol : str
    output : Path
        Gets `<database>/<uri>.npy`, (frames, bands), and `features.yml`, which says what they are.
        What is there already is kept, unless the recording has changed since.
    subset : {"train", "development", "test", "all"}
        Files of that subset, and those of its trials; "all" takes the subsets that there are.
    parallel : int, optional
        Processes that compute: see `num_workers`.
    dtype : {"float16", "float32"}
    registry : Path, optional
        Further `database.yml` to load protocols from.
    force : bool
        Move what is there aside, and start afresh.

    Returns
    -------
    folder : Path
        `output`.

    Raises
    ------
    UserError
        If the experiment has no log-mel front-end, `output` holds other features, no recording can
        be read, or features cannot be written.
    KeyboardInterrupt
        On Ctrl-C; what is stored is kept, and the message says so.
    """
    console = Console()
    folder = Path(output).expanduser()
    sample_rate, mel = front_end_of(Path(root), console)
    wanted = _description(sample_rate, mel, dtype)
    holds_some = _check(folder, wanted, force)
    recordings, left_out = find_recordings(load_protocol(protocol, registry), subset, folder)
    if holds_some and force:
        say(console, f"What was in '{folder}' was moved to '{_moved_aside(folder)}'.")
    write_description(folder, wanted)
    say(console, f"{protocol}, {subset}: {counted(len(recordings), 'recording')}; {wanted}")
    kept = stored = 0
    extraction = Extraction(recordings, mel, sample_rate, dtype)
    loader = Loader(extraction, batch_size=None, num_workers=num_workers(parallel))
    try:
        with quiet(), bar(console, "features", len(recordings)) as advance:
            for outcomes in loader:
                for uri, what in outcomes:
                    kept += what == "kept"
                    stored += what == "stored"
                    if what not in ("kept", "stored"):
                        left_out[uri] = what
                advance(len(outcomes))
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(
            f"Stopped. What is stored in '{folder}' stays so: run the same command to go on."
        ) from interrupt
    for line in _summary(left_out):
        say(console, line)
    if kept + stored == 0:
        raise UserError(f"No recording of {protocol} could be read: nothing was stored.")
    say(
        console,
        f"{stored:,} stored, {kept:,} there already, {len(left_out):,} left out -> '{folder}'",
    )
    return folder


def _description(sample_rate: int, mel: dict[str, Any], dtype: str) -> Description:
    try:
        package = f"pyannote-ge2e {version('pyannote-ge2e')}"
    except PackageNotFoundError:  # in a clone that nobody installed
        package = "pyannote-ge2e"
    return Description(
        LOG_MEL, mel["num_mels"], mel["hop"], mel["window"], sample_rate, dtype, FORMAT, package
    )


def _moved_aside(folder: Path) -> Path:
    names = (folder.with_name(f"{folder.name}.{number}") for number in count(1))
    moved = next(name for name in names if not name.exists())
    folder.rename(moved)
    return moved


def _check(folder: Path, wanted: Description, force: bool) -> bool:
    """Check that what a folder holds is of the same kind; tell whether it holds anything."""
    if {"{", "}"} & set(str(folder)):
        raise UserError(
            f"'{folder}' has braces in its name, which stand for a uri where features are read: "
            "give another folder."
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"'{folder}' is a file: give a folder for the features.")
    found = read_description(folder)
    if found is not None and not force and replace(found, package=wanted.package) != wanted:
        raise UserError(
            f"'{folder}' holds other features ({found}, {found.dtype}) than those asked for "
            f"({wanted}, {wanted.dtype}): give another folder, or --force to move it aside."
        )
    if found is None and folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"'{folder}' is not empty, and has no features.yml that says what is in it: give "
            "another folder."
        )
    return found is not None


def _summary(left_out: dict[str, str]) -> list[str]:
    """Lines that say what was left out, and why."""
    lines = [f"Left out '{uri}': {why}" for uri, why in list(left_out.items())[:_MOST_LISTED]]
    more = len(left_out) - len(lines)
    return [*lines, f"... and {more:,} more."] if more else lines
