"""`emb score`: figures of a score file that any toolkit wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from pyannote_ge2e.data.score_files import ScoredTrials
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.output import check_output
from pyannote_ge2e.experiment.scored import find_speakers, load_scores, method_of
from pyannote_ge2e.metrics import figures_of
from pyannote_ge2e.metrics.resampling.drawing import Redrawn
from pyannote_ge2e.report import Evaluation, Scoring, figures_table
from pyannote_ge2e.report.remarks import remarks_of

__all__ = ["score"]


def score(
    scores: Path,
    *,
    trials: Path | None = None,
    speakers: Path | None = None,
    columns: str | None = None,
    ci: Redrawn | None = None,
    level: float = 0.95,
    p_targets: Sequence[float] = (0.01, 0.05),
    llr: bool = False,
    negate: bool = False,
    output: Path | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> Evaluation:
    """Print the figures of scored trials, and write them with their pictures.

    Parameters
    ----------
    scores : Path
        See `read_scores`, also for `trials` and `columns`.
    trials : Path, optional
        List of trials with their labels.
    speakers : Path, optional
        `utt2spk`: see `find_speakers`.
    columns : str, optional
        What the columns of `scores` hold.
    ci : "speaker" or "trial", optional
        What the intervals resample: by default speakers, where they are known.
    level : float
        Of the intervals.
    p_targets : sequence of float
        Priors of a target in minDCF.
    llr : bool
        Scores are natural-log likelihood ratios: actDCF and Cllr make sense.
    negate : bool
        Scores are distances.
    output : Path, optional
        Folder to write the report to.
    seed, resamples : int
        Of the bootstrap.

    Returns
    -------
    evaluation : Evaluation

    Raises
    ------
    UserError
        If a file cannot be understood, or the speakers are asked for and unknown.
    """
    if output is not None:
        check_output(output)
    scored = load_scores(scores, trials, columns, negate)
    found = find_speakers(scored, speakers)
    method, remarks = method_of(ci, found)
    remarks = [*scored.trials.remarks, *remarks]
    console = Console()
    say(console, f"{scored.trials.understood}; {found.source}")
    try:
        figures = figures_of(
            scored.trials.scores,
            scored.trials.labels,
            found.sides,
            method=method,
            p_targets=p_targets,
            calibrated=llr,
            level=level,
            seed=seed,
            resamples=resamples,
        )
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"'{scores}': {error}") from error
    if figures.equal_error_rate.value > 0.5:
        remarks.append(
            "Negated, targets score lower than non-targets: the file seems to hold similarities. "
            "Leave --negate out."
            if negate
            else "The scores seem to be distances: higher must mean more alike. --negate turns "
            "them round."
        )
    facts = {
        "Scores": str(scores),
        "Read as": scored.trials.understood.removeprefix("read as: "),
        "Speakers": found.source.removeprefix("speakers "),
        "Seed": str(seed),
    }
    if negate:
        facts["Negated"] = "yes: the file holds distances"
    evaluation = Evaluation(
        title=scores.name,
        labels=scored.trials.labels,
        speakers=found.sides,
        scorings=[Scoring("negated" if negate else "raw", scored.trials.scores, figures)],
        facts=facts,
        remarks=remarks,
        names=names_of_trials(scored.trials) if output is not None else None,
    )
    # With many figures the table is wider than a narrow terminal: none may be cut off.
    console.print(figures_table(evaluation), crop=False)
    for remark in remarks_of(evaluation):
        say(console, remark)
    if output is not None:
        # Brings matplotlib, which takes longer to import than the rest to run.
        from pyannote_ge2e.report import write_report

        write_report(evaluation, output)
        say(console, f"-> '{output / 'report.html'}'")
    return evaluation


def names_of_trials(trials: ScoredTrials) -> np.ndarray | None:
    """Both recordings of each trial, (T, 2) array of str, where the file names them."""
    return np.array(trials.names)[trials.trials] if trials.names else None
