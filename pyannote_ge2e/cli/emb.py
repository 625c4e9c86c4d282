"""The commands of `pyannote-ge2e emb`, and of `pyannote-audio emb`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pyannote_ge2e.cli.combine import combine
from pyannote_ge2e.cli.compare import compare
from pyannote_ge2e.cli.embed import embed
from pyannote_ge2e.cli.evaluate import evaluate
from pyannote_ge2e.cli.export import export, publish
from pyannote_ge2e.cli.features import features
from pyannote_ge2e.cli.import_public import import_public
from pyannote_ge2e.cli.options import (
    Batch,
    Cpu,
    Debug,
    Device,
    Duration,
    Epoch,
    Force,
    Gpu,
    Parallel,
    Pretrained,
    Protocol,
    Registry,
    Step,
    Subset,
    epoch,
    one_device,
)
from pyannote_ge2e.cli.pack import pack
from pyannote_ge2e.cli.prepare import prepare
from pyannote_ge2e.cli.registries import with_registries
from pyannote_ge2e.cli.score import score
from pyannote_ge2e.cli.several import SeveralNumbers
from pyannote_ge2e.cli.several_files import SeveralFiles
from pyannote_ge2e.cli.speakers import enroll, identify, speakers
from pyannote_ge2e.cli.verify import calibrate, verify

emb = typer.Typer(
    name="emb",
    help="Speaker embeddings: prepare data, train, validate, apply, evaluate, compare, verify.",
    no_args_is_help=True,
)
emb.command()(prepare)
emb.command()(pack)
emb.command()(features)
emb.command()(combine)


@emb.command()
@with_registries
def train(
    root: Annotated[
        Path,
        typer.Argument(metavar="ROOT", help="Folder of the experiment, with its config.yml."),
    ],
    protocol: Protocol,
    subset: Subset = "train",
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    from_epoch: Annotated[
        Epoch,
        typer.Option(
            "--from", parser=epoch, metavar="EPOCH", help="Resume after this epoch, or the 'last'."
        ),
    ] = 0,
    to_epoch: Annotated[int, typer.Option("--to", min=1, help="Train up to this epoch.")] = 100,
    pretrained: Pretrained = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Same seed, same weights.", show_default=False)
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1, help="Keep the weights of the last epochs only, this many.", show_default=False
        ),
    ] = None,
    force: Force = False,
    parallel: Parallel = None,
    precision: Annotated[
        Literal["single", "bf16", "fp16"] | None,
        typer.Option(
            help="Of the model's products: 16 bits are faster where there is hardware.",
            show_default="single, or as the run began",
        ),
    ] = None,
    registry: Registry = None,
    pack: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Read the training set from what 'emb pack' wrote there.",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Train ROOT/config.yml on PROTOCOL, into ROOT/train/PROTOCOL.SUBSET."""
    device = one_device(device, gpu, cpu)
    from pyannote_ge2e.experiment.train import train as run

    run(
        root,
        protocol,
        subset=subset,
        device=device,
        debug=debug,
        from_epoch=from_epoch,
        to_epoch=to_epoch,
        parallel=parallel,
        pretrained=pretrained,
        seed=seed,
        registry=registry,
        force=force,
        keep=keep,
        pack=pack,
        precision=precision,
    )


@emb.command()
@with_registries
def validate(
    train: Annotated[
        Path, typer.Argument(metavar="TRAIN", help="Folder that training wrote its weights under.")
    ],
    protocol: Protocol,
    subset: Subset = "development",
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    from_epoch: Annotated[int, typer.Option("--from", min=0, help="First epoch to validate.")] = 1,
    to_epoch: Annotated[
        Epoch,
        typer.Option(
            "--to", parser=epoch, metavar="EPOCH", help="Last one: by default, what is there."
        ),
    ] = "last",
    every: Annotated[int, typer.Option(min=1, help="Validate one epoch in this many.")] = 1,
    evergreen: Annotated[bool, typer.Option("--evergreen", help="Newest epoch first.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Wait for the epochs that are still to come.")
    ] = False,
    batch: Batch = 32,
    step: Step = 0.25,
    duration: Duration = None,
    metric: Annotated[str, typer.Option(help="How to compare two embeddings.")] = "cosine",
    parallel: Parallel = None,
    registry: Registry = None,
    debug: Debug = False,
) -> None:
    """Find the epoch of TRAIN whose equal error rate on PROTOCOL is lowest."""
    device = one_device(device, gpu, cpu)
    from pyannote_ge2e.experiment.validate import validate as run

    run(
        train,
        protocol,
        subset=subset,
        device=device,
        from_epoch=from_epoch,
        to_epoch=to_epoch,
        every=every,
        evergreen=evergreen,
        batch=batch,
        step=step,
        parallel=parallel,
        duration=duration,
        metric=metric,
        registry=registry,
        watch=watch,
    )


@emb.command()
@with_registries
def apply(
    validate: Annotated[
        Path,
        typer.Argument(metavar="VALIDATE", help="Folder that validation wrote its figures to."),
    ],
    protocol: Protocol,
    subset: Subset = "test",
    gpu: Gpu = False,
    cpu: Cpu = False,
    device: Device = "auto",
    from_epoch: Annotated[
        Epoch,
        typer.Option(
            "--from",
            parser=epoch,
            metavar="EPOCH",
            help="Epoch to apply, or the 'last': the best one by default.",
            show_default=False,
        ),
    ] = None,
    batch: Batch = 32,
    step: Step = 0.25,
    duration: Duration = None,
    parallel: Parallel = None,
    registry: Registry = None,
    debug: Debug = False,
) -> None:
    """Write one embedding per sliding window for each file of PROTOCOL."""
    device = one_device(device, gpu, cpu)
    from pyannote_ge2e.experiment.apply import apply as run

    run(
        validate,
        protocol,
        subset=subset,
        device=device,
        from_epoch=from_epoch,
        batch=batch,
        step=step,
        parallel=parallel,
        duration=duration,
        registry=registry,
    )


emb.command(cls=SeveralNumbers)(evaluate)
emb.command(cls=SeveralNumbers)(compare)
emb.command(cls=SeveralNumbers)(score)
emb.command("import")(import_public)
emb.command(cls=SeveralFiles)(verify)
emb.command()(calibrate)
emb.command()(enroll)
emb.command()(identify)
emb.command()(speakers)
emb.command()(embed)
emb.command()(export)
emb.command()(publish)
