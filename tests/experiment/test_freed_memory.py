"""What a step frees stays with the process while it trains, and no longer."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

import pytest
import torch

from pyannote_ge2e.experiment.freed_memory import freed_memory_kept

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory"
)
PAGES = 16_000  # 64 MB in pages of 4 kB


def faults() -> int:
    """Pages the kernel hands out for ten tensors, each freed before the next."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(PAGES * 4096 // 4)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_tensors_are_made_from_memory_that_was_freed() -> None:
    with freed_memory_kept():
        first = faults()
        assert faults() < PAGES // 2 < first


def test_all_is_given_back_in_the_end() -> None:
    before = resident()
    with freed_memory_kept():
        faults()
        assert resident() - before > PAGES // 2
    assert resident() - before < PAGES // 2
