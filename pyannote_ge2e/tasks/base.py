"""What embedding tasks share: balanced whole batches, and validation on trials."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.database import Protocol
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from pyannote_ge2e.data.batches import BatchDataset
from pyannote_ge2e.data.index import Index
from pyannote_ge2e.data.index_cache import cached_index
from pyannote_ge2e.data.loader import BatchLoader
from pyannote_ge2e.data.protocol import one_line, with_audio
from pyannote_ge2e.data.schedule import SpeakerSchedule
from pyannote_ge2e.data.selection import BatchFrom, Selection, Short, select_speakers
from pyannote_ge2e.data.trials import TrialIndex
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.tasks.gradients import GradientScales
from pyannote_ge2e.tasks.options import check_options, check_scales, default_seed
from pyannote_ge2e.tasks.remarks import warn
from pyannote_ge2e.tasks.trial_validation import Metrics, TrialValidation


class _Checked(Protocol):
    """Passes pyannote's checks in place of the real protocol, all of whose annotations they parse.

    What they look for is looked for again, and named better, when the index is built.
    """

    def train_iter(self) -> Iterator[dict[str, None]]:
        yield {"audio": None, "annotated": None, "scope": None}


class EmbeddingTask(TrialValidation):
    """Base of the embedding tasks; a subclass brings its loss with `make_loss`.

    It stands on pyannote.audio's `Task` and works with any of its models. Parameters are those of
    `GE2E`.

    Attributes
    ----------
    index : Index
        Training speech, from `prepare_data` on.
    trials : TrialIndex or None
        Development trials, from `setup` on; None when there are none.
    initial_loss_state : dict of str to Tensor, or None
        Where the loss starts, when fine-tuning: parameters of the same name (with or without
        "loss_func." before it) and shape are copied.
    multiprocessing_context : str or None
        Start method of workers; the platform's by default.
    """

    DEFAULT_GRADIENT_SCALE: Mapping[str, float] = {}

    trainer: Any  # set by the model when fitting begins

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
        gradient_scale: Mapping[str, float] | None = None,
        seed: int | None = None,
        cache: str | Path | None = None,
        num_workers: int | None = None,
        pin_memory: bool = False,
        augmentation: nn.Module | None = None,
        metric: Metrics | None = None,
        step: float = 0.25,
    ) -> None:
        check_options(
            duration=duration,
            min_duration=duration if min_duration is None else min_duration,
            num_classes_per_batch=num_classes_per_batch,
            num_chunks_per_class=num_chunks_per_class,
            batches_per_epoch=batches_per_epoch,
            short=short,
            batch_from=batch_from,
            step=step,
        )
        if gradient_scale is not None:
            check_scales(gradient_scale)
        super().__init__(
            _Checked(),
            duration=duration,
            min_duration=min_duration,
            batch_size=num_classes_per_batch * num_chunks_per_class,
            num_workers=num_workers,
            pin_memory=pin_memory,
            augmentation=augmentation,
        )
        self.protocol = with_audio(protocol)
        # Task replaces None by a transform that does nothing, slowly.
        self.augmentation = augmentation
        self.cache_folder = Path(cache) if cache is not None else None
        self.num_classes_per_batch = num_classes_per_batch
        self.num_chunks_per_class = num_chunks_per_class
        self.label_min_duration = label_min_duration
        self.batches_per_epoch = batches_per_epoch
        self.short = short
        self.batch_from = batch_from
        self.gradient_scales = (
            GradientScales(self.DEFAULT_GRADIENT_SCALE)
            if gradient_scale is None
            else GradientScales(gradient_scale, strict=True)
        )
        self.seed = default_seed() if seed is None else seed
        self.step = step
        self.figures = metric

        self.index: Index | None = None
        self.trials: TrialIndex | None = None
        self.initial_loss_state: dict[str, torch.Tensor] | None = None
        self.multiprocessing_context: str | None = None
        self._selection: Selection | None = None
        self._dataset: BatchDataset | None = None
        self._seen = np.zeros(0, bool)
        self._watched: list[Optimizer] = []

    # --- data ---------------------------------------------------------------------------------

    def prepare_data(self) -> None:
        """Index the training subset, in the cache or in a temporary folder, and check it.

        Raises
        ------
        UserError
            If it cannot be trained on: see `build_index`, `select_speakers` and `trial_index`.
        """
        if self.index is None:
            self._index_subset()
        self._choose()

    def setup(self, stage: str | None = None) -> None:
        """Load the index, choose the speakers and list the trials; once."""
        if stage == "fit":
            self._share_index()
        self.prepare_data()

    def _index_subset(self) -> None:
        if self.cache_folder is None:
            root = Path(tempfile.mkdtemp(prefix="pyannote_ge2e_"))
            weakref.finalize(self, _remove, root, os.getpid())
        else:
            root = self.cache_folder
        try:
            self.index = Index.load(cached_index(self.protocol, root))
        except OSError as error:
            raise UserError(f"The cache '{root}' cannot be used: {one_line(error)}") from error

    def _choose(self) -> None:
        """Choose the speakers and list the trials; once."""
        if self._selection is not None:
            return
        assert self.index is not None
        self._selection = select_speakers(
            self.index,
            self.duration,
            self.num_classes_per_batch,
            self.label_min_duration,
            self.short,
            self.batch_from,
        )
        for remark in self._selection.remarks:
            warn(remark)
        self.specifications = Specifications(
            problem=Problem.REPRESENTATION,
            resolution=Resolution.CHUNK,
            duration=self.duration,
            min_duration=self.min_duration,
            classes=[self.index.speakers[row] for row in self._selection.speakers],
        )
        self.trials = self.development_trials()
        self.has_validation = self.trials is not None

    def _share_index(self) -> None:
        """Let every process map the index that the first one wrote."""
        folder = self.trainer.strategy.broadcast(None if self.index is None else self.index.folder)
        if self.index is None and folder is not None and (folder / "index.json").is_file():
            self.index = Index.load(folder)

    def train_dataloader(self) -> DataLoader:
        """Whole batches for this process."""
        assert self.index is not None
        assert self._selection is not None
        world_size = self.trainer.world_size
        self._dataset = BatchDataset(
            self.index,
            self._selection,
            num_classes=self.num_classes_per_batch,
            num_chunks=self.num_chunks_per_class,
            duration=(self.min_duration, self.duration),
            batches_per_epoch=-(-self.total_batches_per_epoch() // world_size),
            short=self.short,
            sample_rate=self.model.hparams["sample_rate"],
            seed=self.seed,
            rank=self.trainer.global_rank,
            augmentation=self.augmentation,
        )
        progress = self.trainer.fit_loop.epoch_progress.current
        return BatchLoader(
            self._dataset,
            # On resume, `current_epoch` is corrected only after workers have started.
            epoch=lambda: progress.processed,
            num_workers=self.num_workers,
            pin_memory=self.pin_memory,
            multiprocessing_context=self.multiprocessing_context,
        )

    def total_batches_per_epoch(self) -> int:
        """Batches of an epoch, over all processes."""
        if self.batches_per_epoch is not None:
            return self.batches_per_epoch
        assert self.index is not None
        assert self._selection is not None
        speech = self.index.speech()[self._selection.speakers].sum()
        schedule = SpeakerSchedule(self._selection.corpora, self.num_classes_per_batch, (0,))
        chunk = (self.min_duration + self.duration) / 2
        in_a_batch = schedule.mean_classes * self.num_chunks_per_class * chunk
        return max(1, round(speech / in_a_batch))

    # --- loss ---------------------------------------------------------------------------------

    def make_loss(self) -> nn.Module:
        """Make the loss, called with embeddings (B, dimension) and classes (B,)."""
        raise NotImplementedError

    @property
    def num_speakers(self) -> int:
        """Speakers to learn from, which are the classes of a loss that has any."""
        assert self._selection is not None
        return len(self._selection.speakers)

    def setup_loss_func(self) -> None:
        """Give the model its loss; one that it already has, of the same kind and size, is kept.

        pyannote calls this again when a checkpoint is loaded, and the optimiser must not be left
        with the parameters of a loss that is gone.
        """
        loss = self.make_loss()
        present = getattr(self.model, "loss_func", None)
        if type(present) is type(loss) and _shapes(present) == _shapes(loss):
            return
        state = loss.state_dict()
        for name, value in (self.initial_loss_state or {}).items():
            name = name.removeprefix("loss_func.")
            if name in state and state[name].shape == value.shape:
                state[name] = value
        loss.load_state_dict(state)
        self.model.loss_func = loss.to(self.model.device)
        self._optimize_by_default()

    def training_step(self, batch: Mapping[str, torch.Tensor], batch_idx: int) -> dict:
        """Loss of a batch.

        Raises
        ------
        UserError
            If it is not a finite number.
        """
        self._watch_optimizers()
        self._count_speakers(batch_idx)
        loss = self.model.loss_func(self.model(batch["X"]), batch["y"])
        if not torch.isfinite(loss):
            epoch = self.trainer.fit_loop.epoch_progress.current.processed + 1
            raise UserError(
                f"The loss is {loss.item()} at batch {batch_idx + 1} of epoch {epoch}: training "
                "diverged; try a lower learning rate, or clip gradients at a lower norm."
            )
        self.model.log(
            "loss/train",
            loss,
            on_step=False,
            on_epoch=True,
            prog_bar=False,
            logger=True,
            batch_size=len(batch["y"]),
        )
        return {"loss": loss}

    @property
    def speakers_seen(self) -> int:
        """Distinct speakers drawn so far in this epoch, by this process."""
        return int(np.count_nonzero(self._seen))

    def _count_speakers(self, batch_idx: int) -> None:
        assert self._selection is not None
        if batch_idx == 0 or len(self._seen) == 0:
            self._seen = np.zeros(len(self._selection.speakers), bool)
        # Asked from the schedule: looking at the batch would make the CPU wait for the GPU.
        assert self._dataset is not None
        self._seen[self._dataset.speakers(batch_idx)] = True

    # --- optimisation -------------------------------------------------------------------------

    def parameter_groups(
        self, model: Model, optimizer_class: type[Optimizer], learning_rate: float
    ) -> list[dict[str, Any]]:
        """Parameter groups to make an optimiser from: see `GradientScales.groups`."""
        return self.gradient_scales.groups(model, optimizer_class, learning_rate)

    def _optimize_by_default(self) -> None:
        """Make pyannote's default optimiser honour gradient scales; leave any other alone."""
        model = self.model
        inherited = type(model).configure_optimizers is Model.configure_optimizers
        if inherited and "configure_optimizers" not in vars(model):
            model.configure_optimizers = self._default_optimizer

    def _default_optimizer(self) -> Optimizer:
        return torch.optim.Adam(self.parameter_groups(self.model, torch.optim.Adam, 1e-3))

    def after_optimizer_step(self, *_: Any) -> None:
        """Called after each step of each optimiser."""

    def _watch_optimizers(self) -> None:
        """Have `after_optimizer_step` called by the optimisers of the current fit."""
        for optimizer in self.trainer.optimizers:
            if not any(optimizer is watched for watched in self._watched):
                optimizer.register_step_post_hook(self.after_optimizer_step)
        self._watched = list(self.trainer.optimizers)


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in module.state_dict().items()}


def _remove(folder: Path, owner: int) -> None:
    # A forked process must not take the folder away from the one that made it.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
