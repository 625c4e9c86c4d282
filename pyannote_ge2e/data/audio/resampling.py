"""A stretch of an open file at the rate that was asked for, and whether it is all there."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from pyannote_ge2e.data.audio.opening import Source
from pyannote_ge2e.errors import UserError

__all__ = ["ratio", "read_all", "read_resampled"]


def read_resampled(
    source: Source, path: str, first: int, count: int, sample_rate: int
) -> np.ndarray:
    """Read `count` samples of the source from its sample `first` on, converted to `sample_rate`.

    Raises
    ------
    UserError
        As `read_all` does.
    """
    if source.rate == sample_rate:
        return read_all(source, path, first, count)
    # Imported where it is used: it takes a second, and most corpora are not resampled.
    from scipy.signal import resample_poly

    up, down = ratio(source.rate, sample_rate)
    # Context on both sides, so that a chunk does not fade in and out where the file does not.
    # A whole number of `down` samples in front keeps the output on the same grid.
    taps = _low_pass(up, down)
    context = math.ceil(len(taps) / (2 * up * down)) * down
    before = min(context, first // down * down)
    after = min(context, source.frames - first - count)
    waveform = read_all(source, path, first - before, before + count + after)
    waveform = resample_poly(waveform, up, down, window=taps)
    skip = before // down * up
    return np.ascontiguousarray(waveform[skip : skip + math.ceil(count * up / down)])


def ratio(rate: int, sample_rate: int) -> tuple[int, int]:
    """Return (up, down): so many samples at `sample_rate` come of so many at `rate`.

    Examples
    --------
    >>> ratio(44100, 16000)
    (160, 441)
    """
    common = math.gcd(rate, sample_rate)
    return sample_rate // common, rate // common


def read_all(source: Source, path: str, first: int, count: int) -> np.ndarray:
    """Read exactly `count` samples from sample `first` on: (count,) float32.

    Raises
    ------
    UserError
        When there are fewer, or some are no numbers.
    """
    samples = source.read(first, count)
    if len(samples) < count:
        raise UserError(
            f"'{path}' is truncated: {count / source.rate:.3f} s were wanted from "
            f"{first / source.rate:.3f} s on and {len(samples) / source.rate:.3f} s could be "
            "read. Copy or convert it again."
        )
    if not source.integers and not (finite := np.isfinite(samples)).all():
        raise UserError(
            f"'{path}' holds samples that are no numbers (nan or infinite), the first of them at "
            f"{(first + finite.argmin()) / source.rate:.3f} s: mend the file or leave it out."
        )
    return samples


@lru_cache(maxsize=16)
def _low_pass(up: int, down: int) -> np.ndarray:
    """Design the anti-aliasing filter once for each pair of rates (10 zero crossings a side)."""
    from scipy.signal import firwin

    factor = max(up, down)
    return firwin(20 * factor + 1, 1 / factor, window=("kaiser", 5.0)).astype(np.float32)
