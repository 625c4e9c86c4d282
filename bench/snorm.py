"""Adaptive s-norm of a million trials: against one matrix product, and one trial at a time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits
from torch import Tensor

from bench.timing import time_in_turns, verdict
from pyannote_ge2e.scoring import adaptive_snorm

FILES, COHORT, DIMENSION, TOP, TRIALS = 4720, 5994, 192, 400, 1_000_000
RATE_GOAL, PRODUCT_GOAL, LOOP_GOAL = 2_000_000, 4.0, 5000.0
MANY_FILES, MEMORY_GOAL = 150_000, 1.0
TURNS = 15

# A million trials in a loop take hours: it is timed on so many and scaled up.
LOOP_TRIALS = 100


def section() -> str:
    """Measure time at one and at all threads, and memory, and return the section."""
    files, cohort, trials = _inputs(FILES)
    _check_loop(files, cohort, trials[:300])
    counts = sorted({1, _blas_threads()})
    loop_rate = max(_loop_rate(threads, files, cohort, trials) for threads in counts)
    rows = []
    for threads in counts:
        with threadpool_limits(threads, user_api="blas"):
            rows.append(_row(threads, files, cohort, trials, loop_rate))
    return "\n".join([TEXT, *rows, "", _memory()])


TEXT = f"""## Adaptive s-norm

`adaptive_snorm` of {TRIALS:,} trials among {FILES:,} files, cohort of {COHORT:,}, {TOP} nearest,
dimension {DIMENSION}, float32, CPU: checks, statistics of all files and scores. The bare product
is `numpy.matmul` of all files and the cohort into an array made before. The loop takes a trial at
a time as SpeechBrain does (torch: either file against the whole cohort, top-k, mean, std), but
with the population's std; it gives the same scores (checked on 300 trials) and is timed on
{LOOP_TRIALS} trials, times their number. BLAS has as many threads as the table says (torch takes no
part in `adaptive_snorm` on a CPU); torch has one or all of them in the loop, whichever is faster.

Goals: at least {RATE_GOAL:,} trials a second, at most {PRODUCT_GOAL:g} times the bare product, at
least {LOOP_GOAL:,.0f} times as many trials a second as the loop.

| threads | bare product, ms | `adaptive_snorm`, ms | trials a second | / bare product \
| loop, trials a second | `adaptive_snorm` / loop | goals |
|---|---|---|---|---|---|---|---|"""


def _loop_rate(threads: int, files: NDArray, cohort: NDArray, trials: NDArray) -> float:
    """Trials a second of the loop."""
    tensors = torch.from_numpy(files), torch.from_numpy(cohort)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        timings = time_in_turns(
            {"loop": lambda: one_by_one(*tensors, trials[:LOOP_TRIALS])}, turns=3, warm_up=1
        )
    finally:
        torch.set_num_threads(before)
    return LOOP_TRIALS / timings.median("loop")


def _row(threads: int, files: NDArray, cohort: NDArray, trials: NDArray, loop_rate: float) -> str:
    similarities = np.empty((FILES, COHORT), dtype=np.float32)
    timings = time_in_turns(
        {
            "product": lambda: np.matmul(files, cohort.T, out=similarities),
            "ours": lambda: adaptive_snorm(files, files, cohort, trials, TOP),
        },
        turns=TURNS,
    )
    ours = timings.median("ours")
    rate, products = TRIALS / ours, timings.ratio("ours", to="product")
    passed = rate >= RATE_GOAL and products <= PRODUCT_GOAL and rate / loop_rate >= LOOP_GOAL
    return (
        f"| {threads} | {1e3 * timings.median('product'):.0f} | {1e3 * ours:.0f} | {rate:,.0f} "
        f"| {products:.2f} | {loop_rate:.0f} | {rate / loop_rate:,.0f} | {verdict(passed)} |"
    )


def one_by_one(files: Tensor, cohort: Tensor, trials: NDArray, top: int = TOP) -> list[float]:
    """Adaptive s-norm in a loop over trials, comparing either file with the cohort each time."""
    similarity = torch.nn.CosineSimilarity(dim=-1)
    scores = []
    for pair in trials.tolist():
        embeddings = [files[row][None] for row in pair]
        score = similarity(*embeddings)
        total = torch.zeros(1)
        for embedding in embeddings:
            to_cohort = similarity(embedding.repeat(len(cohort), 1), cohort)
            nearest = torch.topk(to_cohort, k=top).values
            total += (score - nearest.mean()) / nearest.std(correction=0)
        scores.append(float(total / 2))
    return scores


def _check_loop(files: NDArray, cohort: NDArray, trials: NDArray) -> None:
    """Make sure that the loop computes what it is compared to."""
    expected = one_by_one(torch.from_numpy(files), torch.from_numpy(cohort), trials)
    scores = adaptive_snorm(files, files, cohort, trials, TOP)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-4)


def _inputs(num_files: int) -> tuple[NDArray, NDArray, NDArray]:
    """Files, cohort and trials: embeddings around a common direction, as real ones are."""
    rng = np.random.default_rng(0)
    centre = 0.3 * rng.standard_normal(DIMENSION, dtype=np.float32)
    files, cohort = (
        rng.standard_normal((size, DIMENSION), dtype=np.float32) for size in (num_files, COHORT)
    )
    files += centre
    cohort += centre
    return files, cohort, rng.integers(num_files, size=(TRIALS, 2))


def _blas_threads() -> int:
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


def _memory() -> str:
    """Sentence on the largest case, run in a process of its own."""
    if not Path("/proc/self/status").exists():
        return "Memory was not measured: this system does not say how much a process used."
    command = [sys.executable, "-c", "from bench.snorm import measure; measure()"]
    root = Path(__file__).parent.parent
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    peak, inputs, seconds = (float(value) for value in run.stdout.split())
    return (
        f"{MANY_FILES:,} files, the rest alike: {peak:.2f} GB at most above what Python held after "
        f"the imports, {inputs:.2f} GB of it the inputs, in {seconds:.1f} s. Goal, less than "
        f"{MEMORY_GOAL:g} GB: {verdict(peak < MEMORY_GOAL)}."
    )


def measure() -> None:
    """Print GB at most above the imports, GB of the inputs, and seconds, of the largest case."""
    before = _status("VmRSS")
    files, cohort, trials = _inputs(MANY_FILES)
    start = time.perf_counter()
    adaptive_snorm(files, files, cohort, trials, TOP)
    seconds = time.perf_counter() - start
    inputs = (files.nbytes + cohort.nbytes + trials.nbytes) / 1e9
    print(_status("VmHWM") - before, inputs, seconds)


def _status(field: str) -> float:
    """GB of memory, from what Linux says about this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise KeyError(field)
