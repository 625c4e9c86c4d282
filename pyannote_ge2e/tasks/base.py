"""What embedding tasks share: balanced whole batches, and validation on trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from pyannote.audio import Model
from pyannote.database import Protocol
from torch import nn
from torch.optim import Optimizer

from pyannote_ge2e.data.batches.selection import BatchFrom, BatchShare, Short
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.data.protocol import with_audio
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.tasks.augmentation import augmented, masked_frames
from pyannote_ge2e.tasks.balanced_batches import BalancedBatches
from pyannote_ge2e.tasks.gradients import GradientScales
from pyannote_ge2e.tasks.options import check_options, check_scales, default_seed
from pyannote_ge2e.tasks.stored_features import changes_waveforms, with_features
from pyannote_ge2e.tasks.trial_validation import Metrics, TrialValidation


class _Checked(Protocol):
    """Passes pyannote's checks in place of the real protocol, all of whose annotations they parse.

    What they look for is looked for again, and named better, when the index is built.
    """

    def train_iter(self) -> Iterator[dict[str, None]]:
        yield {"audio": None, "annotated": None, "scope": None}


class EmbeddingTask(BalancedBatches, TrialValidation):
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
        "loss_func." before it) and shape are copied, but for those in `chosen_loss_state`.
    chosen_loss_state : set of str
        Parameters of the loss whose start the user chose.
    multiprocessing_context : str or None
        Start method of workers; the platform's by default. With several processes, "forkserver"
        is safer than "fork", which may catch a communication thread at a bad moment and leave a
        worker that waits for ever. It needs a script that can be imported: what it does belongs
        under ``if __name__ == "__main__":``.
    augment_on_device : bool or None
        Whether augmentations are applied where the model is, rather than by the workers that draw
        them; by default, on a GPU. On a CPU it is all the same, but that workers share the load.
    """

    DEFAULT_GRADIENT_SCALE: Mapping[str, float] = {}

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
        check_options(
            duration=duration,
            min_duration=duration if min_duration is None else min_duration,
            num_classes_per_batch=num_classes_per_batch,
            num_chunks_per_class=num_chunks_per_class,
            batches_per_epoch=batches_per_epoch,
            short=short,
            batch_from=batch_from,
            batch_share=batch_share,
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
        if features is not None and changes_waveforms(augmentation):
            raise UserError(
                "augmentation: it changes waveforms, and training starts from stored features; "
                "leave one of them out."
            )
        if features is not None and pack is not None:
            raise UserError(
                "pack: it holds audio, and training starts from stored features; leave one of them "
                "out."
            )
        self.pack = None if pack is None else Path(pack)
        self.features = features
        self.frame_grid = frame_grid
        self.protocol = (
            with_audio(protocol) if features is None else with_features(protocol, features)
        )
        # Task replaces None by a transform that does nothing, slowly.
        self.augmentation = augmentation
        self.cache_folder = Path(cache) if cache is not None else None
        self.num_classes_per_batch = num_classes_per_batch
        self.num_chunks_per_class = num_chunks_per_class
        self.label_min_duration = label_min_duration
        self.batches_per_epoch = batches_per_epoch
        self.short = short
        self.batch_from = batch_from
        self.batch_share = batch_share
        self.gradient_scales = (
            GradientScales(self.DEFAULT_GRADIENT_SCALE)
            if gradient_scale is None
            else GradientScales(gradient_scale, strict=True)
        )
        self.seed = default_seed() if seed is None else seed
        self.step = step
        self.figures = metric

        self.initial_loss_state: dict[str, torch.Tensor] | None = None
        self.chosen_loss_state: set[str] = set()
        self._watched: list[Optimizer] = []

    def _choose(self) -> None:
        super()._choose()
        self.trials = self.development_trials()
        self.has_validation = self.trials is not None

    # --- loss ---------------------------------------------------------------------------------

    def make_loss(self) -> nn.Module:
        """Make the loss, called with embeddings (B, dimension) and classes (B,)."""
        raise NotImplementedError

    def setup_loss_func(self) -> None:
        """Give the model its loss; one that it already has, of the same kind and size, is kept.

        pyannote calls this again when a checkpoint is loaded, and the optimiser must not be left
        with the parameters of a loss that is gone.
        """
        self._optimize_by_default()
        loss = self.make_loss()
        present = getattr(self.model, "loss_func", None)
        if type(present) is type(loss) and _shapes(present) == _shapes(loss):
            return
        state = loss.state_dict()
        for name, value in (self.initial_loss_state or {}).items():
            name = name.removeprefix("loss_func.")
            carried_over = name in state and name not in self.chosen_loss_state
            if carried_over and state[name].shape == value.shape:
                state[name] = value
        loss.load_state_dict(state)
        self.model.loss_func = loss.to(self.model.device)

    def training_step(self, batch: Mapping[str, Any], batch_idx: int) -> dict:
        """Loss of a batch.

        Raises
        ------
        UserError
            If it is not a finite number.
        """
        self._watch_optimizers()
        self._count_speakers(batch_idx)
        assert self._dataset is not None
        augmenter = self._dataset.augmenter
        X = augmented(batch, augmenter, self.model)
        with masked_frames(batch, augmenter, self.model):
            embeddings = self.model(X)
        loss = self.model.loss_func(embeddings, batch["y"])
        if not torch.isfinite(loss):
            epoch = self.trainer.fit_loop.epoch_progress.current.processed + 1
            cause = (
                "training diverged; try a lower learning rate, or clip gradients at a lower norm."
                if torch.isfinite(X).all()
                else "its audio holds values that are no numbers; look for them in the files, or "
                "leave the augmentation out."
            )
            raise UserError(
                f"The loss is {loss.item()} at batch {batch_idx + 1} of epoch {epoch}: {cause}"
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
        given = vars(model).get("configure_optimizers")
        # An earlier task of the same model may have done so before.
        ours = getattr(given, "__func__", None) is EmbeddingTask._default_optimizer
        if inherited and (given is None or ours):
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
