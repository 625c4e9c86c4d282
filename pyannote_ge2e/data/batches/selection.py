"""Which speakers of an index can fill a batch, and which of them share one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pyannote_ge2e.data.batches.schedule import SpeakerSchedule
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.errors import UserError

Short = Literal["join", "repeat", "skip"]
BatchFrom = Literal["any", "database"]
BatchShare = Literal["speakers", "speech"]


@dataclass
class Selection:
    """Speakers to train on.

    Attributes
    ----------
    speakers : (C,) int array
        Their rows in `index.speakers`; a speaker's class is its position here.
    corpora : list of int arrays
        Classes that may share a batch.
    shares : list of float, optional
        How often each corpus gives a batch; by default, in proportion to its speakers.
    remarks : list of str
        What the user should know, one sentence each.
    """

    speakers: np.ndarray
    corpora: list[np.ndarray]
    shares: list[float] | None = None
    remarks: list[str] = field(default_factory=list)

    def schedule(self, num_classes: int, key: tuple[int, ...]) -> SpeakerSchedule:
        """Tell which speakers share which batch, N (`num_classes`) at a time."""
        return SpeakerSchedule(self.corpora, num_classes, key, self.shares)


def select_speakers(
    index: Index,
    duration: float,
    num_classes_per_batch: int,
    label_min_duration: float = 0.0,
    short: Short = "join",
    batch_from: BatchFrom = "any",
    batch_share: BatchShare = "speakers",
    least: float = 1e-3,
) -> Selection:
    """Leave out who cannot be trained on, and say so.

    Parameters
    ----------
    index : Index
    duration : float
        Longest chunk, in seconds.
    num_classes_per_batch : int
        Speakers wanted in a batch.
    label_min_duration : float
        Speakers with less speech, in seconds, are left out.
    short : {"join", "repeat", "skip"}
        With "skip", utterances shorter than `duration` are left out, and who has no other.
    batch_from : {"any", "database"}
        With "database", a batch holds speakers of one corpus.
    batch_share : {"speakers", "speech"}
        Corpora give batches in proportion to their speakers, or to their speech.
    least : float
        Utterances shorter than that, in seconds, hold nothing to learn from.

    Returns
    -------
    selection : Selection

    Raises
    ------
    UserError
        If fewer than two speakers are left.
    """
    speech = index.speech(max(shortest_usable(duration, short), least - 1e-6))
    if not speech.any():
        raise UserError(
            f"No utterance is as long as a chunk of {duration:g} s (the longest has "
            f"{index.durations.max():g} s): choose a shorter 'duration', or 'short: join'."
        )
    speakers = np.flatnonzero((speech > 0) & (speech >= label_min_duration))
    if len(speakers) < 2:
        raise UserError(
            f"Training needs two speakers at least, and {len(speakers)} of {len(index.speakers)} "
            f"{'has' if len(speakers) == 1 else 'have'} enough speech: check the annotation, "
            "'label_min_duration' and 'short'."
        )
    remarks = []
    shares = None
    if batch_from == "any":
        corpora = [np.arange(len(speakers))]
    else:
        speakers, corpora, lonely = _by_database(index, speakers)
        if lonely:
            remarks.append(f"Left out, having a single speaker: {', '.join(lonely)}.")
        if not corpora:
            raise UserError(
                "No database has two speakers to put in a batch: choose 'batch_from: any'."
            )
        if batch_share == "speech":
            shares = [float(speech[speakers[corpus]].sum()) for corpus in corpora]
    fewest = min(map(len, corpora))
    if fewest < num_classes_per_batch:
        remarks.append(
            f"Batches hold {fewest} speakers instead of {num_classes_per_batch}"
            + (": there are no more." if len(corpora) == 1 else " for the smallest database.")
        )
    return Selection(speakers, corpora, shares, remarks)


def usable_utterances(durations: np.ndarray, duration: float, short: Short) -> np.ndarray:
    """Mask of the utterances that can be drawn from, (U,)."""
    return durations >= shortest_usable(duration, short)


def shortest_usable(duration: float, short: Short) -> float:
    """Seconds of the shortest utterance that can be drawn from.

    A microsecond is granted: annotations are written in decimals.
    """
    return duration - 1e-6 if short == "skip" else np.nextafter(1e-3, 1.0)


def _by_database(
    index: Index, speakers: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray], list[str]]:
    """Speakers and classes by database, without databases of a single speaker."""
    database = index.speaker_database[speakers]
    count = np.bincount(database, minlength=len(index.databases))
    lonely = [index.databases[row] for row in np.flatnonzero(count == 1).tolist()]
    kept = count[database] > 1
    speakers, database = speakers[kept], database[kept]
    return speakers, [np.flatnonzero(database == row) for row in np.unique(database)], lonely
