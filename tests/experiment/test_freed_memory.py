"""What a step frees stays with the process while it trains, and no longer."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

import pytest
import torch

from pyannote_ge2e.experiment.freed_memory import GiveBackTheRest, freed_memory_kept

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


def test_what_is_held_beyond_need_is_given_back_after_a_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 1 + PAGES / 4 / resident()  # 16 MB more, however large the process is
    monkeypatch.setattr("pyannote_ge2e.experiment.freed_memory._MOST", most)
    callback = GiveBackTheRest()
    with freed_memory_kept():
        callback.on_train_batch_end()
        before = resident()
        faults()
        assert resident() - before > PAGES // 2
        callback.on_train_batch_end()
        assert resident() - before < PAGES // 2
        # The next step shows what is needed now.
        faults()
        callback.on_train_batch_end()
        assert resident() - before > PAGES // 2
        assert callback.needed == pytest.approx(resident() * 4096, abs=PAGES * 1024)


def test_workers_of_the_next_epoch_are_born_without_it() -> None:
    callback = GiveBackTheRest()
    with freed_memory_kept():
        before = resident()
        faults()
        callback.on_train_batch_end()
        assert resident() - before > PAGES // 2
        callback.on_train_epoch_end()
        assert resident() - before < PAGES // 2
