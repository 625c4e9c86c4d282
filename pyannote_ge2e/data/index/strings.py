"""Many strings as two flat arrays, so that workers map them from disk instead of copying them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

__all__ = ["Lookup", "StringTable"]

_AT_ONCE = 1 << 14  # strings whose bounds are Python objects at the same time


class StringTable:
    """Read-only list of strings: one block of UTF-8 and where each string starts in it.

    A million paths weigh their bytes plus four per path, against about 150 bytes each as Python
    objects, and nothing is read before it is asked for.

    Parameters
    ----------
    blob : (B,) uint8 array
    offsets : (n + 1,) int array

    Examples
    --------
    >>> table = StringTable.of(["alice", "zoë"])
    >>> table[1], len(table), list(table)
    ('zoë', 2, ['alice', 'zoë'])
    """

    def __init__(self, blob: np.ndarray, offsets: np.ndarray) -> None:
        self.blob = blob
        small = offsets[-1] < np.iinfo(np.int32).max
        self.offsets = offsets.astype(np.int32 if small else np.int64, copy=False)

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

    @classmethod
    def joined(cls, tables: Sequence[StringTable]) -> StringTable:
        """Put the strings of several tables one after another."""
        if len(tables) == 1:
            return tables[0]
        bytes_before = np.cumsum([0, *(len(table.blob) for table in tables)])
        offsets = [
            table.offsets[1:] + before
            for table, before in zip(tables, bytes_before[:-1], strict=True)
        ]
        empty = np.zeros(0, np.uint8)
        return cls(
            np.concatenate([empty, *(table.blob for table in tables)]),
            np.concatenate([np.zeros(1, np.int64), *offsets]),
        )

    def kept(self, mask: np.ndarray) -> StringTable:
        """Those strings of which a mask, (n,) bool, is true."""
        lengths = np.diff(self.offsets)
        blob = self.blob[np.repeat(mask, lengths)]
        return StringTable(blob, np.concatenate([[0], np.cumsum(lengths[mask])]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, item: int) -> str:
        if not -len(self) <= item < len(self):
            raise IndexError(item)
        item %= len(self)
        start, end = self.offsets[item], self.offsets[item + 1]
        return self.blob[start:end].tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (string.decode("utf-8", "surrogateescape") for string in self._bytes())

    def _bytes(self) -> Iterator[bytes]:
        for first in range(0, len(self), _AT_ONCE):
            offsets = self.offsets[first : first + _AT_ONCE + 1]
            block = self.blob[offsets[0] : offsets[-1]].tobytes()
            for start, end in pairwise((offsets - offsets[0]).tolist()):
                yield block[start:end]

    def hashes(self) -> np.ndarray:
        """Number of each string, (n,) int64: the same for the same string, in this process."""
        return np.fromiter(map(hash, self._bytes()), np.int64, len(self))

    def duplicate(self) -> tuple[int, int] | None:
        """Rows of the first string that is there twice, if any is."""
        hashes = self.hashes()
        in_order = np.sort(hashes)
        suspects = set(in_order[1:][in_order[1:] == in_order[:-1]].tolist())
        seen: dict[str, int] = {}
        for row in np.flatnonzero(np.isin(hashes, list(suspects))).tolist() if suspects else ():
            first = seen.setdefault(self[row], row)
            if first != row:
                return first, row
        return None


class Lookup:
    """Finds the row of a string without an object for each.

    Parameters
    ----------
    strings : StringTable

    Examples
    --------
    >>> find = Lookup(StringTable.of(["alice", "zoë"]))
    >>> find("zoë"), find("bob")
    (1, None)
    """

    def __init__(self, strings: StringTable) -> None:
        self._strings = strings
        hashes = strings.hashes()
        self._rows = np.argsort(hashes)
        self._hashes = hashes[self._rows]

    def __call__(self, string: str) -> int | None:
        """Row of a string, or None."""
        wanted = hash(string.encode("utf-8", "surrogateescape"))
        place = int(np.searchsorted(self._hashes, wanted))
        while place < len(self._hashes) and self._hashes[place] == wanted:
            row = int(self._rows[place])
            if self._strings[row] == string:
                return row
            place += 1
        return None
