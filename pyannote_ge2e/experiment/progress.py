"""What a person sees while a model trains or embeds."""

from __future__ import annotations

import time
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from pyannote_ge2e.experiment.console import can_move, say
from pyannote_ge2e.experiment.epochs import epochs_done
from pyannote_ge2e.experiment.error_rate import error_rate
from pyannote_ge2e.tasks import EmbeddingTask

# A plain log (no terminal) says how an epoch goes no more often than this, in seconds.
_LOG_EVERY = 60.0


class TrainProgress(Callback):
    """A bar per epoch on a terminal, then one line that stays; the lines alone in a log.

    Parameters
    ----------
    console : Console
        Where to write.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar: Progress | None = None
        self._began = self._logged = 0.0
        self._chunks = 0
        self._loss = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the epoch's bar."""
        self._began = self._logged = time.monotonic()
        self._chunks = 0
        self._loss = 0.0
        if can_move(self.console):
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[state]}"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._bar.add_task(
                f"epoch {epochs_done(trainer) + 1}/{trainer.max_epochs}",
                total=trainer.num_training_batches,
                state="",
            )
            self._bar.start()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Show the loss so far, the speakers seen, the speed."""
        self._chunks += len(batch["y"])
        self._loss += float(outputs["loss"])
        state = self._state(pl_module, batch_idx + 1)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=batch_idx + 1, state=state)
        elif time.monotonic() - self._logged > _LOG_EVERY:
            self._logged = time.monotonic()
            done = f"{batch_idx + 1}/{trainer.num_training_batches}"
            say(self.console, f"epoch {epochs_done(trainer) + 1:4d}  {done}  {state}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave one line, with the development set's error rate when there is one."""
        self._close()
        line = f"epoch {epochs_done(trainer):4d}  "
        line += self._state(pl_module, trainer.num_training_batches)
        if _task(pl_module).trials is not None:
            metrics: Any = pl_module.validation_metric
            metric = metrics["equal_error_rate"]
            # None when an embedding is no number, or limit_val_batches left files out.
            known = metric.scores is not None
            rate = error_rate(metric.scores, metric.trials).rate if known else "unknown"
            line += f"  development EER {rate}"
        say(self.console, f"{line}  {time.monotonic() - self._began:.0f} s")

    def on_exception(self, *args: Any) -> None:
        """Leave the terminal as it was."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _state(self, pl_module: LightningModule, batches: float) -> str:
        elapsed = max(time.monotonic() - self._began, 1e-9)
        loss = self._loss / max(batches, 1)
        speakers = _task(pl_module).speakers_seen
        return f"loss {loss:.4f}  {speakers} speakers  {self._chunks / elapsed:.0f} chunks/s"


def _task(pl_module: LightningModule) -> EmbeddingTask:
    task = pl_module.task
    assert isinstance(task, EmbeddingTask)
    return task
