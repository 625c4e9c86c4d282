"""`emb evaluate`: the figures of a model, for people to trust."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pyannote_ge2e.cli.figure_options import Ci, Level, ProtocolSpeakers, Resamples, Seed
from pyannote_ge2e.cli.options import (
    Batch,
    Cpu,
    Debug,
    Device,
    Duration,
    Epoch,
    Gpu,
    Parallel,
    Protocol,
    Registry,
    Step,
    Subset,
    epoch,
    one_device,
    subset,
)
from pyannote_ge2e.cli.registries import with_registries
from pyannote_ge2e.cli.several import FIGURES, PTargets

_COHORT = "Scores normalised by a cohort"


@with_registries
def evaluate(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="Folder of a validation (its best epoch) or of a training run (its last), "
            "checkpoint, name in our hub, owner/repo:entry, or owner/name on Hugging Face.",
        ),
    ],
    protocol: Protocol,
    subset: Subset = "test",
    epoch: Annotated[
        Epoch,
        typer.Option(
            parser=epoch,
            metavar="EPOCH",
            help="Another epoch of the folder, or the 'last'.",
            show_default=False,
        ),
    ] = None,
    snorm: Annotated[
        bool,
        typer.Option("--snorm", help="Add adaptive s-norm.", rich_help_panel=_COHORT),
    ] = False,
    cohort: Annotated[
        str | None,
        typer.Option(
            metavar="PROTOCOL.SUBSET",
            help="What to normalise by: what the model was trained on by default.",
            show_default=False,
            rich_help_panel=_COHORT,
        ),
    ] = None,
    cohort_per_speaker: Annotated[
        bool,
        typer.Option(
            "--cohort-per-speaker",
            help="Compare to the mean of each speaker, not to each recording.",
            rich_help_panel=_COHORT,
        ),
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many of the nearest count: 400 by default. Like the other options of the "
            "cohort, it implies --snorm.",
            show_default=False,
            rich_help_panel=_COHORT,
        ),
    ] = None,
    ci: Ci = None,
    level: Level = 0.95,
    p_target: PTargets = (0.01, 0.05),  # type: ignore[assignment]
    calibrate: Annotated[
        Any,
        typer.Option(
            parser=subset,
            metavar="SUBSET",
            help="Add scores calibrated on the trials of this subset, with actDCF and Cllr.",
            show_default=False,
            rich_help_panel=FIGURES,
        ),
    ] = None,
    speakers: ProtocolSpeakers = None,
    seed: Seed = 0,
    resamples: Resamples = 1000,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write to: 'evaluate' in the folder of the model by default.",
            show_default=False,
        ),
    ] = None,
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    batch: Batch = 32,
    step: Step = 0.25,
    duration: Duration = None,
    parallel: Parallel = None,
    registry: Registry = None,
    debug: Debug = False,
) -> None:
    """Score the trials of PROTOCOL with a model: error rates, intervals, pictures, a report."""
    device = one_device(device, gpu, cpu)
    from pyannote_ge2e.experiment.evaluate import evaluate as run

    run(
        what,
        protocol,
        subset=subset,
        epoch=epoch,
        snorm=snorm,
        cohort=cohort,
        cohort_per_speaker=cohort_per_speaker,
        top=top,
        calibrate=calibrate,
        ci=ci,
        level=level,
        p_targets=p_target,
        speakers=speakers,
        output=output,
        seed=seed,
        resamples=resamples,
        device=device,
        batch=batch,
        step=step,
        duration=duration,
        parallel=parallel,
        registry=registry,
        command=sys.argv,
    )
