"""The protocol of a corpus that has one: subsets as they are, or speakers to be shared out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pyannote_ge2e.data.prepare.layouts.options import Options
from pyannote_ge2e.data.prepare.plan import Corpus, ProtocolPlan, Recording, SubsetPlan

__all__ = ["SUBSETS", "one_protocol", "shared_speakers"]

SUBSETS = ("train", "development", "test")


def one_protocol(corpus: Corpus, options: Options, renamed: Mapping[str, str]) -> Corpus:
    """Give the corpus its protocol, from the groups of its recordings.

    Parameters
    ----------
    corpus : Corpus
        Its recordings' groups are subsets, or all are empty.
    options : Options
    renamed : mapping of str to str
        Uri of what trials call otherwise.

    Returns
    -------
    corpus : Corpus
        The same.
    """
    groups = {recording.group for recording in corpus.recordings}
    split = () if groups - {""} else SUBSETS
    subsets = {
        subset: SubsetPlan(("",) if split else (subset,), None if subset == "train" else "make")
        for subset in SUBSETS
        if split or subset in groups
    }
    corpus.protocols.append(ProtocolPlan("All", subsets, split))
    return corpus


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
        f"{len(shared)} speaker(s) are in more than one subset ({names}): error rates will be too "
        "good. Move each to one subset, or rename those who are different people."
    ]
