"""Two sets of scores of the same trials, whatever the order they are in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.score_files.names import matching_names
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.scored import Scored, load_scores

__all__ = ["Pair", "load_pair"]


@dataclass(frozen=True)
class Pair:
    """The same trials, scored twice.

    Attributes
    ----------
    first : Scored
        Its trials are those of the pair.
    second_path : Path
        File of the other scores.
    other : (T,) float64 array
        The other scores.
    remarks : list of str
        What is worth knowing of either file.
    calibrated : bool
        Whether both are calibrated scores of an evaluation folder.
    """

    first: Scored
    second_path: Path
    other: np.ndarray
    remarks: list[str]
    calibrated: bool


def load_pair(
    a: Path,
    b: Path,
    scores: str = "raw",
    trials: Path | None = None,
    columns: str | None = None,
) -> Pair:
    """Read two evaluation folders, or score files, and put their trials in one order.

    Parameters
    ----------
    a, b : Path
        Folders that `emb evaluate` wrote, or score files of any toolkit.
    scores : str
        Which scores of a folder: "raw", "s-norm", "calibrated", "s-norm-calibrated". Two words
        with a comma: those of `a`, and those of `b`.
    trials : Path, optional
        List of the trials of both.
    columns : str, optional
        What the columns of both files hold.

    Raises
    ------
    UserError
        If a file is missing or malformed, or the trials or their labels are not the same.
    """
    words = [word.strip() for word in scores.split(",")]
    if len(words) > 2:
        raise UserError(f"--scores '{scores}': expected one word, or one for each with a comma.")
    paths = _score_file(a, words[0]), _score_file(b, words[-1])
    if paths[0] == paths[1]:
        raise UserError(
            f"A and B are the same scores, '{paths[0]}': choose with --scores, as in raw,s-norm."
        )
    first, second = (load_scores(path, trials, columns) for path in paths)
    other = _aligned(first, second)
    remarks = list(dict.fromkeys([*first.trials.remarks, *second.trials.remarks]))
    if not first.trials.names:
        remarks.append(
            "Neither file names recordings: their lines are taken to be of the same trials in the "
            "same order."
        )
    return Pair(
        first=first,
        second_path=second.path,
        other=other,
        remarks=remarks,
        calibrated=all(
            path.is_dir() and "calibrated" in word
            for path, word in zip((a, b), (words[0], words[-1]), strict=True)
        ),
    )


def _score_file(path: Path, word: str) -> Path:
    """Scores of a folder; a file is what it is."""
    if path.is_file():
        return path
    if not path.exists():
        raise UserError(f"There is no '{path}': give a folder of emb evaluate, or a score file.")
    kind = re.sub(r"[-_. ]+", ".", word.lower().replace("s-norm", "snorm"))
    kind = kind.removeprefix("raw").strip(".")
    file = path / ".".join(filter(None, ["scores", kind, "txt"]))
    if file.is_file():
        return file
    there = sorted(found.name for found in path.glob("scores*.txt"))
    if there:
        raise UserError(
            f"'{path}' has no '{file.name}', but {', '.join(there)}: choose with --scores."
        )
    below = sorted(path.rglob("scores.txt"))
    hint = f"; did you mean '{below[-1].parent}'?" if below else ": run emb evaluate first."
    raise UserError(f"'{path}' holds no scores{hint}")


def _aligned(first: Scored, second: Scored) -> np.ndarray:
    """Scores of the second in the order of the first."""
    one, other = first.trials, second.trials
    if bool(one.names) != bool(other.names):
        nameless = second if one.names else first
        raise UserError(f"'{nameless.path}' names no recordings: its trials cannot be told.")
    if not one.names:
        if not np.array_equal(one.labels, other.labels):
            raise UserError(
                f"'{first.path}' and '{second.path}' name no recordings, and their labels are not "
                "the same line by line: they are not of the same trials in the same order."
            )
        return other.scores
    row = matching_names(one.names, other.names)
    # Names that the first does not have go behind those that it has.
    unknown = row < 0
    row[unknown] = len(one.names) + np.arange(unknown.sum())
    width = len(one.names) + int(unknown.sum())
    keys, others = one.trials @ [width, 1], row[other.trials] @ [width, 1]
    order = np.argsort(others, kind="stable")
    others = others[order]
    at = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    _check_same(first, second, ~(others[at] == keys), ~np.isin(others, keys), order)
    line = order[at]
    differ = one.labels != other.labels[line]
    if differ.any():
        trial = int(np.argmax(differ))
        kinds = ("target", "non-target")[:: 1 if one.labels[trial] else -1]
        raise UserError(
            f"The trial '{_trial(first, trial)}' is a {kinds[0]} for '{first.path}', and a "
            f"{kinds[1]} for '{second.path}': mend one of the two."
        )
    return other.scores[line]


def _check_same(
    first: Scored,
    second: Scored,
    only_first: np.ndarray,
    only_second: np.ndarray,
    order: np.ndarray,
) -> None:
    """Say how many trials either has for itself, if any, and name one."""
    some, others = int(only_first.sum()), int(only_second.sum())
    if not some and not others:
        return
    if some:
        example, lacks, count = _trial(first, int(np.argmax(only_first))), second, some
    else:
        number = int(order[only_second].min())
        example, lacks, count = _trial(second, number), first, others
    rest = ""
    if some and others:
        rest = f"; {others:,} {'are' if others > 1 else 'is'} missing in '{first.path}'"
    raise UserError(
        f"The trials are not the same: {count:,}, such as '{example}', "
        f"{'are' if count > 1 else 'is'} missing in '{lacks.path}'{rest}. Give --trials with a "
        "list of trials that both have."
    )


def _trial(scored: Scored, number: int) -> str:
    return " ".join(scored.trials.names[row] for row in scored.trials.trials[number])
