"""How many processes read audio."""

from __future__ import annotations

import os

# More do not help: reading a chunk takes microseconds, and each worker takes memory.
_MOST = 8


def num_workers(parallel: int | None) -> int:
    """Number of worker processes: as asked, else one less than the CPUs, 8 at most.

    Examples
    --------
    >>> num_workers(3)
    3
    """
    if parallel is not None:
        return parallel
    return min(_MOST, (os.cpu_count() or 1) - 1)
