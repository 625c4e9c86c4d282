"""The trials of a subset: those that were given, as they are, or drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.prepare.make_trials import Wanted, make_trials
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials
from pyannote_ge2e.data.prepare.split import SUBSETS
from pyannote_ge2e.data.prepare.subsets import Subset
from pyannote_ge2e.data.trials.themselves import with_themselves

__all__ = ["SubsetTrials", "subset_trials", "write_trials"]

_BLOCK = 100_000  # lines that are made at a time


class SubsetTrials(NamedTuple):
    """Trials of a subset.

    Attributes
    ----------
    labels : (T,) int array
        1 for targets.
    pairs : (T, 2) int array
        What they compare, by row of the corpus.
    """

    labels: np.ndarray
    pairs: np.ndarray


def subset_trials(
    corpus: Corpus, subset: Subset, wanted: Wanted, same_gender: bool, seed: int
) -> tuple[SubsetTrials | None, list[str]]:
    """Take or draw the trials of a subset.

    Parameters
    ----------
    corpus : Corpus
    subset : Subset
    wanted : int, pair of int, or "all"
        How many to draw, see `make_trials`.
    same_gender : bool
        Whether those that are drawn compare speakers of one gender.
    seed : int

    Returns
    -------
    trials : SubsetTrials or None
        None if the subset has none, or if they would not make an error rate.
    notes : list of str
        What one should know of them.

    Examples
    --------
    >>> from pyannote_ge2e.data.prepare.plan import Recording
    >>> speakers = ["ann", "ann", "bob", "bob"]
    >>> recordings = [Recording(f"{n}", "", "", speaker) for n, speaker in enumerate(speakers)]
    >>> corpus = Corpus("folder", "Voices", recordings, [])
    >>> trials, _ = subset_trials(corpus, Subset("All", "test", np.arange(4), "make"), 2, False, 0)
    >>> trials.labels
    array([1, 0])
    """
    if subset.trials is None:
        return None, []
    if isinstance(subset.trials, GivenTrials):
        return _given(corpus, subset, subset.trials)
    return _made(corpus, subset, wanted, same_gender, seed)


def write_trials(path: Path, trials: SubsetTrials, corpus: Corpus) -> None:
    """Write trials in lines such as `1 ann/1 ann/2`."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_lines(trials, corpus))


def _lines(trials: SubsetTrials, corpus: Corpus) -> Iterator[str]:
    recordings = corpus.recordings
    for start in range(0, len(trials.labels), _BLOCK):
        labels, pairs = (part[start : start + _BLOCK].tolist() for part in trials)
        for label, (first, second) in zip(labels, pairs, strict=True):
            yield f"{label} {recordings[first].uri} {recordings[second].uri}\n"


def _given(
    corpus: Corpus, subset: Subset, given: GivenTrials
) -> tuple[SubsetTrials | None, list[str]]:
    notes = list(given.unknown)
    row_of = {corpus.recordings[row].uri: row for row in subset.rows.tolist()}
    pairs = np.array(
        [
            [row_of.get(first, -1), row_of.get(second, -1)]
            for first, second in zip(given.first, given.second, strict=True)
        ],
        np.int64,
    ).reshape(-1, 2)
    labels = np.asarray(given.labels)
    kept = pairs.min(axis=1) >= 0
    if not kept.all():
        where = int(np.argmin(kept))
        lost = given.first[where] if pairs[where, 0] < 0 else given.second[where]
        notes.append(
            f"'{given.source}': {len(kept) - kept.sum():,} of {len(kept):,} trials name recordings "
            f"that cannot be used ('{lost}', for one), and are left out."
        )
    trials = SubsetTrials(labels[kept], pairs[kept])
    if not 0 < trials.labels.sum() < len(trials.labels):
        notes.append(
            f"'{given.source}': what is left are not both target and non-target trials, and an "
            f"error rate needs both. {subset.name} of {subset.protocol} has no trials."
        )
        return None, notes
    notes += with_themselves(
        trials.pairs, lambda row: corpus.recordings[row].uri, f"'{given.source}'"
    )
    notes += _contradictions(corpus, trials, given)
    return trials, notes


def _contradictions(corpus: Corpus, trials: SubsetTrials, given: GivenTrials) -> list[str]:
    """Say which trials hold another opinion of who speaks than the corpus."""
    denied = []
    for label, (one, other) in zip(trials.labels.tolist(), trials.pairs.tolist(), strict=True):
        first, second = corpus.recordings[one], corpus.recordings[other]
        if (first.speaker == second.speaker) != (label == 1):
            denied.append((label, first.uri, second.uri))
    if not denied:
        return []
    label, one_uri, other_uri = denied[0]
    return [
        f"'{given.source}': {len(denied):,} of {len(trials.labels):,} trials contradict the "
        f"corpus, and are kept ('{label} {one_uri} {other_uri}', for one)."
    ]


def _made(
    corpus: Corpus, subset: Subset, wanted: Wanted, same_gender: bool, seed: int
) -> tuple[SubsetTrials | None, list[str]]:
    members = [corpus.recordings[row] for row in subset.rows.tolist()]
    notes = []
    genders = [member.gender for member in members] if same_gender else None
    if genders is not None:
        unknown = {member.speaker for member in members if not member.gender}
        if unknown:
            notes.append(
                f"{len(unknown):,} of {len({member.speaker for member in members}):,} speakers of "
                f"{subset.name} are in no non-target trial: their gender is not known."
            )
    pairs, labels = make_trials(
        [member.speaker for member in members],
        wanted,
        [seed, SUBSETS.index(subset.name)],
        genders,
    )
    targets, others = int(labels.sum()), int(len(labels) - labels.sum())
    if not targets or not others:
        of_one = " of one gender" if same_gender else ""
        notes.append(
            f"No trials for {subset.name}: they take two speakers or more{of_one}, and one of "
            "them with two utterances or more."
        )
        return None, notes
    if isinstance(wanted, tuple) and (targets, others) != wanted:
        notes.append(
            f"There are no more than {targets:,} target and {others:,} non-target trials of the "
            f"{wanted[0]:,} and {wanted[1]:,} wanted for {subset.name}."
        )
    return SubsetTrials(labels, subset.rows[pairs]), notes
