"""Keeps other libraries' chatter off the screen, never their errors."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Lightning's remarks that are no news to someone who typed a command of ours: the workers and the
# device are the user's choice, batches are distinct by design, frozen modules stay in eval mode on
# purpose, and we say ourselves when there is no development set.
_REMARKS = (
    "does not have many workers",
    "Your `IterableDataset` has `__len__` defined",
    "Total length of `list` across ranks is zero",
    "GPU available but not used",
    "Be aware that when using `ckpt_path`",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    r"Found \d+ module\(s\) in eval mode",
)

# Lightning comes under two names, which share one logger: that of whichever was imported last.
_LOGGERS = ("lightning.pytorch", "lightning.fabric", "pytorch_lightning", "lightning_fabric")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's information and the remarks that our commands answer for."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for remark in _REMARKS:
                warnings.filterwarnings("ignore", message=f".*{remark}")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
