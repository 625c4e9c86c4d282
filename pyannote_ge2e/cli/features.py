"""`emb features`: log-mel energies stored once, for training that need not compute them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from pyannote_ge2e.cli.options import Debug, Force, Parallel, Protocol, Registry, subset
from pyannote_ge2e.cli.registries import with_registries


class Dtype(str, Enum):
    """Precision in which features are stored."""

    float16 = "float16"
    float32 = "float32"


def subset_or_all(word: str) -> str:
    """Return pyannote's name of a subset, or "all".

    Examples
    --------
    >>> subset_or_all("dev"), subset_or_all("all")
    ('development', 'all')
    """
    try:
        return word if word == "all" else subset(word)
    except typer.BadParameter as error:
        raise typer.BadParameter(
            f"{word!r} is not one of train, development, test, all."
        ) from error


@with_registries
def features(
    root: Annotated[
        Path,
        typer.Argument(
            metavar="ROOT",
            help="Folder of an experiment whose config.yml has a MelLSTM; without a config.yml, "
            "its default front-end is taken.",
        ),
    ],
    protocol: Protocol,
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help="Folder for DATABASE/URI.npy and features.yml; gone on with."
        ),
    ],
    subset: Annotated[
        Any,
        typer.Option(
            parser=subset_or_all,
            metavar="train|development|test|all",
            help="Files to read, those of trials included.",
        ),
    ] = "all",
    dtype: Annotated[
        Dtype, typer.Option(help="float16 takes half the room; float32 is what training computes.")
    ] = Dtype.float16,
    force: Force = False,
    parallel: Parallel = None,
    registry: Registry = None,
    debug: Debug = False,
) -> None:
    """Store the log-mel energies of the files of PROTOCOL, for ROOT to train from."""
    from pyannote_ge2e.experiment.features import features as run

    run(
        root,
        protocol,
        output,
        subset=subset,
        parallel=parallel,
        dtype=dtype.value,
        registry=registry,
        force=force,
    )
