"""Counting epochs so that a resumed run counts like one that never stopped."""

from __future__ import annotations

from lightning import Trainer
from lightning.pytorch.loops.progress import _ProcessedTracker


def epochs_done(trainer: Trainer) -> int:
    """Number of epochs whose batches have all been processed.

    On resume Lightning corrects ``trainer.current_epoch`` late, after workers have started; and
    when an epoch ends, after the hook in which weights are saved. This count is right in both.
    """
    current = trainer.fit_loop.epoch_progress.current
    assert isinstance(current, _ProcessedTracker)
    return current.processed
