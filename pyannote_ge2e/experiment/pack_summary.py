"""What `emb pack` says: room that is missing, what a pack holds, what it does not."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
from rich.console import Console

from pyannote_ge2e.data.audio.pack.table import REFUSED
from pyannote_ge2e.data.audio.pack.write import Packed
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.experiment.console import say

__all__ = ["say_packed", "say_room", "size"]

_SHOWN = 5  # of the files that were left out


def say_room(console: Console, index: Index, output: Path, sample_rate: int) -> None:
    """Tell in advance that the disk is too small; only what is annotated is known by then."""
    if output.exists():  # part of it may be there
        return
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    # Files last until their last annotation at least.
    end = np.zeros(len(index.uris))
    np.maximum.at(end, index.file, index.end)
    needed, free = 2 * sample_rate * float(end.sum()), shutil.disk_usage(folder).free
    if needed > free:
        say(console, f"About {size(needed)} are needed, and {size(free)} are free in '{folder}'.")


def say_packed(
    console: Console, packed: Packed, output: Path, sample_rate: int, seconds: float
) -> None:
    """Tell what a pack holds, and what the user should know of it."""
    rows = packed.rows[packed.rows["shard"] >= 0]
    samples = int(rows["samples"].sum())
    hours = samples / sample_rate / 3600
    holds = f"{len(rows)} utterances, {hours:.2f} hours, {size(2 * samples)}"
    if packed.written:
        say(
            console,
            f"'{output}' is complete: {holds}; {packed.written} read now, in {seconds:.0f} s.",
        )
    else:
        say(console, f"'{output}' is up to date: {holds}.")
    loud = rows["clipped"] > 0
    if loud.any():
        say(
            console,
            f"Louder than full scale, and clipped: {int(rows['clipped'].sum())} samples, in "
            f"{np.count_nonzero(loud)} of the utterances.",
        )
    if packed.unused > 2 * samples / 10:
        say(
            console,
            f"{size(packed.unused)} of the shards are of utterances that changed, left or could "
            "not be read: pack into a new folder to be rid of them.",
        )
    if packed.refused:
        say(
            console,
            f"Left out, and training goes without ({len(packed.refused)}, all of them in "
            f"'{packed.index / REFUSED}'):",
        )
        for each in packed.refused[:_SHOWN]:
            say(console, f"  {each.uri}: {each.reason}")
    say(console, f"Train from it with --pack {shlex.quote(str(output))}.")


def size(number: float) -> str:
    """Words for a number of bytes.

    Examples
    --------
    >>> size(276_000_000_000), size(1_200_000)
    ('276.0 GB', '1.2 MB')
    """
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 1000 and len(units) > 1:
        number /= 1000
        del units[0]
    return f"{number:.{int(units[0] != 'bytes')}f} {units[0]}"
