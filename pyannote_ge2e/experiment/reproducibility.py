"""The same seed gives the same run, resumed or not."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from pyannote_ge2e.experiment.epochs import epochs_done


def seed_everything(*key: int) -> None:
    """Seed Python's, numpy's and torch's global generators from a seed and, say, an epoch.

    Streams of different keys never coincide, which sums and small hashes of them may.

    Examples
    --------
    >>> seed_everything(0, 1)
    >>> first = torch.rand(2)
    >>> seed_everything(0, 1)
    >>> bool((torch.rand(2) == first).all())
    True
    """
    # Entropy is padded with zeros: without the length, (0,), (0, 0) and the key of the first
    # batch, (0, 0, 0, 0), would be one.
    sequence = np.random.SeedSequence(key[0], spawn_key=(len(key), *key[1:]))
    words = sequence.generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))  # noqa: NPY002 -- other libraries draw from it
    torch.manual_seed(int(words[2]))


class SeedEachEpoch(Callback):
    """Seed dropout and the like anew in each epoch, so that resuming needs no stored state.

    At the first batch rather than at the epoch's start: on resume, Lightning draws numbers between
    the two (dataloader seeds) that the uninterrupted run does not.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed at batch 0."""
        if batch_idx == 0:
            seed_everything(self.seed, epochs_done(trainer), trainer.global_rank)
