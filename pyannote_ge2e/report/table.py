"""The table of figures: for a terminal, for Markdown, and the cells of any other."""

from __future__ import annotations

from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pyannote_ge2e.report.evaluation import Evaluation, Scoring
from pyannote_ge2e.report.words import (
    NOTHING,
    cost,
    counts_in_words,
    interval_in_words,
    percent,
)


def table_cells(evaluation: Evaluation) -> list[list[str]]:
    """Cells of the table: a row of titles, then one row per scoring.

    Figures of log likelihood ratios (actDCF, Cllr) have columns only where a scoring has them.

    Examples
    --------
    >>> import numpy as np
    >>> from pyannote_ge2e.metrics import figures_of
    >>> scores, labels = np.array([0.9, 0.1, 0.4]), np.array([1, 0, 1])
    >>> figures = figures_of(scores, labels, p_targets=[0.01], resamples=10)
    >>> evaluation = Evaluation("demo", labels, None, [Scoring("raw", scores, figures)])
    >>> table_cells(evaluation)[0]
    ['scoring', 'EER %', 'minDCF (P=0.01)']
    >>> table_cells(evaluation)[1]
    ['raw', '0.00 [0.00, 0.00]', '0.000 [0.000, 0.000]']
    """
    calibrated = any(scoring.calibrated for scoring in evaluation.scorings)
    titles = ["scoring", "EER %"]
    for p_target in evaluation.p_targets:
        titles.append(f"minDCF (P={p_target:g})")
        if calibrated:
            titles.append(f"actDCF (P={p_target:g})")
    if calibrated:
        titles += ["Cllr", "minCllr"]
    return [titles, *(_row(of, evaluation.p_targets, calibrated) for of in evaluation.scorings)]


def _row(scoring: Scoring, p_targets: list[float], calibrated: bool) -> list[str]:
    figures = scoring.figures
    row = [scoring.name, percent(figures.equal_error_rate)]
    for p_target in p_targets:
        row.append(cost(figures.min_dcf.get(p_target)))
        if calibrated:
            row.append(cost(figures.act_dcf.get(p_target)))
    if calibrated:
        row += [cost(figures.cllr), f"{figures.min_cllr:.3f}" if scoring.calibrated else NOTHING]
    return row


def table_notes(evaluation: Evaluation) -> list[str]:
    """Lines below the table, without which its figures should not be quoted."""
    return [
        counts_in_words(evaluation.figures),
        f"[low, high]: {interval_in_words(evaluation.figures)}",
    ]


def figures_table(evaluation: Evaluation) -> Table:
    """Lay out the figures for a terminal.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    table : Table
        For `rich.print`. Where the terminal is narrow, intervals go below their figures.
    """
    # Text, not str: rich would take brackets for markup.
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=Text(evaluation.title, style="bold", overflow="fold"),
        title_justify="left",
        caption=Text("\n".join(table_notes(evaluation)), style="dim"),
        caption_justify="left",
    )
    titles, *rows = table_cells(evaluation)
    for column, cells in enumerate(zip(titles, *rows, strict=True)):
        # Narrow terminals break lines between words, never within.
        longest = max(len(word) for cell in cells for word in cell.split())
        justify: Literal["left", "right"] = "right" if column else "left"
        table.add_column(Text(cells[0]), justify=justify, overflow="fold", min_width=longest)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def markdown_table(evaluation: Evaluation) -> str:
    """Lay out the figures as a Markdown table, with what must be said below it.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    text : str
        Ends in a line break.
    """
    titles, *rows = table_cells(evaluation)
    alignment = [":---", *["---:"] * (len(titles) - 1)]
    lines = ["| " + " | ".join(map(escaped_markdown, row)) + " |" for row in (titles, *rows)]
    lines.insert(1, f"| {' | '.join(alignment)} |")
    notes = ". ".join(_sentence(note) for note in table_notes(evaluation))
    return "\n".join([*lines, "", f"{notes}."]) + "\n"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def escaped_markdown(text: str) -> str:
    r"""Text that Markdown leaves as it is, on one line.

    Examples
    --------
    >>> print(escaped_markdown("a|b <i> *c*"))
    a\|b \<i> \*c\*
    """
    for special in "\\`*_|<#":
        text = text.replace(special, f"\\{special}")
    return " ".join(text.split())
