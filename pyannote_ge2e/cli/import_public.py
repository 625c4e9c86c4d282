"""The command `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pyannote_ge2e.cli.options import Debug
from pyannote_ge2e.cli.registries import with_registries


@with_registries
def import_public(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="File of Resemblyzer, Real-Time-Voice-Cloning, yistLin/dvector or HarryVolek and "
            "its kin; or 'resemblyzer', for the weights of the installed package.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Checkpoint to write.")
    ] = Path("weights.pt"),
    silence: Annotated[
        Literal["keep", "edges", "energy", "webrtcvad", "trim", "split"] | None,
        typer.Option(
            help="What the model drops before it embeds, where the project has a choice.",
            show_default="the project's way",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Make a pyannote.audio checkpoint of one that another GE2E project trained."""
    from pyannote_ge2e.interop.public import import_public as load
    from pyannote_ge2e.interop.public import resemblyzer_weights, save_public

    installed = checkpoint == "resemblyzer" and not Path(checkpoint).exists()
    path = resemblyzer_weights() if installed else Path(checkpoint)
    imported = load(path, silence=silence)
    typer.echo(f"'{path}' is of {imported.words}.")
    save_public(imported, output)
    typer.echo(f"Wrote '{output}', for Model.from_pretrained, --pretrained and emb evaluate.")
