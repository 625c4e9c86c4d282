"""`emb pack`: the training set in one place, ready to be copied from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from pyannote_ge2e.cli.options import Debug, Protocol, Registry, Subset
from pyannote_ge2e.cli.registries import with_registries

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_LEAST = 1_000_000


def size(word: str | int) -> int:
    """Return a number of bytes.

    Examples
    --------
    >>> size("2GB"), size("500M"), size("1000000")
    (2000000000, 500000000, 1000000)
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)B?", str(word).strip().upper())
    if match is None or (number := int(float(match[1]) * _UNITS[match[2]])) < _LEAST:
        raise typer.BadParameter(f"{word!r} is not a size of 1MB or more, such as 500MB or 2GB.")
    return number


def _is_given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"  # of click, or of typer's own copy


@with_registries
def pack(
    context: typer.Context,
    protocol: Protocol,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Folder of the pack.")],
    subset: Subset = "train",
    sample_rate: Annotated[
        int, typer.Option(min=1000, help="In Hz, that of the models to train.")
    ] = 16000,
    shard_size: Annotated[
        Any, typer.Option(parser=size, metavar="SIZE", help="Size of a file of the pack.")
    ] = "2GB",
    parallel: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Files to read at a time: the number of CPUs minus one by default.",
            show_default=False,
        ),
    ] = None,
    registry: Registry = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare a pack with its checksums, and write nothing."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Write the audio of PROTOCOL to memory-mapped files in OUTPUT, to train from with --pack."""
    from pyannote_ge2e.experiment import pack as run

    if verify:
        run.verify(
            output,
            protocol,
            subset=subset if _is_given(context, "subset") else None,
            sample_rate=sample_rate if _is_given(context, "sample_rate") else None,
        )
        return
    run.pack(
        protocol,
        output,
        subset=subset,
        sample_rate=sample_rate,
        shard_size=shard_size,
        parallel=parallel,
        registry=registry,
    )
