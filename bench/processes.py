"""Memory of whole processes, above what their imports have taken already."""

from __future__ import annotations

import multiprocessing
import pickle
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MB = 1e6


@dataclass
class Memory:
    """Peak above what there was at first, once measured."""

    mb: float = 0.0


@contextmanager
def peak_above() -> Iterator[Memory]:
    """Measure the peak of resident memory within a block, above that before it.

    Examples
    --------
    >>> with peak_above() as memory:
    ...     block = bytearray(range(256)) * 400_000
    >>> memory.mb > 50
    True
    """
    memory = Memory()
    before = _forget_peak()
    yield memory
    memory.mb = (_peak() - before) / MB


def _forget_peak() -> float:
    """Bytes that are resident now, from which the peak is counted from now on where Linux helps."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> float:
    if Path("/proc/self/status").is_file():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def proportional(
    prepare: Callable[[Path], Callable[[], Any]], folder: Path, processes: int
) -> dict[str, float]:
    """Memory that processes take which do the same at the same time.

    Parameters
    ----------
    prepare : callable
        Does the imports, and gives what to run.
    folder : Path
        What it is called with.
    processes : int

    Returns
    -------
    measured : dict
        `mb`: what each takes above the imports, with shared pages shared out among those that
        have them; `bytes`: size of what it returned, pickled.
    """
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.SimpleQueue()
    workers = [
        context.Process(target=_worker, args=(prepare, folder, barrier, results))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    measured = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    return {
        "mb": sum(taken for taken, _ in measured) / processes / MB,
        "bytes": max(size for _, size in measured),
    }


def _worker(prepare: Any, folder: Path, barrier: Any, results: Any) -> None:
    run = prepare(folder)
    barrier.wait()
    before = _proportional()
    barrier.wait()
    kept = run()
    barrier.wait()
    after = _proportional()
    barrier.wait()
    results.put((after - before, len(pickle.dumps(kept))))


def _proportional() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
