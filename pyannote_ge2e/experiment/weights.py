"""Weights on disk after every epoch."""

from __future__ import annotations

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.optim.lr_scheduler import ReduceLROnPlateau

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.epochs import epochs_done
from pyannote_ge2e.experiment.layout import TrainFolder


class SaveEachEpoch(Callback):
    """Write `weights/%04d.pt` when an epoch ends, each with all that resuming needs.

    Parameters
    ----------
    run : TrainFolder
        Where to write.
    pretrained : bool
        Also write the weights before training as `0000.pt`.
    keep : int, optional
        Keep only that many newest files.
    """

    def __init__(self, run: TrainFolder, pretrained: bool = False, keep: int | None = None) -> None:
        self.run = run
        self.pretrained = pretrained
        self.keep = keep

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what fine-tuning starts from."""
        if self.pretrained and epochs_done(trainer) == 0:
            trainer.save_checkpoint(self.run.weights_of(0))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Step the plateau scheduler, check that the weights are numbers, then write.

        Lightning steps that one scheduler after this hook, so that a resumed run would lack one
        step: `configure_optimizers` leaves it to us (its frequency is beyond any run).
        """
        for config in trainer.lr_scheduler_configs:
            if isinstance(config.scheduler, ReduceLROnPlateau):
                assert config.monitor is not None
                config.scheduler.step(trainer.callback_metrics[config.monitor])
        _check_finite(pl_module, epochs_done(trainer))
        trainer.save_checkpoint(self.run.weights_of(epochs_done(trainer)))
        if self.keep is not None and trainer.is_global_zero:
            self.run.prune(self.keep)


def _check_finite(model: LightningModule, epoch: int) -> None:
    # The loss told nothing of the epoch's last step; with `keep`, good weights would go for these.
    for name, value in model.state_dict().items():
        if not torch.isfinite(value).all():
            raise UserError(
                f"After epoch {epoch}, '{name}' holds values that are no numbers, and was not "
                "saved: training diverged; try a lower learning rate, or clip gradients at a "
                "lower norm."
            )
