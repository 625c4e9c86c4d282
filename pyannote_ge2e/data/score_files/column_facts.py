"""What can be told of a column from its values: numbers, labels, or names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["LABELS", "ColumnCounts", "ColumnFacts", "as_numbers", "is_number"]

# Values of a block that are looked at one by one when not all are numbers, or labels.
_SAMPLE = 100

LABELS: dict[bytes, int] = {
    **dict.fromkeys(
        [b"1", b"1.0", b"target", b"tgt", b"tar", b"genuine", b"client", b"true", b"same"], 1
    ),
    **dict.fromkeys([b"0", b"0.0", b"nontarget", b"non-target", b"nontgt", b"non", b"false"], 0),
    **dict.fromkeys([b"imp", b"impostor", b"imposter", b"diff", b"different"], 0),
}
"""What the words of a label column mean, in lower case."""


@dataclass
class ColumnFacts:
    """What is known of the values of a column.

    Attributes
    ----------
    number, label : bool
        Whether all values are numbers, and words (or 0 and 1) of a label column.
    whole : bool
        Whether all are whole numbers.
    mostly_number, mostly_label : bool
        Whether that holds of more than half of the values.
    """

    number: bool
    label: bool
    whole: bool
    mostly_number: bool
    mostly_label: bool


class ColumnCounts:
    """How many values of a column are numbers and labels."""

    def __init__(self) -> None:
        self.total = self.numbers = self.labels = 0
        self.whole = True

    def add(self, column: Sequence[bytes]) -> None:
        """Look at a block. Where some values are neither, a sample tells how many."""
        self.total += len(column)
        words = set(column)
        if len(words) <= len(LABELS) * 2 and all(word.lower() in LABELS for word in words):
            self.labels += len(column)
        else:
            sample = column[:: max(1, len(column) // _SAMPLE)]
            share = sum(word.lower() in LABELS for word in sample) / len(sample)
            self.labels += min(int(share * len(column)), len(column) - 1)
        try:
            values = as_numbers(column)
        except ValueError:
            sample = column[:: max(1, len(column) // _SAMPLE)]
            share = sum(map(is_number, sample)) / len(sample)
            self.numbers += min(int(share * len(column)), len(column) - 1)
        else:
            self.numbers += len(column)
            self.whole = self.whole and bool(np.all(values == np.floor(values)))

    def facts(self) -> ColumnFacts:
        """What follows from the counts."""
        number, label = self.numbers == self.total, self.labels == self.total
        return ColumnFacts(
            number=number,
            label=label,
            whole=number and self.whole,
            mostly_number=self.numbers > self.total / 2,
            mostly_label=self.labels > self.total / 2,
        )


def as_numbers(column: Sequence[bytes]) -> np.ndarray:
    """Values of a column of numbers: ValueError when one is none."""
    # Python reads "1_2" as 12: here it is a name.
    if b"_" in b"".join(column):
        raise ValueError
    return np.fromiter(map(float, column), np.float64, len(column))


def is_number(word: bytes) -> bool:
    """Tell whether a word is a number."""
    try:
        as_numbers([word])
    except ValueError:
        return False
    return True
