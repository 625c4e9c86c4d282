"""Which recordings make up each subset of each protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials, LeftOut, ProtocolPlan
from pyannote_ge2e.data.prepare.split import SUBSETS, check_ratios, shuffled, split_speakers
from pyannote_ge2e.errors import UserError

__all__ = ["RATIOS", "Choice", "Subset", "choose_subsets"]

RATIOS = (0.8, 0.1, 0.1)
"""Shares of the speakers for train, development and test."""


@dataclass(frozen=True)
class Choice:
    """Which speakers to take, and where to.

    Attributes
    ----------
    min_utterances : int
        Speakers with fewer are left out.
    min_seconds : float
        So are speakers with less speech.
    data_ratio : float
        Share of the speakers of each subset to keep.
    ratios : three floats, optional
        Shares of the speakers for train, development and test, where it is not the corpus that
        says who is in which. Defaults to `RATIOS`.
    seed : int
        Same seed, same choice.

    Raises
    ------
    UserError
        When a ratio makes no sense.
    """

    min_utterances: int = 1
    min_seconds: float = 0.0
    data_ratio: float = 1.0
    ratios: Sequence[float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.data_ratio <= 1:
            raise UserError(
                f"A data ratio of {self.data_ratio:g} makes no sense: expected (0, 1] "
                "(--data-ratio)."
            )
        check_ratios(RATIOS if self.ratios is None else self.ratios)


class Subset(NamedTuple):
    """Recordings of a subset.

    Attributes
    ----------
    protocol, name : str
    rows : (U,) int array
        Where they are in the recordings of the corpus, ascending.
    trials : GivenTrials, "make" or None
        Their trials, as in `SubsetPlan`.
    """

    protocol: str
    name: str
    rows: np.ndarray
    trials: GivenTrials | Literal["make"] | None


def choose_subsets(
    corpus: Corpus, milliseconds: np.ndarray, choice: Choice
) -> tuple[list[Subset], list[LeftOut], list[str]]:
    """Choose the recordings of each subset of a corpus.

    A subset whose trials are given is taken whole: its trials name its recordings.

    Parameters
    ----------
    corpus : Corpus
    milliseconds : (R,) int array
        Durations of its recordings, 0 for what cannot be used.
    choice : Choice

    Returns
    -------
    subsets : list of Subset
        Those that are not empty, protocol by protocol.
    left_out : list of LeftOut
        Recordings of speakers of whom there is too little.
    notes : list of str
        What is missing, one sentence each.

    Raises
    ------
    UserError
        When all shares are of subsets between which speakers are not split.

    Examples
    --------
    >>> from pyannote_ge2e.data.prepare.plan import Recording, SubsetPlan
    >>> recordings = [Recording(f"{n}", f"/{n}.wav", "/{uri}.wav", "ann") for n in range(3)]
    >>> plan = ProtocolPlan("All", {"train": SubsetPlan(("",))})
    >>> corpus = Corpus("folder", "Voices", recordings, [plan])
    >>> [train], left_out, _ = choose_subsets(corpus, np.array([900, 0, 700]), Choice())
    >>> train.rows
    array([0, 2])
    """
    chooser = _Chooser(corpus, milliseconds, choice)
    subsets = [subset for plan in corpus.protocols for subset in chooser.subsets(plan)]
    notes = [*chooser.notes, *_missing({subset.name for subset in subsets} | chooser.empty)]
    if choice.ratios is not None and not any(plan.split for plan in corpus.protocols):
        notes.append("Subsets are those of the corpus: speakers were not split.")
    return subsets, chooser.left_out(subsets), notes


class _Chooser:
    def __init__(self, corpus: Corpus, milliseconds: np.ndarray, choice: Choice) -> None:
        self.corpus, self.choice = corpus, choice
        self.ratios = RATIOS if choice.ratios is None else choice.ratios
        self.notes: list[str] = []
        self.empty: set[str] = set()  # names of subsets, once it is said why
        self.groups, self.group = _codes(recording.group for recording in corpus.recordings)
        self.names, self.speaker = _codes(recording.speaker for recording in corpus.recordings)
        self.usable = milliseconds > 0
        self.seconds = np.bincount(self.speaker, milliseconds / 1000, len(self.names))
        self.counts = np.bincount(self.speaker[self.usable], minlength=len(self.names))
        enough = (self.counts >= choice.min_utterances) & (self.seconds >= choice.min_seconds)
        self.enough = self.usable & enough[self.speaker]
        place = {name: k for k, name in enumerate(shuffled(self.names, choice.seed, "ratio"))}
        self.rank = np.array([place[name] for name in self.names], np.int64)

    def subsets(self, plan: ProtocolPlan) -> Iterable[Subset]:
        subset_of = self._split(plan)
        for name in SUBSETS:
            if name not in plan.subsets:
                continue
            its = plan.subsets[name]
            given = isinstance(its.trials, GivenTrials)
            rows = self._rows(its.groups, self.usable if given else self.enough)
            if name in plan.split:
                rows = rows[subset_of[self.speaker[rows]] == name]
            if not given and self.choice.data_ratio < 1:
                rows = self._some(rows, plan.name, name)
            if len(rows):
                yield Subset(plan.name, name, rows, its.trials)
            else:
                self._note_empty(plan, name)

    def left_out(self, subsets: list[Subset]) -> list[LeftOut]:
        """Say which recordings have too little of their speaker to be used."""
        too_few = self.usable & ~self.enough
        for subset in subsets:
            too_few[subset.rows] = False
        return [
            LeftOut(self.corpus.recordings[row].path, self._too_few(self.speaker[row]))
            for row in np.flatnonzero(too_few).tolist()
        ]

    def _too_few(self, speaker: int) -> str:
        count, least = self.counts[speaker], self.choice.min_utterances
        if count < least:
            return f"its speaker has {count:,} utterance(s), and {least:,} are the least wanted"
        least_seconds = self.choice.min_seconds
        return (
            f"its speaker has {self.seconds[speaker]:.1f} s of speech, and {least_seconds:g} s "
            "are the least wanted"
        )

    def _rows(self, groups: Sequence[str], among: np.ndarray) -> np.ndarray:
        wanted = np.array([group in groups for group in self.groups], bool)
        return np.flatnonzero(wanted[self.group] & among)

    def _split(self, plan: ProtocolPlan) -> np.ndarray:
        """Return the subset of every speaker, for the subsets between which they are split."""
        subset_of = np.full(len(self.names), "", dtype="U11")
        if not plan.split:
            return subset_of
        rows = self._rows(plan.subsets[plan.split[0]].groups, self.enough)
        counts = Counter(self.speaker[rows].tolist())
        wanted = dict(zip(SUBSETS, self.ratios, strict=True))
        shares = [wanted[subset] if subset in plan.split else 0.0 for subset in SUBSETS]
        if not sum(shares):
            raise UserError(
                f"{plan.name} shares speakers out between {' and '.join(plan.split)}: give one of "
                "them a share (--split)."
            )
        found = split_speakers(
            {self.names[code]: count for code, count in counts.items()},
            [share / sum(shares) for share in shares],
            self.choice.seed,
        )
        for code in counts:
            subset_of[code] = found[self.names[code]]
        return subset_of

    def _some(self, rows: np.ndarray, protocol: str, subset: str) -> np.ndarray:
        """Keep a share of the speakers, of which smaller shares are parts."""
        speakers = np.unique(self.speaker[rows])
        few = max(round(self.choice.data_ratio * len(speakers)), min(2, len(speakers)))
        kept = speakers[np.argsort(self.rank[speakers])[:few]]
        self.notes.append(
            f"{len(kept):,} of {len(speakers):,} speakers are taken for {subset}"
            f"{self._of(protocol)} (data ratio {self.choice.data_ratio:g})."
        )
        return rows[np.isin(self.speaker[rows], kept)]

    def _note_empty(self, plan: ProtocolPlan, subset: str) -> None:
        if subset not in plan.split:
            reason = "nothing that belongs to it can be used"
        elif dict(zip(SUBSETS, self.ratios, strict=True))[subset]:
            count = len(
                np.unique(self.speaker[self._rows(plan.subsets[subset].groups, self.enough)])
            )
            reason = f"{count:,} speakers are too few, or too few of them have two utterances"
        else:
            return
        self.empty.add(subset)
        self.notes.append(f"No {subset} subset{self._of(plan.name)}: {reason}.")

    def _of(self, protocol: str) -> str:
        return f" of {protocol}" if len(self.corpus.protocols) > 1 else ""


def _codes(words: Iterable[str]) -> tuple[list[str], np.ndarray]:
    """Return the different words, and which of them each one is."""
    known: dict[str, int] = {}
    codes = np.fromiter((known.setdefault(word, len(known)) for word in words), np.int64)
    return list(known), codes


def _missing(names: Collection[str]) -> list[str]:
    """Say what no protocol has, of subsets that nothing was said of."""
    if "train" not in names:
        return ["No training subset: there is nothing to train on, only to test."]
    if "development" not in names:
        return ["No development subset: training will not be validated as it goes."]
    return []
