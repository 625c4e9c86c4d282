"""`emb verify` and `emb calibrate`: the same speaker or not, and how sure that is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pyannote_ge2e.cli.figure_options import Level, ProtocolSpeakers, Resamples, Seed
from pyannote_ge2e.cli.options import (
    Batch,
    Cpu,
    Debug,
    Device,
    Duration,
    Gpu,
    Protocol,
    Registry,
    Step,
    Subset,
    Threads,
    number,
    one_device,
)
from pyannote_ge2e.cli.registries import with_registries
from pyannote_ge2e.cli.several import probability
from pyannote_ge2e.cli.several_files import ENROL, TEST

MODEL_HELP = (
    "Name in our hub, checkpoint, folder of a run, owner/repo:entry, or owner/name on Hugging Face"
)
Threshold = Annotated[
    Any,
    typer.Option(
        parser=number,
        metavar="SCORE",
        help="Score from which on it is the same speaker: that of emb calibrate by default.",
        show_default=False,
    ),
]
Prior = Annotated[
    Any,
    typer.Option(
        parser=probability,
        metavar="P",
        help="Probability of the same speaker before anything is heard: that of emb calibrate by "
        "default.",
        show_default=False,
    ),
]
CalibrationFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File of emb calibrate: the one beside the weights by default.",
        show_default=False,
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--speech-check/--no-speech-check",
        help="Refuse recordings that are silent, too short, or of a level that never changes.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@with_registries
def verify(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="A B", help="The two recordings.", show_default=False),
    ] = None,
    enrol: Annotated[
        list[str] | None,
        typer.Option(
            *ENROL,
            metavar="FILES...",
            help="Instead of A: several recordings of one speaker, or folders of them.",
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(
            *TEST, metavar="FILES...", help="Instead of B: the others.", show_default=False
        ),
    ] = None,
    model: Annotated[str, typer.Option(help=f"{MODEL_HELP}.")] = "ge2e",
    threshold: Threshold = None,
    prior: Prior = None,
    calibration: CalibrationFile = None,
    check: Check = True,
    json_: Json = False,
    exit_code: Annotated[
        bool,
        typer.Option("--exit-code", help="Exit with 3 when they are different speakers."),
    ] = False,
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    debug: Debug = False,
) -> None:
    """Tell whether two recordings, or sets of them, are of the same speaker."""
    device = one_device(device, gpu, cpu)
    sides = _sides(files or [], enrol or [], test or [])
    from pyannote_ge2e.errors import UserError
    from pyannote_ge2e.experiment.verification.verify import verify as run
    from pyannote_ge2e.experiment.verification.words import lines_of

    found = run(
        *sides,
        model=model,
        threshold=threshold,
        prior=prior,
        calibration=calibration,
        device=device,
        check=check,
    )
    typer.echo(json.dumps(found.as_dict(), indent=2) if json_ else "\n".join(lines_of(found)))
    if exit_code and found.same is None:
        raise UserError("--exit-code needs a threshold: run emb calibrate, or give --threshold.")
    if exit_code and not found.same:
        raise typer.Exit(3)


def _sides(files: list[str], enrol: list[str], test: list[str]) -> tuple[list[str], list[str]]:
    if not files and enrol and test:
        return enrol, test
    if len(files) == 2 and not enrol and not test:
        return files[:1], files[1:]
    raise typer.BadParameter(
        "give two recordings, 'A B', or several a side, '--enrol A1 A2 --test B1'."
    )


@with_registries
def calibrate(
    what: Annotated[str, typer.Argument(metavar="WHAT", help=f"{MODEL_HELP}.")],
    protocol: Protocol,
    subset: Subset = "development",
    prior: Annotated[
        Any,
        typer.Option(
            parser=probability,
            metavar="P",
            help="Probability of the same speaker before anything is heard.",
        ),
    ] = 0.5,
    speakers: ProtocolSpeakers = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: WEIGHTS.verification.yml beside the weights by default.",
            show_default=False,
        ),
    ] = None,
    level: Level = 0.95,
    seed: Seed = 0,
    resamples: Resamples = 1000,
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    batch: Batch = 32,
    step: Step = 0.25,
    duration: Duration = None,
    parallel: Threads = 1,
    registry: Registry = None,
    debug: Debug = False,
) -> None:
    """Find the threshold of a model and what its scores mean, on the trials of PROTOCOL."""
    device = one_device(device, gpu, cpu)
    from pyannote_ge2e.experiment.verification.calibrate import calibrate as run

    run(
        what,
        protocol,
        subset=subset,
        prior=prior,
        speakers=speakers,
        output=output,
        device=device,
        duration=duration,
        step=step,
        batch=batch,
        parallel=parallel,
        level=level,
        seed=seed,
        resamples=resamples,
        registry=registry,
    )
