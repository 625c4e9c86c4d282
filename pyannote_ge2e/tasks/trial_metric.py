"""Validation figures from the embeddings of a whole epoch, under any LightningModule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from pyannote_ge2e.data.trials.trials import TrialIndex
from pyannote_ge2e.metrics import equal_error_rate
from pyannote_ge2e.scoring import cosine_scores

Figure = Callable[[Any, Any], Any]


class TrialMetric(Metric):
    """A figure of the scores of all trials, from file embeddings gathered over batches and ranks.

    The state is a metric's because hooks of the model are not ours: Lightning gathers it from all
    processes, asks for `compute` at the end of the epoch, and forgets it.

    Parameters
    ----------
    figure : callable
        From scores (T,) and labels (T,) to a number; `equal_error_rate` by default.

    Attributes
    ----------
    trials : TrialIndex or None
        To be set before `compute`.
    scores : (T,) array or None
        Scores of all trials, after the last `compute` that had them all.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(self, figure: Figure = equal_error_rate) -> None:
        super().__init__()
        self.figure = figure
        self.trials: TrialIndex | None = None
        self.scores: np.ndarray | None = None
        self.files: list[torch.Tensor]
        self.embeddings: list[torch.Tensor]
        self.add_state("files", default=[], dist_reduce_fx="cat")
        self.add_state("embeddings", default=[], dist_reduce_fx="cat")

    def update(self, files: torch.Tensor, embeddings: torch.Tensor) -> None:
        """Add files: their rows (F,) and unit-length embeddings (F, dimension)."""
        self.files.append(files)
        self.embeddings.append(embeddings)

    def compute(self) -> torch.Tensor:
        """The figure, over the trials both of whose files were embedded; NaN if it has none."""
        assert self.trials is not None
        self.scores = None
        files = dim_zero_cat(self.files).cpu().numpy()
        found = dim_zero_cat(self.embeddings).float().cpu().numpy()
        embeddings = np.ones((len(self.trials.uris), found.shape[1]), np.float32)
        embeddings[files] = found
        embedded = np.zeros(len(embeddings), bool)
        embedded[files] = True
        scored = embedded[self.trials.trials].all(axis=1)
        labels = self.trials.labels[scored]
        # A sanity check, or limit_val_batches, embeds some files only.
        if len(labels) == 0 or not 0 < labels.sum() < len(labels) or not np.isfinite(found).all():
            return torch.tensor(torch.nan, device=self.device)
        scores = cosine_scores(embeddings, self.trials.trials[scored])
        self.scores = scores if scored.all() else None
        return torch.tensor(float(self._value(scores, labels)), device=self.device)

    def _value(self, scores: np.ndarray, labels: np.ndarray) -> Any:
        if not isinstance(self.figure, Metric):
            return self.figure(scores, labels)
        metric = self.figure.cpu()
        metric.reset()
        metric.update(torch.from_numpy(np.asarray(scores)), torch.from_numpy(labels))
        return metric.compute()
