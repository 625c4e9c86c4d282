"""`emb combine`: several protocols become one, to train on together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pyannote_ge2e.cli.failures import in_one_sentence
from pyannote_ge2e.cli.options import Debug


@in_one_sentence
def combine(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="The protocol will be X.SpeakerVerification.NAME."),
    ],
    protocols: Annotated[
        list[str],
        typer.Argument(
            metavar="PROTOCOL",
            help="Protocols whose training subsets to take, or PROTOCOL.development for the "
            "development subset.",
        ),
    ],
    registry: Annotated[
        Path, typer.Option(help="The database.yml that declares them, to be extended.")
    ] = Path("database.yml"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace another combination of that name.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Combine several PROTOCOLs into one, to train on all of them together."""
    from pyannote_ge2e.data.prepare.combine import combine as run

    protocol = run(
        name,
        protocols,
        registry,
        force=force,
        say=lambda sentence: print(sentence, file=sys.stderr, flush=True),
    )
    typer.echo(f"pyannote-audio emb train models/GE2E {protocol}")
