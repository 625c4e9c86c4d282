"""Ctrl-C that always works and never tears a file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from lightning.pytorch.callbacks import Callback


class Interrupted(Exception):
    """Training was stopped by Ctrl-C (SIGINT) or SIGTERM, between two batches."""


class StopBetweenBatches(Callback):
    """Turn a signal into a stop at the next batch.

    A KeyboardInterrupt raised wherever the interpreter happens to be can be swallowed (in a
    worker's shutdown) or cut a checkpoint in two. While training runs, the signal only raises a
    flag, looked at after each batch. A second Ctrl-C stops at once, wherever that is.
    """

    def __init__(self) -> None:
        self._asked = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise Interrupted
        self._asked = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen around `Trainer.fit`, when in the only thread that may.

        No hook would do to give the signals back: after them, Lightning puts back what it found
        when it began, and after an exception most are not called.
        """
        previous = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                previous[number] = signal.signal(number, self._ask)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def on_train_batch_end(self, *args: Any) -> None:
        """Stop here if asked."""
        self._stop_if_asked()

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Stop here if asked."""
        self._stop_if_asked()

    def on_train_epoch_start(self, *args: Any) -> None:
        """Stop here if asked: the signal may have come while weights were written."""
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._asked:
            raise Interrupted
