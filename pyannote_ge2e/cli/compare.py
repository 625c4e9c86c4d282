"""`emb compare`: two systems on the same trials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyannote_ge2e.cli.failures import in_one_sentence
from pyannote_ge2e.cli.figure_options import (
    Ci,
    Columns,
    Level,
    Llr,
    Resamples,
    Seed,
    Speakers,
    Trials,
)
from pyannote_ge2e.cli.options import Debug
from pyannote_ge2e.cli.several import PTargets


@in_one_sentence
def compare(
    a: Annotated[
        Path, typer.Argument(metavar="A", help="Folder of emb evaluate, or a score file.")
    ],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another, on the same trials.")],
    scores: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Which scores of a folder: raw, s-norm, calibrated, s-norm-calibrated; or one "
            "for each, as in raw,s-norm.",
        ),
    ] = "raw",
    trials: Trials = None,
    speakers: Speakers = None,
    columns: Columns = None,
    ci: Ci = None,
    level: Level = 0.95,
    p_target: PTargets = (0.01, 0.05),  # type: ignore[assignment]
    llr: Llr = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for compare.json, compare.md and the DET plot.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    resamples: Resamples = 1000,
    debug: Debug = False,
) -> None:
    """Print how far two systems differ on the same trials, and whether that may be chance."""
    from pyannote_ge2e.experiment.compare import compare as run

    run(
        a,
        b,
        scores=scores,
        trials=trials,
        speakers=speakers,
        columns=columns,
        ci=ci,
        level=level,
        p_targets=p_target,
        llr=llr,
        output=output,
        seed=seed,
        resamples=resamples,
    )
