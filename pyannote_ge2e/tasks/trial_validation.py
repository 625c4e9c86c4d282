"""Validation on the development trials of a protocol: each file is embedded once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import torch
from pyannote.audio.core.task import Task
from pyannote.database import Protocol
from torch.utils.data import DataLoader
from torchmetrics import Metric, MetricCollection

from pyannote_ge2e.data.audio.reader import audio_duration
from pyannote_ge2e.data.audio.segments import AudioSegments
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.data.protocol import NoSubset
from pyannote_ge2e.data.trials.trials import TrialIndex, trial_index
from pyannote_ge2e.data.trials.turns import NoTrials
from pyannote_ge2e.data.trials.windows import SegmentReader
from pyannote_ge2e.tasks.embedding import embed_batch, file_loader, shortest_input
from pyannote_ge2e.tasks.remarks import warn
from pyannote_ge2e.tasks.trial_metric import Figure, TrialMetric

Metrics = Figure | Mapping[str, Figure]


class TrialValidation(Task):
    """The half of an embedding task that validates.

    Attributes
    ----------
    trials : TrialIndex or None
        Development trials, from `setup` on; None when there are none.
    step : float
        Step between windows, as a ratio of their length.
    """

    model: Any  # any Model; what a task adds to it is not in its type
    protocol: Protocol
    figures: Metrics | None = None
    trials: TrialIndex | None = None
    features: StoredFeatures | None = None
    step: float = 0.25
    multiprocessing_context: str | None = None

    def development_trials(self) -> TrialIndex | None:
        """List the trials of the development subset; None when there is none."""
        try:
            return trial_index(
                self.protocol,
                "development",
                audio_duration if self.features is None else self.features.duration,
            )
        except (NoSubset, NoTrials) as reason:
            warn(f"Training goes on without validation: {reason}")
            return None

    def val_dataloader(self) -> DataLoader | list:  # type: ignore[override]
        """Windows of every development file; an empty list when there is none."""
        if self.trials is None:
            return []
        return file_loader(
            self.trials,
            self.duration,
            self.step,
            self.reader,
            min_length=self._shortest_input(),
            num_workers=self.num_workers,
            pin_memory=self.pin_memory,
            multiprocessing_context=self.multiprocessing_context if self.num_workers else None,
        )

    @property
    def reader(self) -> SegmentReader:
        """What windows are read from: the files' audio, or their stored features."""
        return self.features or AudioSegments(self.model.hparams["sample_rate"])

    def _shortest_input(self) -> int:
        training = self.model.training
        self.model.eval()
        try:
            return shortest_input(self.model, self.duration, self.reader)
        finally:
            self.model.train(training)

    @cached_property
    def metric(self) -> MetricCollection:
        """Equal error rate over all trials, then the figures that the user asked for."""
        more = self.figures or {}
        if not isinstance(more, Mapping):
            more = {getattr(more, "__name__", type(more).__name__): more}
        metrics: dict[str, Metric | MetricCollection] = {"equal_error_rate": TrialMetric()}
        metrics |= {name: TrialMetric(figure) for name, figure in more.items()}
        return MetricCollection(metrics, compute_groups=False)

    @property
    def val_monitor(self) -> tuple[str, str]:
        """Name of the figure to monitor, and which way it gets better."""
        return "equal_error_rate", "min"

    def setup_validation_metric(self) -> None:
        """Give the model the metrics of the development trials, if there are any."""
        if self.trials is None:
            return
        for metric in self.metric.values():
            metric.trials = self.trials
        super().setup_validation_metric()

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Embed a few files; the figures follow when all have been."""
        # In float32 even when training is not, as whoever uses the weights will compute.
        with torch.autocast(self.model.device.type, enabled=False):
            embeddings = embed_batch(self.model, batch)
        metrics = cast(MetricCollection, self.model.validation_metric)
        metrics.update(batch["files"], embeddings)
        self.model.log_dict(
            metrics,
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            logger=True,
            batch_size=len(batch["files"]),
        )
