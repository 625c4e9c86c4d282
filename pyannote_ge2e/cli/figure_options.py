"""Options that the commands share which print figures of scored trials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pyannote_ge2e.cli.several import FIGURES, probability

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
ProtocolSpeakers = Annotated[
    Path | None,
    typer.Option(
        "--speakers",
        metavar="UTT2SPK",
        help="Lines 'uri speaker', where the protocol does not tell who speaks.",
        show_default=False,
        rich_help_panel=FIGURES,
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
