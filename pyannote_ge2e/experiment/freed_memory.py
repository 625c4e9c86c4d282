"""Training on a CPU without asking the kernel for the same memory at every step."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback

# Parameters of glibc's mallopt, from malloc.h, and what they are when nobody changes them.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_DEFAULTS = {_TRIM_THRESHOLD: 128 * 1024, _TOP_PAD: 128 * 1024, _MMAP_MAX: 65536}
_KEEP = {_TRIM_THRESHOLD: -1, _TOP_PAD: 64 * 1024 * 1024, _MMAP_MAX: 0}
# How many times what a step touches may be held.
_MOST = 2


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let the C library keep what a step frees, for the next step to take.

    By default it gives every large tensor back to the kernel, which has to find and clear the same
    pages again at the next step: a fifth to a third of the time of training a small LSTM on a CPU.
    In return, training may hold twice as much, if `GiveBackTheRest` is among its callbacks, and
    more and more otherwise. All is given back in the end. Where the C library is not glibc,
    nothing happens.
    """
    if not _is_glibc():
        yield
        return
    libc = ctypes.CDLL(None)
    for parameter, value in _KEEP.items():
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in _DEFAULTS.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)


class GiveBackTheRest(Callback):
    """Give freed memory back to the kernel when there is twice as much as a step takes.

    Batches differ in duration, and what one leaves is seldom of the size that another needs: left
    alone, the heap grows with every step. All is given back when an epoch ends, lest the workers
    of the next one be born with it.

    Attributes
    ----------
    needed : int
        The most that was held after a step that found all given back, in bytes.
    """

    def __init__(self) -> None:
        self.needed = 0
        self._given_back = True

    def on_train_batch_end(self, *_: Any) -> None:
        """Look at what is held."""
        if not _is_glibc():
            return
        held = resident_memory()
        if self._given_back:
            self.needed = max(self.needed, held)
        self._given_back = False
        if held > _MOST * self.needed:
            self._give_back()

    def on_train_epoch_end(self, *_: Any) -> None:
        """Give all back; validation comes before."""
        if _is_glibc():
            self._give_back()

    def _give_back(self) -> None:
        ctypes.CDLL(None).malloc_trim(0)
        self._given_back = True


def resident_memory() -> int:
    """Memory that this process holds, in bytes; on Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"
