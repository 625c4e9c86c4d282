"""`emb compare`: two systems on the same trials."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.compared import load_pair
from pyannote_ge2e.experiment.comparison_table import Difference, Differences
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.output import check_output
from pyannote_ge2e.experiment.scored import find_speakers, method_of
from pyannote_ge2e.metrics import (
    Comparison,
    Figure,
    Figures,
    act_dcf,
    cllr,
    compare_by_metrics,
    equal_error_rate,
    figures_of,
    min_dcf,
)
from pyannote_ge2e.metrics.resampling.drawing import Redrawn
from pyannote_ge2e.metrics.resampling.estimators import Metric
from pyannote_ge2e.report import Evaluation, Scoring
from pyannote_ge2e.report.remarks import few_speakers

__all__ = ["compare"]


def compare(
    a: Path,
    b: Path,
    *,
    scores: str = "raw",
    trials: Path | None = None,
    speakers: Path | None = None,
    columns: str | None = None,
    ci: Redrawn | None = None,
    level: float = 0.95,
    p_targets: Sequence[float] = (0.01, 0.05),
    llr: bool = False,
    output: Path | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> Differences:
    """Print the figures of two systems and how far they differ, and write them with a picture.

    Parameters
    ----------
    a, b : Path
        See `load_pair`, also for `scores`, `trials` and `columns`.
    scores : str
        Which scores of an evaluation folder.
    trials : Path, optional
        List of the trials of both.
    speakers : Path, optional
        `utt2spk`: see `find_speakers`.
    columns : str, optional
        What the columns of both files hold.
    ci : "speaker" or "trial", optional
        What the intervals resample: by default speakers, where they are known.
    level : float
        Of the intervals.
    p_targets : sequence of float
        Priors of a target in minDCF.
    llr : bool
        Scores are natural-log likelihood ratios: actDCF and Cllr make sense.
    output : Path, optional
        Folder to write `compare.json`, `compare.md` and the DET plots to.
    seed, resamples : int
        Of the bootstrap.

    Returns
    -------
    differences : Differences

    Raises
    ------
    UserError
        If a file cannot be understood, the trials are not the same, or the speakers are asked
        for and unknown.
    """
    if output is not None:
        check_output(output)
    pair = load_pair(a, b, scores, trials, columns)
    found = find_speakers(pair.first, speakers)
    method, remarks = method_of(ci, found)
    remarks = [*pair.remarks, *remarks]
    calibrated = llr or pair.calibrated
    console = Console()
    for name, path in (("A", pair.first.path), ("B", pair.second_path)):
        say(console, f"{name}: '{path}'")
    say(console, f"{pair.first.trials.understood}; {found.source}")
    labels, own = pair.first.trials.labels, pair.first.trials.scores
    sampling: dict[str, Any] = {
        "method": method,
        "level": level,
        "seed": seed,
        "resamples": resamples,
    }
    try:
        ours, theirs = (
            figures_of(
                of, labels, found.sides, p_targets=p_targets, calibrated=calibrated, **sampling
            )
            for of in (own, pair.other)
        )
        rows = _rows(
            ours,
            theirs,
            lambda metrics: compare_by_metrics(
                metrics, own, pair.other, labels, found.sides, **sampling
            ),
        )
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"'{a}' and '{b}': {error}") from error
    remarks += few_speakers(ours)
    differences = Differences(
        paths=(pair.first.path, pair.second_path),
        figures=(ours, theirs),
        rows=rows,
        seed=seed,
        remarks=remarks,
    )
    console.print(differences.table(), crop=False)
    say(console, differences.sentence())
    for remark in remarks:
        say(console, remark)
    if output is not None:
        evaluation = Evaluation(
            title="Two systems on the same trials",
            labels=labels,
            speakers=found.sides,
            scorings=[
                Scoring(name, values, of)
                for name, values, of in zip(
                    _titles(pair.first.path, pair.second_path),
                    (own, pair.other),
                    (ours, theirs),
                    strict=True,
                )
            ],
        )
        _write(differences, evaluation, output)
        say(console, f"-> '{output / 'compare.md'}'")
    return differences


def _rows(
    a: Figures, b: Figures, compared: Callable[[list[Metric]], list[Comparison]]
) -> list[Difference]:
    """Each figure of both systems, beside their difference."""
    shown: list[tuple[Metric, str, str, float | None, Figure, Figure]] = []
    rate, other = a.equal_error_rate, b.equal_error_rate
    shown.append((equal_error_rate, "EER %", "equal_error_rate", None, rate, other))
    costs = (
        ("minDCF", "min_dcf", min_dcf, a.min_dcf, b.min_dcf),
        ("actDCF", "act_dcf", act_dcf, a.act_dcf, b.act_dcf),
    )
    for name, key, metric, ours, theirs in costs:
        for p, cost in ours.items():
            of_prior = partial(metric, p_target=p)
            shown.append((of_prior, f"{name} (P={p:g})", key, p, cost, theirs[p]))
    if a.cllr is not None and b.cllr is not None:
        shown.append((cllr, "Cllr", "cllr", None, a.cllr, b.cllr))
    comparisons = compared([metric for metric, *_ in shown])
    return [
        Difference(name, key, p, ours, theirs, comparison)
        for (_, name, key, p, ours, theirs), comparison in zip(shown, comparisons, strict=True)
    ]


def _write(differences: Differences, evaluation: Evaluation, output: Path) -> None:
    from pyannote_ge2e.report import det_plot

    content = json.dumps(differences.as_dict(), indent=2, ensure_ascii=False)
    figures, words = output / "compare.json", output / "compare.md"
    # The pictures first: without them, the figures stay those of an earlier comparison.
    with replacing(figures) as new_figures, replacing(words) as new_words:
        new_figures.write_text(content + "\n", encoding="utf-8")
        new_words.write_text(differences.markdown(), encoding="utf-8")
        for suffix in (".svg", ".png"):
            det_plot(evaluation, output / f"det{suffix}")


def _titles(a: Path, b: Path) -> tuple[str, str]:
    """Short names: what the paths do not have in common."""
    whole = [path.resolve() for path in (a, b)]
    common = os.path.commonpath(whole)
    one, other = (path.relative_to(common) for path in whole)
    return f"A: {one}", f"B: {other}"
