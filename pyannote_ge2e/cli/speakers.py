"""`emb enroll`, `emb identify` and `emb speakers`: voices that are remembered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pyannote_ge2e.cli.options import Cpu, Debug, Device, Gpu, one_device
from pyannote_ge2e.cli.registries import with_registries
from pyannote_ge2e.cli.verify import MODEL_HELP, CalibrationFile, Check, Json, Prior, Threshold

Store = Annotated[Path, typer.Option(metavar="FILE", help="File that remembers the speakers.")]
Model = Annotated[
    str | None,
    typer.Option(help=f"{MODEL_HELP}: that of the store by default.", show_default=False),
]


@with_registries
def enroll(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who speaks.")],
    files: Annotated[
        list[str], typer.Argument(metavar="FILES...", help="Recordings, or folders of them.")
    ],
    store: Store = Path("speakers.safetensors"),
    model: Model = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget the recordings that there were of NAME.")
    ] = False,
    check: Check = True,
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Remember a speaker by recordings; those of a known one are added."""
    device = one_device(device, gpu, cpu)
    from pyannote_ge2e.experiment.verification.enroll import enroll as run
    from pyannote_ge2e.experiment.verification.words import enrolled

    found = run(name, files, store=store, model=model, replace=replace, device=device, check=check)
    typer.echo(enrolled(found))


@with_registries
def identify(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILES...", help="Recording of somebody, or several of one person."),
    ],
    store: Store = Path("speakers.safetensors"),
    top: Annotated[int, typer.Option(min=1, help="How many candidates to print at most.")] = 5,
    model: Model = None,
    threshold: Threshold = None,
    prior: Prior = None,
    calibration: CalibrationFile = None,
    check: Check = True,
    json_: Json = False,
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Tell who of those that were enrolled speaks."""
    device = one_device(device, gpu, cpu)
    from pyannote_ge2e.experiment.verification.identify import identify as run
    from pyannote_ge2e.experiment.verification.words import identified

    found = run(
        files,
        store=store,
        top=top,
        model=model,
        threshold=threshold,
        prior=prior,
        calibration=calibration,
        device=device,
        check=check,
    )
    typer.echo(json.dumps(found.as_dict(), indent=2) if json_ else "\n".join(identified(found)))


@with_registries
def speakers(
    store: Store = Path("speakers.safetensors"),
    remove: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Forget this speaker.", show_default=False),
    ] = None,
    debug: Debug = False,
) -> None:
    """List who was enrolled, or forget somebody."""
    from pyannote_ge2e.experiment.verification.enroll import remove_speaker
    from pyannote_ge2e.experiment.verification.enroll import speakers as known
    from pyannote_ge2e.experiment.verification.words import listed

    if remove is not None:
        remove_speaker(remove, store)
    typer.echo("\n".join(listed(known(store))))
