"""The script `pyannote-ge2e`: `emb`, as in `pyannote-audio emb`, and `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyannote_ge2e.cli.emb import emb
from pyannote_ge2e.cli.options import Debug, Force
from pyannote_ge2e.cli.registries import with_registries

app = typer.Typer(
    name="pyannote-ge2e",
    help="Train speaker embeddings in pyannote.audio.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(emb, name="emb")


def _print_version(wanted: bool) -> None:
    if wanted:
        from pyannote_ge2e import __version__

        typer.echo(f"pyannote-ge2e {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Train speaker embeddings in pyannote.audio."""


@app.command()
@with_registries
def demo(
    output: Annotated[
        Path, typer.Option(help="Folder to write the corpus and the experiment to.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = 0,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Train on synthetic voices, from files on disk to an equal error rate, in minutes."""
    from pyannote_ge2e.experiment.demo import demo as run

    run(output, seed=seed, force=force)
