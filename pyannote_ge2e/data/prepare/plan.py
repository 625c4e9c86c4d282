"""What a layout finds on disk, and which protocols it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

__all__ = ["Corpus", "GivenTrials", "LeftOut", "ProtocolPlan", "Recording", "SubsetPlan"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not in the lists, and why.

    Attributes
    ----------
    path : str
        File or folder, within the corpus.
    reason : str
    files : int
        How many files this stands for.
    """

    path: str
    reason: str
    files: int = 1

    @property
    def name(self) -> str:
        """The path on one line, whatever is in it, and how many more it stands for."""
        printable = (
            c if c.isprintable() else c.encode("unicode_escape").decode() for c in self.path
        )
        return "".join(printable) + (f" (and {self.files - 1:,} more)" if self.files > 1 else "")


@dataclass(frozen=True, slots=True)
class Recording:
    """An audio file, and who speaks in it.

    Attributes
    ----------
    uri : str
        Its name in lists and trials: unique in the corpus, and fit for pyannote's lists.
    path : str
        Absolute path of the file.
    template : str
        What `Databases` says to find it, such as "/data/voices/{uri}.wav"; empty when no template
        leads from the uri to the path, which then needs a link.
    speaker : str
    group : str
        Part of the corpus it belongs to, for `SubsetPlan`.
    gender : str
        "f", "m", or nothing when it is not known.
    others : tuple of LeftOut
        The same recording in other formats, in the order in which they would be taken.
    """

    uri: str
    path: str
    template: str
    speaker: str
    group: str = ""
    gender: str = ""
    others: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class GivenTrials:
    """Trials from a file, by uri.

    Attributes
    ----------
    source : str
        Path of the file, for messages.
    labels : (T,) int array
        1 for targets.
    first, second : lists of T str
        Uris of known recordings.
    unknown : tuple of str
        What was said of trials that name unknown files and were left out, one sentence each.
    """

    source: str
    labels: np.ndarray
    first: list[str]
    second: list[str]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class SubsetPlan:
    """What a subset is made of.

    Attributes
    ----------
    groups : tuple of str
        Its recordings are those of these groups.
    trials : GivenTrials, "make" or None
        Trials as they are given, to be drawn, or none at all.
    """

    groups: tuple[str, ...]
    trials: GivenTrials | Literal["make"] | None = None


@dataclass(frozen=True)
class ProtocolPlan:
    """A protocol to declare.

    Attributes
    ----------
    name : str
        Last part of its name, such as "All" or "VoxCeleb1".
    subsets : mapping of str to SubsetPlan
        "train", "development" and "test", those there are.
    split : tuple of str
        Subsets whose groups are the same and whose speakers are shared out at random.
    """

    name: str
    subsets: Mapping[str, SubsetPlan]
    split: tuple[str, ...] = ()


@dataclass
class Corpus:
    """What a layout found.

    Attributes
    ----------
    layout : str
        Its name, such as "voxceleb".
    name : str
        Name of the database, unless another is asked for.
    recordings : list of Recording
        Sorted by uri.
    protocols : list of ProtocolPlan
    left_out : list of LeftOut
    notes : list of str
        What one should know, one sentence each: what is missing, above all.
    """

    layout: str
    name: str
    recordings: list[Recording]
    protocols: list[ProtocolPlan]
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
