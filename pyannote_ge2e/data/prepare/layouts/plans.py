"""The protocol of a corpus that has one: subsets as they are, or speakers to be shared out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from pyannote_ge2e.data.prepare.given_trials import TrialLines, among_known
from pyannote_ge2e.data.prepare.layouts.found import Found
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials, ProtocolPlan, Recording, SubsetPlan
from pyannote_ge2e.errors import UserError

__all__ = ["one_protocol", "rest_for_training", "shared_speakers", "subset_named"]

_SUBSETS = ("train", "development", "test")
_SUBSET_WORDS = {
    "train": re.compile(r"(?<![a-z])(?:train|training|trn)(?![a-z])"),
    "development": re.compile(r"(?<![a-z])(?:dev|development|val|valid|validation)(?![a-z])"),
    "test": re.compile(r"(?<![a-z])(?:test|tst|eval|evaluation)(?![a-z])"),
}


def subset_named(name: str) -> str:
    """Return the subset that the name of a file or folder tells, or nothing.

    Examples
    --------
    >>> subset_named("voxceleb1_test"), subset_named("valid.csv"), subset_named("contest")
    ('test', 'development', '')
    """
    subsets = [subset for subset, words in _SUBSET_WORDS.items() if words.search(name.lower())]
    return subsets[0] if len(subsets) == 1 else ""


def one_protocol(
    corpus: Corpus, sets: Sequence[Sequence[TrialLines]], known: Mapping[str, str]
) -> None:
    """Give the corpus its protocol, from the groups of its recordings and the trials given.

    Groups that are subsets stay as they are, and each list of trials goes to the subset of the
    recordings it names. Where there are no groups, the speakers of a list are held out for it, and
    the others shared out between the subsets that are left.

    Parameters
    ----------
    corpus : Corpus
        Its recordings' groups are subsets, or all are empty. Its protocols and notes are added to.
    sets : sequence of sequence of TrialLines
        Trials, as `trial_sets` reads them.
    known : mapping of str to str
        Uri of what trials call otherwise.

    Raises
    ------
    UserError
        When trials are malformed or unknown, or belong to no subset, or several lists to one.
    """
    uris = {**{r.uri: r.uri for r in corpus.recordings}, **known} if sets else {}
    given = [among_known(parts, uris) for parts in sets]
    trials: dict[str, GivenTrials] = {}
    if {recording.group for recording in corpus.recordings} <= {""}:
        for each in given:
            source = Path(each.source)
            # Kaldi's `trials` stand in the folder of their subset.
            subset = subset_named(source.parent.name if source.stem == "trials" else source.name)
            _place(trials, "development" if subset == "development" else "test", each)
        _hold_out(corpus, trials)
    else:
        group = {recording.uri: recording.group for recording in corpus.recordings}
        for each in given:
            _place(trials, *_within_a_subset(each, group))
    groups = {recording.group for recording in corpus.recordings}
    # Who is in no group is shared out between the subsets that no list of trials has taken.
    split = tuple(subset for subset in _SUBSETS if subset not in trials) if "" in groups else ()
    if len(split) == 1:
        split = ()
    subsets: dict[str, SubsetPlan] = {}
    for subset in _SUBSETS:
        if subset in split or subset in groups or (subset == "train" and "" in groups):
            where = subset if subset in groups else ""
            made: Literal["make"] | None = None if subset == "train" else "make"
            subsets[subset] = SubsetPlan((where,), trials.get(subset) or made)
    corpus.protocols.append(ProtocolPlan("All", subsets, split))


def shared_speakers(recordings: Iterable[Recording]) -> list[str]:
    """Say which speakers are in more than one subset, if any."""
    where: dict[str, set[str]] = defaultdict(set)
    for recording in recordings:
        where[recording.speaker].add(recording.group)
    shared = sorted(speaker for speaker, subsets in where.items() if len(subsets) > 1)
    if not shared:
        return []
    names = ", ".join(shared[:5]) + (", ..." if len(shared) > 5 else "")
    return [
        f"{len(shared):,} speaker(s) are in more than one subset ({names}): error rates will be "
        "too good. Move each to one subset, or rename those who are different people."
    ]


def rest_for_training(found: Sequence[Found], whose: str) -> tuple[list[Found], list[str]]:
    """Put what is in no subset into the training one, where others are in subsets.

    Parameters
    ----------
    found : sequence of Found
    whose : str
        What tells the subsets, for the note.

    Returns
    -------
    found : list of Found
    notes : list of str
    """
    if len({bool(file.group) for file in found}) < 2:
        return list(found), []
    roots = ", ".join(f"'{root}'" for root in sorted({f.root for f in found if not f.group}))
    return (
        [file if file.group else file._replace(group="train") for file in found],
        [f"What {whose} of {roots} put in no subset is for training."],
    )


def _place(trials: dict[str, GivenTrials], subset: str, new: GivenTrials) -> None:
    if subset in trials:
        raise UserError(
            f"Both '{trials[subset].source}' and '{new.source}' are trials of the {subset} subset: "
            "give one of them, or put 'dev' and 'test' in their names."
        )
    trials[subset] = new


def _hold_out(corpus: Corpus, trials: Mapping[str, GivenTrials]) -> None:
    """Move the speakers of given trials into the subset of these trials."""
    speaker = {recording.uri: recording.speaker for recording in corpus.recordings}
    held: dict[str, str] = {}
    for subset, given in trials.items():
        for uri in {*given.first, *given.second}:
            other = held.setdefault(speaker[uri], subset)
            if other != subset:
                raise UserError(
                    f"'{speaker[uri]}' speaks in the trials of '{given.source}' and in those of "
                    f"'{trials[other].source}': speakers of one subset must not be in another."
                )
    if held:
        corpus.recordings = [
            replace(recording, group=held[recording.speaker])
            if recording.speaker in held
            else recording
            for recording in corpus.recordings
        ]


def _within_a_subset(given: GivenTrials, group: Mapping[str, str]) -> tuple[str, GivenTrials]:
    """Return the subset of most recordings that some trials name, and the trials within it."""
    uris = {*given.first, *given.second}
    counts = Counter(group[uri] for uri in uris)
    subset = counts.most_common(1)[0][0]
    if subset == "train":
        raise UserError(
            f"'{given.source}' compares recordings of the training subset: give trials of "
            "development or test."
        )
    kept = np.array(
        [
            group[first] == group[second] == subset
            for first, second in zip(given.first, given.second, strict=True)
        ]
    )
    if kept.all():
        return subset, given
    rows = np.flatnonzero(kept).tolist()
    sentence = (
        f"'{given.source}': {len(kept) - len(rows):,} of {len(kept):,} trials name recordings of "
        f"another subset than {subset}, and are left out."
    )
    return subset, GivenTrials(
        given.source,
        given.labels[kept],
        [given.first[row] for row in rows],
        [given.second[row] for row in rows],
        (*given.unknown, sentence),
    )
