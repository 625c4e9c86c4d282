"""`emb embed`: embeddings of a folder of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyannote_ge2e.cli.options import (
    Batch,
    Cpu,
    Debug,
    Device,
    Gpu,
    Step,
    Threads,
    Window,
    one_device,
)
from pyannote_ge2e.cli.registries import with_registries
from pyannote_ge2e.cli.verify import MODEL_HELP, Check


@with_registries
def embed(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILES-or-FOLDER", help="Audio files, or folders of them."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write or to go on with: .npz, or .parquet with pyarrow installed.",
            show_default=False,
        ),
    ],
    model: Annotated[str, typer.Option(help=f"{MODEL_HELP}.")] = "ge2e",
    windows: Annotated[
        bool, typer.Option("--windows", help="One row for each window, not for each recording.")
    ] = False,
    window: Window = None,
    step: Step = 0.25,
    check: Check = True,
    force: Annotated[
        bool, typer.Option("--force", help="Embed all again, whatever is there already.")
    ] = False,
    batch: Batch = 32,
    parallel: Threads = 1,
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Embed recordings into one file; run again, it embeds what is new or changed."""
    device = one_device(device, gpu, cpu)
    from rich.console import Console

    from pyannote_ge2e.experiment.embedding.embed import embed as run

    run(
        files,
        output,
        model=model,
        device=device,
        batch=batch,
        parallel=parallel,
        duration=window,
        step=step,
        every_window=windows,
        check=check,
        force=force,
        console=Console(),
    )
