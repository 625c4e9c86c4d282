"""Additive angular margin loss as a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytorch_metric_learning.losses
from pyannote.database import Protocol
from torch import nn

from pyannote_ge2e.data.batches.selection import BatchFrom, BatchShare, Short
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.tasks.base import EmbeddingTask, Metrics


class AdditiveAngularMargin(EmbeddingTask):
    """Speaker embedding with the additive angular margin loss (ArcFace, arXiv 1801.07698).

    pytorch-metric-learning's `ArcFaceLoss` over all training speakers, on the batches and with
    the validation of this package.

    Parameters
    ----------
    protocol : Protocol
    margin : float
        In degrees. The default is 0.05 radians, which did best in "A Comparison of Metric
        Learning Loss Functions for End-To-End Speaker Verification" (arXiv 2003.14021).
    scale : float
        Scale of the cosines.
    duration, min_duration, num_classes_per_batch, num_chunks_per_class, label_min_duration, \
batches_per_epoch, short, batch_from, batch_share, gradient_scale, seed, cache, num_workers, \
pin_memory, augmentation, metric, step, features, frame_grid, pack
        As in `GE2E`; no gradient is scaled by default.
    """

    def __init__(
        self,
        protocol: Protocol,
        duration: float = 2.0,
        min_duration: float | None = None,
        num_classes_per_batch: int = 32,
        num_chunks_per_class: int = 1,
        label_min_duration: float = 0.0,
        batches_per_epoch: int | None = None,
        margin: float = 2.865,
        scale: float = 10.0,
        short: Short = "join",
        batch_from: BatchFrom = "any",
        batch_share: BatchShare = "speakers",
        gradient_scale: Mapping[str, float] | None = None,
        seed: int | None = None,
        cache: str | Path | None = None,
        num_workers: int | None = None,
        pin_memory: bool = False,
        augmentation: nn.Module | None = None,
        metric: Metrics | None = None,
        step: float = 0.25,
        features: StoredFeatures | None = None,
        frame_grid: bool = False,
        pack: str | Path | None = None,
    ) -> None:
        super().__init__(
            protocol,
            duration=duration,
            min_duration=min_duration,
            num_classes_per_batch=num_classes_per_batch,
            num_chunks_per_class=num_chunks_per_class,
            label_min_duration=label_min_duration,
            batches_per_epoch=batches_per_epoch,
            short=short,
            batch_from=batch_from,
            batch_share=batch_share,
            gradient_scale=gradient_scale,
            seed=seed,
            cache=cache,
            num_workers=num_workers,
            pin_memory=pin_memory,
            augmentation=augmentation,
            metric=metric,
            step=step,
            features=features,
            frame_grid=frame_grid,
            pack=pack,
        )
        self.margin = margin
        self.scale = scale

    def make_loss(self) -> nn.Module:
        """ArcFace loss over the training speakers."""
        return pytorch_metric_learning.losses.ArcFaceLoss(
            self.num_speakers,
            int(self.model.dimension),
            margin=self.margin,
            scale=self.scale,
        )
