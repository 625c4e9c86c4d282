"""Timing candidates in turns, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timings:
    """Seconds of each candidate in each turn.

    Examples
    --------
    >>> timings = Timings({"ours": [1.0, 2.0, 9.0], "peer": [3.0, 4.0, 18.0]})
    >>> timings.median("ours"), timings.ratio("peer", "ours")
    (2.0, 2.0)
    """

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Median seconds of a candidate."""
        return median(self.seconds[name])

    def ratio(self, name: str, to: str) -> float:
        """Median over the turns of the time of one candidate by that of another."""
        pairs = zip(self.seconds[name], self.seconds[to], strict=True)
        return median(one / other for one, other in pairs)


def time_in_turns(
    candidates: Mapping[str, Callable[[], object]],
    turns: int = 15,
    calls: int | Mapping[str, int] = 1,
    warm_up: int = 2,
) -> Timings:
    """Call every candidate once (or `calls` times) a turn and note how long it takes.

    Parameters
    ----------
    candidates : mapping
        Name to a function of no arguments.
    turns : int
        How often each candidate is timed.
    calls : int, or mapping of names to int
        Calls timed together, for candidates of less than a few milliseconds: what is timed for
        less than that pays for the caches that the candidate before it has emptied.
    warm_up : int
        Turns left out at the beginning.

    Returns
    -------
    timings : Timings
        Seconds a call.

    Examples
    --------
    >>> timings = time_in_turns({"ours": list, "peer": dict}, turns=3)
    >>> len(timings.seconds["peer"])
    3
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    gc.collect()
    collected = gc.isenabled()
    gc.disable()
    try:
        for turn in range(-warm_up, turns):
            for name, candidate in candidates.items():
                repeats = calls if isinstance(calls, int) else calls[name]
                start = time.perf_counter()
                for _ in range(repeats):
                    candidate()
                elapsed = (time.perf_counter() - start) / repeats
                if turn >= 0:
                    seconds[name].append(elapsed)
    finally:
        if collected:
            gc.enable()
    return Timings(seconds)


def verdict(passed: bool) -> str:
    """Word for the last column of a table.

    Examples
    --------
    >>> verdict(1.2 <= 1.5)
    'pass'
    """
    return "pass" if passed else "**miss**"
