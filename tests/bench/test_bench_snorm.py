"""What adaptive s-norm is measured against computes the same."""

import numpy as np
import torch

from bench.snorm import LOOP_TRIALS, TRIALS, one_by_one
from pyannote_ge2e.scoring import adaptive_snorm


def test_the_plain_loop_computes_the_scores():
    rng = np.random.default_rng(0)
    files, cohort = rng.normal(size=(6, 8)), rng.normal(size=(50, 8))
    trials = rng.integers(6, size=(20, 2))
    expected = one_by_one(torch.from_numpy(files), torch.from_numpy(cohort), trials, top=9)
    # The loop adds up in float32.
    np.testing.assert_allclose(adaptive_snorm(files, files, cohort, trials, 9), expected, atol=1e-6)
    assert LOOP_TRIALS <= TRIALS
