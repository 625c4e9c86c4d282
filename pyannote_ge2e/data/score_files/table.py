"""Reading a score file or a list of trials into arrays, a block of lines at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.score_files.column_facts import LABELS, as_numbers, is_number
from pyannote_ge2e.data.score_files.columns import possible_columns, understand
from pyannote_ge2e.data.score_files.text_columns import TextColumns, shown
from pyannote_ge2e.errors import UserError

__all__ = ["ScoreTable", "read_table"]


@dataclass
class ScoreTable:
    """Lines of a file.

    Attributes
    ----------
    path : Path
    columns : tuple of str
        What each column holds; "-" for one that is ignored.
    names : list of F str
        Recordings, each once; empty without names.
    pairs : (R, 2) int64 array
        Enrolment and test of each line, as rows of `names`; (0, 2) without names.
    scores : (R,) float64 array, or None
    labels : (R,) int64 array, or None
    lines : (R,) int64 array
        Number of each line in the file, from 1.
    """

    path: Path
    columns: tuple[str, ...]
    names: list[str]
    pairs: np.ndarray
    scores: np.ndarray | None
    labels: np.ndarray | None
    lines: np.ndarray


def read_table(
    path: Path, columns: tuple[str, ...] | None = None, *, scores: bool = True
) -> ScoreTable:
    r"""Read a score file, or a list of trials.

    Fields are separated by white space, tabs or commas. Blank lines and lines that start with
    `#` are skipped, a header with known words is understood.

    Parameters
    ----------
    path : Path
    columns : tuple of str, optional
        What each column holds. By default the header, or else the whole file, decides.
    scores : bool
        Whether the file holds scores. Else it is a list of trials.

    Raises
    ------
    UserError
        Naming the line that is malformed, or what cannot be understood.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "scores.txt"
    >>> _ = path.write_text("alice/1 bob/1 0.25\nalice/1 alice/2 0.75\n")
    >>> table = read_table(path)
    >>> table.columns, table.scores
    (('enrolment', 'test', 'score'), array([0.25, 0.75]))
    """
    file = TextColumns(path, columns, scores=scores)
    columns = columns or file.header
    if columns is not None:
        needed = "score" if scores else "label"
        if needed not in columns:
            raise UserError(
                f"'{path}' names no {needed} in its header: expected "
                + ("a score file." if scores else "a list of trials with their labels.")
            )
        return _table(file, columns)
    # The first lines decide where they allow one reading only, and the others do not contradict
    # it; else it takes a look at the whole file.
    likely = possible_columns(file.sample_facts(), scores=scores)
    if len(likely) == 1:
        try:
            return _table(file, likely[0])
        except UserError:
            pass
    return _table(file, understand(file.facts(), path, scores=scores))


def _table(file: TextColumns, columns: tuple[str, ...]) -> ScoreTable:
    """Read all lines as these columns."""
    numbering = _Numbering()
    parts: dict[str, list[np.ndarray]] = {role: [] for role in columns}
    lines = []
    for numbers, block in file.blocks():
        lines.append(numbers)
        for role, column in zip(columns, block, strict=True):
            if role == "score":
                parts[role].append(_scores(file.path, column, numbers))
            elif role == "label":
                parts[role].append(_labels(file.path, column, numbers))
            elif role != "-":
                found = map(numbering.__getitem__, column)
                parts[role].append(np.fromiter(found, np.int64, len(column)))
    if not lines:
        raise UserError(f"'{file.path}' is empty below its header.")
    whole = {role: np.concatenate(arrays) for role, arrays in parts.items() if arrays}
    sides = [whole[role] for role in ("enrolment", "test") if role in whole]
    return ScoreTable(
        path=file.path,
        columns=columns,
        names=_decoded(file.path, numbering),
        pairs=np.stack(sides, axis=1) if sides else np.empty((0, 2), np.int64),
        scores=whole.get("score"),
        labels=whole.get("label"),
        lines=np.concatenate(lines),
    )


def _scores(path: Path, column: Sequence[bytes], numbers: np.ndarray) -> np.ndarray:
    try:
        scores = as_numbers(column)
    except ValueError:
        wrong = next(at for at, word in enumerate(column) if not is_number(word))
        raise UserError(
            f"'{path}', line {numbers[wrong]}: '{shown(column[wrong])}' stands where a "
            "score should be, and is no number."
        ) from None
    finite = np.isfinite(scores)
    if not finite.all():
        wrong = int(np.argmin(finite))
        raise UserError(
            f"'{path}', line {numbers[wrong]}: the score is '{shown(column[wrong])}'; "
            "scores must be finite."
        )
    return scores


def _labels(path: Path, column: Sequence[bytes], numbers: np.ndarray) -> np.ndarray:
    meaning = {word: LABELS.get(word.lower(), -1) for word in set(column)}
    labels = np.fromiter(map(meaning.__getitem__, column), np.int64, len(column))
    if (labels < 0).any():
        wrong = int(np.argmin(labels))
        raise UserError(
            f"'{path}', line {numbers[wrong]}: '{shown(column[wrong])}' stands where a "
            "label should be: write target or nontarget, or 1 or 0."
        )
    return labels


def _decoded(path: Path, names: _Numbering) -> list[str]:
    try:
        return [name.decode() for name in names]
    except UnicodeDecodeError as error:
        raise UserError(f"'{path}' is not UTF-8 text: convert it.") from error


class _Numbering(dict[bytes, int]):
    """Gives each new name the next number."""

    def __missing__(self, name: bytes) -> int:
        number = self[name] = len(self)
        return number
