"""`emb score`: figures of a score file that any toolkit wrote."""

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
def score(
    scores: Annotated[
        Path, typer.Argument(metavar="SCORES", help="Lines 'enrolment test score', or alike.")
    ],
    trials: Trials = None,
    speakers: Speakers = None,
    columns: Columns = None,
    ci: Ci = None,
    level: Level = 0.95,
    p_target: PTargets = (0.01, 0.05),  # type: ignore[assignment]
    llr: Llr = False,
    negate: Annotated[
        bool, typer.Option("--negate", help="Scores are distances: turn them round.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for report.html and all.", show_default=False),
    ] = None,
    seed: Seed = 0,
    resamples: Resamples = 1000,
    debug: Debug = False,
) -> None:
    """Print error rates and costs, with intervals, of a score file of any toolkit."""
    from pyannote_ge2e.experiment.score import score as run

    run(
        scores,
        trials=trials,
        speakers=speakers,
        columns=columns,
        ci=ci,
        level=level,
        p_targets=p_target,
        llr=llr,
        negate=negate,
        output=output,
        seed=seed,
        resamples=resamples,
    )
