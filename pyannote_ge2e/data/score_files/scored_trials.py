"""Scored trials from the files of any toolkit: the scores, and the labels beside or within."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.score_files.columns import named_columns
from pyannote_ge2e.data.score_files.names import matching_names
from pyannote_ge2e.data.score_files.table import ScoreTable, read_table
from pyannote_ge2e.errors import UserError

__all__ = ["ScoredTrials", "read_scores"]


@dataclass
class ScoredTrials:
    """Trials over F recordings, with their scores.

    Attributes
    ----------
    names : list of F str
        Uris; empty when the file holds labels and scores only.
    trials : (T, 2) int64 array
        Enrolment and test, as rows of `names`; (0, 2) without names.
    labels : (T,) int64 array
        1 for target trials, 0 for the others.
    scores : (T,) float64 array
        Similarities.
    understood : str
        How the files were read, in words.
    remarks : list of str
        What of them was left out, or is there more than once.
    """

    names: list[str]
    trials: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    understood: str = ""
    remarks: list[str] = field(default_factory=list)


def read_scores(path: Path, trials: Path | None = None, columns: str | None = None) -> ScoredTrials:
    r"""Read scored trials that any toolkit wrote.

    A line holds two recordings and a score, with or without the label: Kaldi's
    `enrolment test score`, wespeaker's with `target` or `nontarget` at its end, SpeechBrain's
    `enrolment test 1 score`, VoxCeleb's `1 enrolment test score`; or a label and a score only.

    Parameters
    ----------
    path : Path
        The scores.
    trials : Path, optional
        The labels, when they are elsewhere: `enrolment test target`, or `1 enrolment test`. The
        trials are then those of this list, in its order. Names match as they are, or else
        without the suffix of an audio file. Where neither this nor a label column is given,
        the `trials.txt` beside the scores, as in a folder of `emb evaluate`.
    columns : str, optional
        What the columns of `path` hold, such as "enrolment,test,score,label" ("-" for one to
        ignore). By default the header, or else the whole file, decides.

    Returns
    -------
    scored : ScoredTrials

    Raises
    ------
    UserError
        Naming the line that is malformed, the trial without a score, the lines that contradict
        each other, or what is missing.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "scores.txt"
    >>> _ = path.write_text("alice/1 bob/1 0.25 nontarget\nalice/1 alice/2 0.75 target\n")
    >>> scored = read_scores(path)
    >>> scored.labels, scored.scores
    (array([0, 1]), array([0.25, 0.75]))
    >>> scored.understood
    'read as: enrolment test score label'
    """
    table = read_table(path, named_columns(columns) if columns else None)
    understood = "read as: " + " ".join(column for column in table.columns if column != "-")
    ignored = table.columns.count("-")
    if ignored:
        understood += f" ({ignored} other column{'s' * (ignored > 1)} ignored)"
    assert table.scores is not None
    repeats = _one_value_per_trial(table, table.scores, "score")
    beside = Path(path).with_name("trials.txt")
    if trials is None and table.labels is None and table.names and beside.is_file():
        trials = beside
    if trials is None:
        if table.labels is None:
            raise UserError(
                f"'{path}' holds no labels: give the list of trials with --trials, in lines "
                "'enrolment test target' or '1 enrolment test'."
            )
        _one_value_per_trial(table, table.labels, "label")
        return ScoredTrials(
            table.names,
            table.pairs,
            table.labels,
            table.scores,
            understood,
            _repeat_remarks(repeats, path),
        )
    if not table.names:
        raise UserError(
            f"'{path}' names no recordings, so that '{trials}' cannot tell which score is of which "
            "trial: drop --trials, or give a file with 'enrolment test score'."
        )
    listed = read_table(trials, scores=False)
    assert listed.labels is not None
    repeats = _one_value_per_trial(listed, listed.labels, "label")
    line, remarks = _lines_of_trials(table, listed)
    _same_labels(table, listed, line)
    return ScoredTrials(
        listed.names,
        listed.pairs,
        listed.labels,
        table.scores[line],
        f"{understood}, labels from '{trials}'",
        remarks + _repeat_remarks(repeats, trials),
    )


def _repeat_remarks(repeats: int, path: Path) -> list[str]:
    """Say that lines repeat a trial, if any do."""
    if not repeats:
        return []
    lines = "line repeats" if repeats == 1 else "lines repeat"
    return [f"{repeats:,} {lines} a trial of '{path}': it counts as often as it is listed."]


def _lines_of_trials(table: ScoreTable, listed: ScoreTable) -> tuple[np.ndarray, list[str]]:
    """Line of the score of each listed trial, and a remark on the scores of no trial."""
    width = len(table.names)
    row = matching_names(table.names, listed.names)
    known = row[listed.pairs]
    keys = table.pairs @ [width, 1]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    wanted = np.where((known >= 0).all(axis=1), known @ [width, 1], -1)
    # The last score of a trial stands for all: they are equal.
    last = np.searchsorted(keys, wanted, side="right") - 1
    missing = keys[last] != wanted
    if missing.any():
        first = int(np.argmax(missing))
        raise UserError(
            f"No score of the trial '{_trial(listed, first)}' of '{listed.path}', line "
            f"{listed.lines[first]}, in '{table.path}': {missing.sum():,} of the "
            f"{len(missing):,} trials have none."
        )
    used = np.zeros(len(keys), bool)
    used[last] = True
    unused = int(np.count_nonzero(np.diff(keys))) + 1 - int(used.sum())
    if not unused:
        return order[last], []
    plural = "s" * (unused > 1)
    return order[last], [
        f"{unused:,} score{plural} of '{table.path}' {'are' if plural else 'is'} of no trial of "
        f"'{listed.path}', and left out."
    ]


def _one_value_per_trial(table: ScoreTable, values: np.ndarray | None, what: str) -> int:
    """Count lines that repeat a trial; refuse them with two scores or two labels."""
    if values is None or not table.names:
        return 0
    keys = table.pairs @ [len(table.names), 1]
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    same = keys[1:] == keys[:-1]
    differ = same & (values[1:] != values[:-1])
    if differ.any():
        one, other = order[[int(np.argmax(differ)), int(np.argmax(differ)) + 1]]
        raise UserError(
            f"'{table.path}' has two {what}s of the trial '{_trial(table, one)}', in lines "
            f"{table.lines[one]} and {table.lines[other]}: keep one."
        )
    return int(same.sum())


def _same_labels(table: ScoreTable, listed: ScoreTable, line: np.ndarray) -> None:
    """Refuse labels of the score file that contradict the list of trials."""
    if table.labels is None:
        return
    differ = table.labels[line] != listed.labels
    if differ.any():
        first = int(np.argmax(differ))
        one, other = ("non-target", "target")[:: 1 if table.labels[line[first]] == 0 else -1]
        raise UserError(
            f"The trial '{_trial(listed, first)}' is a {one} in '{table.path}', line "
            f"{table.lines[line[first]]}, and a {other} in '{listed.path}', line "
            f"{listed.lines[first]}: keep one."
        )


def _trial(table: ScoreTable, number: int) -> str:
    return " ".join(table.names[row] for row in table.pairs[number])
