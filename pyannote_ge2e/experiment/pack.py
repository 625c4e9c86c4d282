"""`emb pack`: the training set as one memory-mapped folder, and whether it is still whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console

from pyannote_ge2e.data.audio.pack.check import damaged_rows
from pyannote_ge2e.data.audio.pack.layout import About, shard_name
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.pack.write import SHARD_SIZE, Packed, write_pack
from pyannote_ge2e.data.index.cache import cached_index
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.protocol import Subset, load_protocol
from pyannote_ge2e.data.user_cache import cache_root
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.pack_summary import say_packed, say_room, size
from pyannote_ge2e.experiment.parallel import num_workers

__all__ = ["pack", "verify"]


def pack(
    protocol: str,
    output: Path,
    *,
    subset: Subset = "train",
    sample_rate: int = 16000,
    shard_size: int = SHARD_SIZE,
    parallel: int | None = None,
    registry: Path | None = None,
) -> Packed:
    """Pack the files of a subset, go on with a pack, or bring one up to date.

    Parameters
    ----------
    protocol : str
        Name of a pyannote.database protocol.
    output : Path
        Folder of the pack.
    subset : str
    sample_rate : int
        In Hz, that of the models to train.
    shard_size : int
        Bytes in a shard.
    parallel : int, optional
        Files read at a time. Defaults to one less than the CPUs, 8 at most.
    registry : Path, optional
        Further `database.yml` to load protocols from.

    Returns
    -------
    packed : Packed

    Raises
    ------
    UserError
        See `write_pack`.
    KeyboardInterrupt
        On Ctrl-C; the message says how to go on.
    """
    console = Console()
    output = Path(output)
    options = _options(subset, sample_rate, shard_size, registry)
    about = About(protocol, subset, sample_rate, options)
    index = _index(protocol, subset, registry)
    say(console, f"{protocol}, {subset}: {index.summary()}")
    say_room(console, index, output, sample_rate)
    began = time.monotonic()
    with bar(console, "Packing", len(index.uris)) as advance:
        packed = write_pack(
            index,
            output,
            about,
            shard_size=shard_size,
            threads=max(num_workers(parallel), 1),
            progress=_now_and_then(advance),
        )
    say_packed(console, packed, output, sample_rate, time.monotonic() - began)
    return packed


def verify(
    output: Path,
    protocol: str | None = None,
    *,
    subset: Subset | None = None,
    sample_rate: int | None = None,
) -> None:
    """Compare every utterance of a pack with its checksum.

    Parameters
    ----------
    output : Path
        Folder of the pack.
    protocol, subset : str, optional
        What it should hold.
    sample_rate : int, optional
        At which, in Hz.

    Raises
    ------
    UserError
        When it is not whole, is another pack, or utterances are damaged.
    """
    console = Console()
    whole = Pack(output)
    about = whole.whole.about
    if protocol not in (None, about.protocol):
        raise UserError(f"'{output}' is the pack of {about.protocol}, not of {protocol}.")
    if subset not in (None, about.subset):
        raise UserError(f"'{output}' is the pack of the {about.subset} subset, not of {subset}.")
    if sample_rate not in (None, about.sample_rate):
        raise UserError(f"'{output}' is a pack at {about.sample_rate} Hz, not at {sample_rate} Hz.")
    held = int(np.count_nonzero(whole.shard >= 0))
    with bar(console, "Verifying", held) as advance:
        damaged = list(damaged_rows(whole, _now_and_then(advance)))
    if damaged:
        shards = sorted({shard_name(whole.shard.item(row)) for row in damaged})
        raise UserError(
            f"Damaged in '{output}': {len(damaged)} of {held} utterances, "
            f"{whole.table.name(damaged[0])} the first. Remove {_listed(shards)} from it and run "
            f"'{whole.command}', which reads their sources again."
        )
    stored = size(sum(whole.whole.shards.values()))
    say(console, f"'{output}' is as it was written: {held} utterances, {stored}.")


def _now_and_then(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Move a bar ten times a second at most: a million files pass quickly when nothing changed."""
    waiting, moved = 0, 0.0

    def count(done: int) -> None:
        nonlocal waiting, moved
        waiting += done
        if time.monotonic() - moved > 0.1:
            advance(waiting)
            waiting, moved = 0, time.monotonic()

    return count


def _index(protocol: str, subset: Subset, registry: Path | None) -> Index:
    """Files of the subset; whether they are there is found out one by one."""
    loaded = load_protocol(protocol, registry)
    try:
        return Index.load(cached_index(loaded, cache_root() / "indexes", subset, check_audio=False))
    except OSError as error:
        raise UserError(
            f"The index of {protocol} cannot be kept in '{cache_root()}' ({error.strerror}): let "
            "PYANNOTE_GE2E_CACHE name a folder you may write to."
        ) from error


def _options(subset: str, sample_rate: int, shard_size: int, registry: Path | None) -> list[str]:
    """Words of the command line that ask for the same again."""
    words = []
    if subset != "train":
        words += ["--subset", subset]
    if sample_rate != 16000:
        words += ["--sample-rate", str(sample_rate)]
    if shard_size != SHARD_SIZE:
        words += ["--shard-size", str(shard_size)]
    if registry is not None:
        words += ["--registry", str(registry.absolute())]
    return words


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
