"""`emb export` and `emb publish`: models out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pyannote_ge2e.cli.options import Debug
from pyannote_ge2e.cli.registries import with_registries
from pyannote_ge2e.cli.verify import MODEL_HELP


@with_registries
def export(
    what: Annotated[str, typer.Argument(metavar="CHECKPOINT", help=f"{MODEL_HELP}.")],
    to: Annotated[
        Literal["pyannote", "torchscript", "onnx", "safetensors"],
        typer.Option("--to", help="What to write.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default=False),
    ],
    debug: Debug = False,
) -> None:
    """Write a model as another file, once that is seen to give the same embeddings."""
    from pyannote_ge2e.experiment.export import export as run

    run(what, to, output)


@with_registries
def publish(
    what: Annotated[str, typer.Argument(metavar="CHECKPOINT", help=f"{MODEL_HELP}.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to make.")],
    name: Annotated[
        str | None,
        typer.Option(help="Title of the card: the folder's name by default.", show_default=False),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence", "--license", metavar="SPDX", help="Such as cc-by-4.0.", show_default=False
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a folder for the Hugging Face hub or a release: weights, card, config, sums."""
    from pyannote_ge2e.experiment.publish import publish as run

    run(what, folder, name=name, licence=licence)
