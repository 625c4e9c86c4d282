"""Long work cut into parts, so that an interruption costs a few seconds of it at most."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["growing_parts"]

Item = TypeVar("Item")


def growing_parts(
    items: Sequence[Item], smallest: int, largest: int, seconds: float
) -> Iterator[Sequence[Item]]:
    """Cut a list into parts that grow until each takes its time.

    Parameters
    ----------
    items : sequence
    smallest, largest : int
        Items in a part: those of the first, and the most.
    seconds : float
        What a part may take, between asking for it and asking for the next. Parts double as long
        as they take less than half of that.

    Yields
    ------
    part : sequence
        In order.

    Examples
    --------
    >>> [len(part) for part in growing_parts(range(20), smallest=2, largest=8, seconds=10.0)]
    [2, 4, 8, 6]
    """
    size, start = smallest, 0
    while start < len(items):
        began = time.monotonic()
        yield items[start : start + size]
        start += size
        if time.monotonic() - began < seconds / 2:
            size = min(2 * size, largest)
