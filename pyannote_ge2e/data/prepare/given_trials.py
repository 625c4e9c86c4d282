"""Trials that somebody else chose, among recordings that are here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.prepare.known_names import KnownNames
from pyannote_ge2e.data.prepare.plan import GivenTrials
from pyannote_ge2e.data.score_files.column_facts import LABELS
from pyannote_ge2e.data.score_files.table import read_table
from pyannote_ge2e.data.score_files.text_lines import content_lines
from pyannote_ge2e.errors import UserError

__all__ = ["TrialLines", "among_known", "is_trial_list", "read_given_trials", "trial_sets"]

_CLIENTS = re.compile(r"clients?|targets?|positives?", re.IGNORECASE)
_IMPOSTORS = re.compile(r"imposters?|impostors?|non[-_]?targets?|negatives?", re.IGNORECASE)


@dataclass(frozen=True)
class TrialLines:
    """A file of trials, as it is written.

    Attributes
    ----------
    source : Path
    names : list of F str
        What it names, each once.
    pairs : (T, 2) int array
        Rows of `names`.
    labels : (T,) int array
        1 for targets.
    lines : (T,) int array
        Number of each trial's line, from 1.
    """

    source: Path
    names: list[str]
    pairs: np.ndarray
    labels: np.ndarray
    lines: np.ndarray


def read_given_trials(path: Path, known: Mapping[str, str]) -> GivenTrials:
    r"""Read a list of trials, in lines `1 a b` or `a b target`.

    Parameters
    ----------
    path : Path
        Labels are 1 and 0, or words; names are as in `KnownNames`.
    known : mapping of str to str
        Uri of what may be named.

    Returns
    -------
    trials : GivenTrials
        Those of which both sides are known.

    Raises
    ------
    UserError
        Naming the line that is malformed, or when no trial is left.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "trials.txt"
    >>> _ = path.write_text("1 ann/1.wav ann/2.wav\n0 ann/1.wav eve/1.wav\n")
    >>> trials = read_given_trials(path, {"ann/1": "ann/1", "ann/2": "ann/2"})
    >>> trials.labels, trials.first, trials.second
    (array([1]), ['ann/1'], ['ann/2'])
    >>> trials.unknown[0].partition(": ")[2]
    "1 of 2 trials names a recording that is not here ('eve/1.wav' in line 2), and is left out."
    """
    return among_known([_labelled(path)], known)


def is_trial_list(path: Path) -> bool:
    r"""Tell whether the first line of a file is a trial, or a pair without a label.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "trials.txt"
    >>> _ = path.write_text("ann/1 ann/2 target\n")
    >>> is_trial_list(path)
    True
    """
    for _, line in content_lines(path):
        fields = line.replace(",", " ").split()
        labels = [fields[0], fields[-1]]
        return len(_pair(line)) == 2 or (
            len(fields) == 3 and any(word.lower().encode() in LABELS for word in labels)
        )
    return False


def trial_sets(paths: Sequence[Path]) -> list[list[TrialLines]]:
    r"""Read files of trials, putting together the pairs of clients and those of impostors.

    Parameters
    ----------
    paths : sequence of Path
        Files of lines `1 a b` or `a b target`, or of lines `a b` with "clients" (targets) or
        "impostors" (non-targets) in their names. Those that are called the same but for this
        word belong together.

    Returns
    -------
    sets : list of list of TrialLines

    Raises
    ------
    UserError
        Naming the line that is malformed; when a name does not tell whose pairs they are; when
        the impostors to some clients are missing, or the clients to some impostors.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "clients.txt").write_text("ann/1.wav ann/2.wav\n")
    >>> _ = (folder / "impostors.txt").write_text("ann/1.wav bob/1.wav\n")
    >>> (both,) = trial_sets(sorted(folder.iterdir()))
    >>> [part.labels for part in both]
    [array([1]), array([0])]
    """
    sets: list[list[TrialLines]] = []
    together: dict[Path, dict[int, Path]] = {}
    for path in paths:
        if not _holds_pairs(path):
            sets.append([_labelled(path)])
            continue
        # "nontargets" holds "targets".
        word, label = (_IMPOSTORS, 0) if _IMPOSTORS.search(path.name) else (_CLIENTS, 1)
        if not word.search(path.name):
            raise UserError(
                f"'{path}' holds pairs without labels, and its name does not tell whose: call it "
                "clients or impostors, or write 1 or 0 in front of each pair."
            )
        both = together.setdefault(path.with_name(word.sub("*", path.name)), {})
        if label in both:
            raise UserError(f"'{both[label]}' and '{path}' are both lists of the same: give one.")
        both[label] = path
    for both in together.values():
        if len(both) < 2:
            ((label, path),) = both.items()
            raise UserError(
                f"'{path}' goes with a list of {'impostors' if label else 'clients'}, called the "
                "same but for that word: give that too."
            )
        sets.append([_unlabelled(both[label], label) for label in (1, 0)])
    return sets


def among_known(parts: Sequence[TrialLines], known: Mapping[str, str]) -> GivenTrials:
    """Keep the trials of which both sides are known.

    Parameters
    ----------
    parts : sequence of TrialLines
        That belong together.
    known : mapping of str to str
        Uri of what may be named.

    Raises
    ------
    UserError
        When one of the files compares nothing that is known.
    """
    first: list[str] = []
    second: list[str] = []
    labels, sentences = [], []
    names_known = KnownNames(known)
    for part in parts:
        uris = [names_known.find(name) for name in part.names]
        there = np.array([uri is not None for uri in uris])[part.pairs]
        kept = there.all(axis=1)
        if not kept.all():
            sentences.append(_what_is_unknown(part, there))
        labels.append(part.labels[kept])
        for side, names in zip(part.pairs[kept].T, (first, second), strict=True):
            names.extend(str(uris[row]) for row in side.tolist())
    source = str(parts[0].source)
    return GivenTrials(source, np.concatenate(labels), first, second, tuple(sentences))


def _what_is_unknown(part: TrialLines, there: np.ndarray) -> str:
    """Say how many trials name what is not here, which is the first, or that all of them do."""
    missing = np.flatnonzero(~there.all(axis=1))
    name = part.names[part.pairs[missing[0]][int(np.argmin(there[missing[0]]))]]
    where = f"('{name}' in line {part.lines[missing[0]]})"
    total, count = len(there), len(missing)
    if count == total:
        raise UserError(
            f"'{part.source}': none of its {total:,} trials compares recordings that are here "
            f"{where}: give the list that belongs to them."
        )
    tells = "names a recording that is" if count == 1 else "name recordings that are"
    verb = "is" if count == 1 else "are"
    return (
        f"'{part.source}': {count:,} of {total:,} trials {tells} not here {where}, and {verb} "
        "left out."
    )


def _labelled(path: Path) -> TrialLines:
    table = read_table(path, scores=False)
    assert table.labels is not None
    return TrialLines(path, table.names, table.pairs, table.labels, table.lines)


def _holds_pairs(path: Path) -> bool:
    """Tell whether a file holds pairs without labels: two names in its first line."""
    for _, line in content_lines(path):
        return len(_pair(line)) == 2
    return False


def _pair(line: str) -> list[str]:
    """Split a line at its tab, where names hold spaces, or at spaces."""
    return [name.strip() for name in line.split("\t")] if line.count("\t") == 1 else line.split()


def _unlabelled(path: Path, label: int) -> TrialLines:
    rows: dict[str, int] = {}
    pairs, lines = [], []
    for number, line in content_lines(path):
        names = _pair(line)
        if len(names) != 2:
            raise UserError(f"'{path}', line {number}: expected two names, found '{line}'.")
        pairs.append([rows.setdefault(name, len(rows)) for name in names])
        lines.append(number)
    labels = np.full(len(pairs), label)
    return TrialLines(path, list(rows), np.array(pairs), labels, np.array(lines))
