"""`emb score`: figures of a score file that any toolkit wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pyannote_ge2e.cli.failures import in_one_sentence
from pyannote_ge2e.cli.options import Debug
from pyannote_ge2e.cli.several import FIGURES, PTargets, probability

Trials = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="List of trials: lines 'enrolment test target|nontarget', or '1|0 enrolment test'.",
        show_default=False,
    ),
]
Speakers = Annotated[
    Path | None,
    typer.Option(
        metavar="UTT2SPK",
        help="Lines 'uri speaker', for intervals over speakers.",
        show_default=False,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="What the columns hold, as in enrolment,test,score,label; - is ignored.",
        show_default=False,
    ),
]
Ci = Annotated[
    Literal["speaker", "trial"] | None,
    typer.Option(
        help="What intervals resample: speakers by default, where they are known.",
        show_default=False,
        rich_help_panel=FIGURES,
    ),
]
Level = Annotated[
    Any,
    typer.Option(
        parser=probability,
        metavar="LEVEL",
        help="Level of the intervals.",
        rich_help_panel=FIGURES,
    ),
]
Llr = Annotated[
    bool,
    typer.Option(
        "--llr",
        help="Scores are natural-log likelihood ratios: add actDCF and Cllr.",
        rich_help_panel=FIGURES,
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Same seed, same intervals.", rich_help_panel=FIGURES)
]
Resamples = Annotated[
    int, typer.Option(min=1, help="Resamples of the intervals.", rich_help_panel=FIGURES)
]


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
