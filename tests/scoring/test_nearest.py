"""Selecting the nearest of a cohort: the largest similarities, whichever way they are found."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch

from pyannote_ge2e.scoring import adaptive_snorm
from pyannote_ge2e.scoring.largest import STRIDE, largest
from pyannote_ge2e.scoring.statistics import on_device
from pyannote_ge2e.scoring.threads import worker_threads

RNG = np.random.default_rng(0)
PERIODIC = np.where(np.arange(3000) % STRIDE == 0, 0.0, 1.0) + RNG.normal(size=(4, 3000)) / 9
ROWS = {
    "random": RNG.normal(size=(64, 3000)),
    "narrow": RNG.normal(size=(64, 30)),
    "one column": RNG.normal(size=(3, 1)),
    "equal": np.full((3, 3000), 0.5),
    "few distinct": RNG.integers(4, size=(20, 3000)).astype(float),
    "sorted": np.sort(RNG.normal(size=(5, 3000)), axis=1),
    "the sample is too low": PERIODIC,
    "the sample is too high": -PERIODIC,
    "left out": np.where(RNG.random((20, 3000)) < 0.001, -np.inf, RNG.normal(size=(20, 3000))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_the_largest_are_exact(rows, dtype):
    rows = rows.astype(dtype)
    for count in (1, 2, 29, 400, 2000):
        if count <= rows.shape[1]:
            found = np.sort(largest(rows.copy(), count), axis=1)
            np.testing.assert_array_equal(found, np.sort(rows, axis=1)[:, rows.shape[1] - count :])


@pytest.mark.parametrize("top", [1, 20, 60])
@pytest.mark.parametrize("left_out", [None, np.array([3, -1, 0, 59])])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch_finds_the_same(top, left_out, dtype):
    unit, cohort = RNG.normal(size=(4, 8)).astype(dtype), RNG.normal(size=(60, 8)).astype(dtype)
    found = on_device(cohort, top, "cpu")(unit, left_out)
    similarities = unit.astype(float) @ cohort.astype(float).T
    if left_out is not None:
        similarities[[0, 2, 3], left_out[[0, 2, 3]]] = -np.inf
    expected = np.sort(similarities, axis=1)[:, -top:]
    np.testing.assert_allclose(np.sort(found, axis=1), expected, atol=1e-14)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same():
    files, cohort = RNG.normal(size=(700, 16)), RNG.normal(size=(900, 16))
    trials = RNG.integers(700, size=(1000, 2))
    rows = RNG.integers(-1, 900, size=700)
    for top in (400, None):
        options = {"top": top, "enrolment_in_cohort": rows}
        np.testing.assert_allclose(
            adaptive_snorm(torch.tensor(files).cuda(), files, cohort, trials, device="cuda"),
            adaptive_snorm(files, files, cohort, trials),
            atol=1e-10,
        )
        np.testing.assert_allclose(
            adaptive_snorm(files, files, cohort, trials, device="cuda", **options),
            adaptive_snorm(files, files, cohort, trials, **options),
            atol=1e-10,
        )


def test_linear_algebra_has_one_thread_meanwhile_and_gets_its_threads_back():
    from threadpoolctl import threadpool_info, threadpool_limits

    def blas():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    def stop():
        with worker_threads() as (executor, workers):
            assert workers == max(before)
            assert blas() == {1}
            executor.submit(lambda: None).result()
            raise RuntimeError("stopped")

    with threadpool_limits(2, user_api="blas"):
        before = blas()
        with pytest.raises(RuntimeError, match="stopped"):
            stop()
        assert blas() == before


@pytest.mark.parametrize("top", [40, None])
def test_memory_is_bounded(top, monkeypatch):
    """All similarities would take 200 MB; blocks of 4 MB, and what is made of them, do."""
    monkeypatch.setattr("pyannote_ge2e.scoring.statistics.BUFFER", 1 << 20)
    monkeypatch.setattr("pyannote_ge2e.scoring.embeddings.BLOCK", 1 << 17)
    files, cohort = (RNG.normal(size=(size, 4)).astype(np.float32) for size in (10_000, 5000))
    trials = RNG.integers(10_000, size=(1_000_000, 2))
    tracemalloc.start()
    try:
        scores = adaptive_snorm(files, files, cohort, trials, top)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - scores.nbytes < 25e6


def test_importing_the_room_imports_no_torch():
    program = "import sys, pyannote_ge2e.scoring; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
