"""Ctrl-C that always works and never tears a file."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from lightning import LightningModule, Trainer
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
        self._previous: dict[signal.Signals, Any] = {}

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise Interrupted
        self._asked = True

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, when in the only thread that may."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._ask)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back."""
        while self._previous:
            number, handler = self._previous.popitem()
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
