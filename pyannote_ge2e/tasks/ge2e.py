"""Generalised end-to-end loss as a task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pyannote.database import Protocol
from torch import nn

from pyannote_ge2e.data.batches.selection import BatchFrom, BatchShare, Short
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.losses import GE2ELoss
from pyannote_ge2e.tasks.base import EmbeddingTask, Metrics
from pyannote_ge2e.tasks.options import is_number


class GE2E(EmbeddingTask):
    """Speaker embedding with the generalised end-to-end loss (Wan et al., arXiv 1710.10467).

    Parameters
    ----------
    protocol : Protocol
        Speaker verification or diarization protocol of pyannote.database.
    duration, min_duration : float
        Longest and shortest chunk in seconds; the duration of each batch is drawn in between.
        `min_duration` defaults to `duration`.
    num_classes_per_batch : int
        N, speakers in a batch.
    num_chunks_per_class : int
        M, utterances of each speaker, 2 at least.
    label_min_duration : float
        Speakers with less speech than that, in seconds, are left out.
    batches_per_epoch : int, optional
        Over all processes. Defaults to what covers as much audio as the training set has speech.
    short : {"join", "repeat", "skip"}
        What becomes of utterances shorter than a chunk: several of a speaker are joined, one is
        repeated, or they are left out.
    batch_from : {"any", "database"}
        With "database", the speakers of a batch come from one corpus of the protocol, lest the
        network learn the corpus.
    batch_share : {"speakers", "speech"}
        With `batch_from="database"`: whether a corpus gives as many batches as its speakers, or as
        its hours of speech, ask for.
    variant : {"softmax", "contrast"}
        See `pyannote_ge2e.losses.ge2e_loss`.
    w, b : float, optional
        Where the scale and the offset of the similarities start. Default to the paper's 10 and -5
        or, when fine-tuning, to what the weights bring. The greater w, the more the loss minds
        those few speakers of a batch who sound alike.
    gradient_scale : mapping of str to float, optional
        Factors for the gradients of the parameters whose names match a pattern. Defaults to the
        paper's: 0.01 for w and b, 0.5 for projections.
    seed : int, optional
        The same seed draws the same batches. Defaults to Lightning's `seed_everything`, else to
        chance.
    cache : str or Path, optional
        Folder where the index of the training set is kept for the next time.
    num_workers : int, optional
        Processes that prepare batches. Defaults to half the CPUs.
    pin_memory : bool
    augmentation : torch-audiomentations transform, optional
    metric : callable or mapping of str to callable, optional
        Further validation figures, from scores and labels; torchmetrics' will do.
    step : float
        Step between the windows of a validation file, as a ratio of `duration`.
    features : StoredFeatures, optional
        Features to learn from in place of audio, and to validate on.
    frame_grid : bool
        Cut chunks of audio where the model's frames begin, so that training from stored features
        of the same frames gives the same. Otherwise they begin at any sample, which is a little
        more variety for nothing.
    pack : str or Path, optional
        Folder that `emb pack` wrote, to read the training set from: the audio files need not be
        there then.

    Examples
    --------
    Training::

        protocol = registry.get_protocol("VoxCeleb.SpeakerVerification.VoxCeleb2")
        task = GE2E(protocol, duration=3.0, num_classes_per_batch=64, num_chunks_per_class=10)
        Trainer(gradient_clip_val=3.0).fit(SincNetLSTM(task=task))
    """

    DEFAULT_GRADIENT_SCALE: Mapping[str, float] = {
        "loss_func.*": 0.01,
        "projection.*": 0.5,
        "*.weight_hr_l*": 0.5,  # the projections inside torch's LSTM
    }

    def __init__(
        self,
        protocol: Protocol,
        duration: float = 2.0,
        min_duration: float | None = None,
        num_classes_per_batch: int = 64,
        num_chunks_per_class: int = 10,
        label_min_duration: float = 0.0,
        batches_per_epoch: int | None = None,
        short: Short = "join",
        batch_from: BatchFrom = "any",
        batch_share: BatchShare = "speakers",
        variant: Literal["softmax", "contrast"] = "softmax",
        w: float | None = None,
        b: float | None = None,
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
        if num_chunks_per_class < 2:
            raise UserError(
                f"num_chunks_per_class is {num_chunks_per_class}: GE2E compares the utterances of "
                "a speaker with one another, so it needs 2 at least."
            )
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
        start = {name: value for name, value in (("w", w), ("b", b)) if value is not None}
        for name, value in start.items():
            if not is_number(value) or not math.isfinite(value):
                raise UserError(f"{name} should be a number, not {value!r}.")
        if "w" in start and not start["w"] > 0:
            raise UserError(f"w is {w}: it scales similarities, so it starts above 0.")
        self.variant = variant
        self.loss_start = start
        self.chosen_loss_state = set(start)
        self.make_loss()  # refuses an unknown variant here rather than in the midst of fitting

    def make_loss(self) -> nn.Module:
        """GE2E loss with w and b where they start."""
        start = {f"init_{name}": value for name, value in self.loss_start.items()}
        try:
            return GE2ELoss(variant=self.variant, **start)
        except ValueError as error:
            raise UserError(f"variant: {error}") from error

    def after_optimizer_step(self, *_: Any) -> None:
        """Keep w positive."""
        self.model.loss_func.enforce_positive()
