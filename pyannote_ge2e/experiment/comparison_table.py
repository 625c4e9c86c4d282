"""What two systems differ by: as a table, as Markdown, as plain values, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pyannote_ge2e.metrics import Comparison, Figure, Figures
from pyannote_ge2e.report.table import escaped_markdown
from pyannote_ge2e.report.words import cost, counts_in_words, interval_in_words, percent

__all__ = ["Difference", "Differences"]

_COLUMNS = ("", "A", "B", "A - B", "p-value")


@dataclass(frozen=True)
class Difference:
    """A figure of either system, and what they differ by.

    Attributes
    ----------
    name : str
        As tables call it: "EER %", "minDCF (P=0.01)"...
    key : str
        As `Figures` call it: "equal_error_rate", "min_dcf"...
    p_target : float, optional
        Prior of a target, of a detection cost.
    a, b : Figure
    compared : Comparison
        Its difference is that of `a` minus that of `b`.
    """

    name: str
    key: str
    p_target: float | None
    a: Figure
    b: Figure
    compared: Comparison

    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, both figures, their difference, and the p-value."""
        in_percent = self.key == "equal_error_rate"
        compared = self.compared
        scale, digits = (100, 2) if in_percent else (1, 3)
        value, low, high = (
            f"{scale * number:+.{digits}f}"
            for number in (compared.difference, compared.low, compared.high)
        )
        figure = percent if in_percent else cost
        return (
            self.name,
            figure(self.a),
            figure(self.b),
            f"{value} [{low}, {high}]",
            _p_value(compared.p_value),
        )

    def as_dict(self) -> dict[str, Any]:
        """The difference as plain values."""
        compared = self.compared
        return {
            "value": compared.difference,
            "low": compared.low,
            "high": compared.high,
            "p_value": compared.p_value,
        }


@dataclass(frozen=True)
class Differences:
    """Two systems on the same trials.

    Attributes
    ----------
    paths : (Path, Path)
        Files of the scores of A and of B.
    figures : (Figures, Figures)
    rows : sequence of Difference
        The equal error rate first.
    seed : int
        Of the bootstrap.
    remarks : sequence of str
    """

    paths: tuple[Path, Path]
    figures: tuple[Figures, Figures]
    rows: Sequence[Difference]
    seed: int
    remarks: Sequence[str]

    def table(self) -> Table:
        """Table for a terminal."""
        # Text, not str: rich would take brackets for markup.
        table = Table(
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            caption=Text("\n".join(self._notes()), style="dim"),
            caption_justify="left",
        )
        for number, column in enumerate(_COLUMNS):
            table.add_column(
                Text(column), justify="right" if number else "left", overflow="fold", min_width=7
            )
        for row in self.rows:
            # Intervals below their figures: five columns then fit a terminal.
            table.add_row(*(Text(cell.replace(" [", "\n[")) for cell in row.cells()))
        return table

    def markdown(self) -> str:
        """The same as Markdown, with the sentence and the remarks."""
        lines = [f"| {' | '.join(_COLUMNS)} |", "|:---|" + "---:|" * 4]
        lines += [f"| {' | '.join(row.cells())} |" for row in self.rows]
        sides = "\\\n".join(
            f"{name}: {escaped_markdown(str(path))}"
            for name, path in zip("AB", self.paths, strict=True)
        )
        parts = [
            sides,
            "\n".join(lines),
            escaped_markdown(". ".join(self._notes())) + ".",
            self.sentence(),
            *map(escaped_markdown, self.remarks),
            "![DET plot](det.svg)",
        ]
        return "\n\n".join(parts) + "\n"

    def sentence(self) -> str:
        """Which system has the lower equal error rate, and whether that may be chance."""
        if all(row.compared.low == row.compared.high == 0 for row in self.rows):
            return "A and B do not differ in any figure."
        compared = self.rows[0].compared
        level = f"{100 * self.figures[0].level:g} %"
        p_value = _p_value(compared.p_value)
        p_value = f"p {p_value}" if p_value.startswith("<") else f"p = {p_value}"
        if compared.low <= 0 <= compared.high:
            return (
                f"The difference of the EERs may be chance: its {level} interval, "
                f"{_points(compared.low)} to {_points(compared.high)} points, holds 0 ({p_value})."
            )
        better = "A" if compared.difference < 0 else "B"
        near, far = sorted((abs(compared.low), abs(compared.high)))
        return (
            f"{better} has the lower EER: by {_points(near, '')} to {_points(far, '')} points with "
            f"{level} confidence ({p_value})."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: P_targets become strings such as "0.01"."""
        a, b = self.figures
        differences: dict[str, Any] = {}
        for row in self.rows:
            if row.p_target is None:
                differences[row.key] = row.as_dict()
            else:
                differences.setdefault(row.key, {})[str(row.p_target)] = row.as_dict()
        return {
            "a": {"scores": str(self.paths[0]), **a.as_dict()},
            "b": {"scores": str(self.paths[1]), **b.as_dict()},
            "differences": differences,
            "seed": self.seed,
            "summary": self.sentence(),
            "remarks": list(self.remarks),
        }

    def _notes(self) -> list[str]:
        figures = self.figures[0]
        return [
            counts_in_words(figures),
            f"[low, high]: {interval_in_words(figures)}; the difference on the same resamples",
        ]


def _points(value: float, sign: str = "+") -> str:
    return f"{100 * value:{sign}.2f}"


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
