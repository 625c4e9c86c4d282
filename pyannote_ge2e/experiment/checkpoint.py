"""Checkpoints on disk: whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from pyannote_ge2e.architectures.checkpoint import put_loss_back, set_loss_apart
from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.data.files import replacing


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoints, renamed into place, with the loss set apart.

    Lightning writes through the system's temporary folder and copies, so that a crash leaves half
    a file. Setting the loss apart lets ``Model.from_pretrained`` load without a warning whatever
    the architecture, upstream's included.

    Parameters
    ----------
    config : dict
        The experiment's configuration: kept in each checkpoint under
        ``["pyannote.audio"]["config"]``, so that fine-tuning can start from the file alone.
    trained_on : dict
        `protocol` and `subset`, kept beside it: where evaluation finds a cohort.
    """

    def __init__(self, config: dict[str, Any], trained_on: dict[str, str]) -> None:
        super().__init__()
        self.config = config
        self.trained_on = trained_on

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write `checkpoint` to `path`, whole or not at all."""
        set_loss_apart(checkpoint)
        checkpoint["pyannote.audio"]["config"] = self.config
        checkpoint["pyannote.audio"]["trained_on"] = self.trained_on
        # Through memory: torch.save turns a full disk into an unreadable RuntimeError.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        with replacing(Path(path)) as temporary, temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read `path` for resuming: the loss goes back among the weights."""
        checkpoint = load_checkpoint(Path(path))
        put_loss_back(checkpoint)
        return checkpoint
