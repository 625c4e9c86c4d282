"""The table: the figures given, none alone, none lost on a narrow terminal."""

import io
import re

import pytest
from rich.console import Console

from pyannote_ge2e.report import Evaluation, figures_table, markdown_table


def on_terminal(table, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()


def rows_of(markdown):
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[2:]}


def close(cell, figure, scale, digits):
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", cell)]
    expected = [scale * figure.value, scale * figure.low, scale * figure.high]
    return numbers == pytest.approx(expected, abs=0.500001 * 10**-digits)


def test_every_cell_is_the_figure_given(evaluation):
    rows = rows_of(markdown_table(evaluation))
    assert list(rows) == ["raw", "s-norm", "raw, calibrated"]
    for scoring in evaluation.scorings:
        figures, row = scoring.figures, rows[scoring.name]
        assert close(row["EER %"], figures.equal_error_rate, 100, 2)
        for p_target in (0.01, 0.05):
            assert close(row[f"minDCF (P={p_target})"], figures.min_dcf[p_target], 1, 3)
            if scoring.calibrated:
                assert close(row[f"actDCF (P={p_target})"], figures.act_dcf[p_target], 1, 3)
            else:
                assert row[f"actDCF (P={p_target})"] == "-"
    calibrated = evaluation.scorings[2].figures
    assert close(rows["raw, calibrated"]["Cllr"], calibrated.cllr, 1, 3)
    assert rows["raw, calibrated"]["minCllr"] == f"{calibrated.min_cllr:.3f}"
    assert rows["raw"]["minCllr"] == rows["raw"]["Cllr"] == "-"


def test_terminal_and_markdown_hold_the_same_cells(evaluation):
    printed = on_terminal(figures_table(evaluation), 200)
    for row in rows_of(markdown_table(evaluation)).values():
        for cell in row.values():
            assert cell in printed


def test_no_figure_travels_alone(evaluation, make):
    for text in (markdown_table(evaluation), on_terminal(figures_table(evaluation), 120)):
        targets = int(evaluation.labels.sum())
        assert f"600 trials, {targets} targets, 12 speakers" in text
        assert "95 % interval over speakers" in text
    alone = markdown_table(make(labels=[1, 0, 1, 0], raw=[0.9, 0.1, 0.4, 0.5]))
    assert "4 trials, 2 targets, speakers unknown" in alone
    assert "95 % interval over trials, too narrow when trials share speakers" in alone


def test_uncalibrated_scores_have_no_column_of_calibrated_figures(make):
    table = markdown_table(make(labels=[1, 0, 1, 0], raw=[0.9, 0.1, 0.4, 0.5]))
    assert "actDCF" not in table
    assert "Cllr" not in table


def test_eighty_columns_lose_no_digit(evaluation):
    printed = on_terminal(figures_table(evaluation), 80)
    assert max(map(len, printed.splitlines())) <= 80
    for row in rows_of(markdown_table(evaluation)).values():
        for cell in row.values():
            for word in cell.split():
                assert word in printed


def test_names_are_neither_markup_nor_table(make):
    name = "[red]a|b[/red] *c* <i>"
    evaluation = make(labels=[1, 0], **{name: [1.0, 0.0]})
    assert name in on_terminal(figures_table(evaluation), 200)
    assert r"| [red]a\|b[/red] \*c\* \<i> |" in markdown_table(evaluation)


def test_parts_that_do_not_belong_together_are_refused(evaluation, make):
    other = make(labels=[1, 0], raw=[1.0, 0.0])
    parts = vars(evaluation)
    with pytest.raises(ValueError, match="'raw' has 2 scores"):
        Evaluation(**{**parts, "scorings": other.scorings})
    with pytest.raises(ValueError, match="same name: raw, raw"):
        Evaluation(**{**parts, "scorings": [evaluation.scorings[0]] * 2})
    with pytest.raises(ValueError, match="at least one"):
        Evaluation(**{**parts, "scorings": []})
    with pytest.raises(ValueError, match=r"Expected \(600, 2\) names"):
        Evaluation(**{**parts, "names": evaluation.names[:5]})
    by_trial = make(labels=evaluation.labels, other=evaluation.scorings[0].scores)
    with pytest.raises(ValueError, match="different kinds"):
        Evaluation(**{**parts, "scorings": [evaluation.scorings[0], *by_trial.scorings]})
