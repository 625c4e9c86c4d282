"""Many strings as two flat arrays, so that workers map them from disk instead of copying them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

import numpy as np


class StringTable:
    """Read-only list of strings: one block of UTF-8 and where each string starts in it.

    A million paths weigh their bytes plus eight per path, against about 150 bytes each as Python
    objects, and nothing is read before it is asked for.

    Parameters
    ----------
    blob : (B,) uint8 array
    offsets : (n + 1,) int64 array

    Examples
    --------
    >>> table = StringTable.of(["alice", "zoë"])
    >>> table[1], len(table), list(table)
    ('zoë', 2, ['alice', 'zoë'])
    """

    def __init__(self, blob: np.ndarray, offsets: np.ndarray) -> None:
        self.blob = blob
        self.offsets = offsets

    @classmethod
    def of(cls, strings: Iterable[str]) -> StringTable:
        """Build a table from strings."""
        blob = bytearray()
        offsets = array("q", [0])
        for string in strings:
            # File names that are not UTF-8 survive the round trip.
            blob += string.encode("utf-8", "surrogateescape")
            offsets.append(len(blob))
        return cls(np.frombuffer(bytes(blob), np.uint8), np.array(offsets, np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, item: int) -> str:
        if not -len(self) <= item < len(self):
            raise IndexError(item)
        item %= len(self)
        start, end = self.offsets[item], self.offsets[item + 1]
        return self.blob[start:end].tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[item] for item in range(len(self)))
