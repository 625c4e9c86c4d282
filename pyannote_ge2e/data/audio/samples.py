"""Samples as they come from a file, and the words for samples that do not come."""

from __future__ import annotations

import numpy as np

from pyannote_ge2e.errors import UserError

__all__ = ["FROM_INT16", "down_mixed", "truncated", "undecodable"]

FROM_INT16 = np.float32(1 / 2**15)
"""What makes samples of 16 bits lie within [-1, 1]."""


def down_mixed(samples: np.ndarray, channels: int) -> np.ndarray:
    """Mean of channels that alternate: (frames * channels,) to (frames,).

    Examples
    --------
    >>> down_mixed(np.array([0.1, 0.3, 0.2, 0.6]), channels=2)
    array([0.2, 0.4])
    """
    return samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1)


def truncated(path: str, promised: float, held: float) -> UserError:
    """Say that a header promises more seconds than the file holds."""
    return UserError(
        f"'{path}' is truncated: its header promises {promised:.3f} s of audio and the file holds "
        f"{held:.3f} s. Copy or convert it again."
    )


def undecodable(path: str, first: int, count: int, rate: int) -> UserError:
    """Say that `count` samples cannot be decoded from sample `first` on."""
    return UserError(
        f"'{path}' is damaged or truncated: {count / rate:.3f} s cannot be decoded from "
        f"{first / rate:.3f} s on. Copy or convert it again."
    )
