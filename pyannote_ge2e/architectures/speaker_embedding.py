"""What every architecture shares: what it takes, whom a mask may name, what a checkpoint holds."""

from __future__ import annotations

from typing import Any

from pyannote.audio.core.model import Model
from pyannote.audio.core.task import Task
from torch import Tensor

from pyannote_ge2e.architectures.checkpoint import put_loss_back, set_loss_apart
from pyannote_ge2e.architectures.on_files import OnFiles
from pyannote_ge2e.errors import UserError


class SpeakerEmbedding(OnFiles, Model):
    """Waveforms in, one embedding each out.

    Parameters
    ----------
    sample_rate : int
        Sample rate, in Hz.
    num_channels : int
        Number of channels: 1.
    task : Task, optional
        What to learn.
    """

    def __init__(self, sample_rate: int, num_channels: int, task: Task | None) -> None:
        if num_channels != 1:
            raise UserError(f"num_channels must be 1 (mono), not {num_channels!r}.")
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)

    @property
    def takes_waveforms(self) -> bool:
        """Whether it embeds audio, and not only features that were stored before."""
        return True

    @property
    def stored_dimension(self) -> int | None:
        """Size of the stored features that it embeds, if it does."""
        return None

    @property
    def dimension(self) -> int:
        """Size of the embedding."""
        return self.hparams["dimension"]

    def embed(self, inputs: Tensor, weights: Tensor | None) -> Tensor:
        """Embed (batch, 1, sample) inputs, under (batch, any length) weights: (batch, dimension).

        Their shapes were checked.
        """
        raise NotImplementedError

    def shortest(self, inputs: Tensor) -> int:
        """Count the samples, or the stored frames, that an embedding needs at least."""
        raise NotImplementedError

    def forward(  # type: ignore[override]
        self, waveforms: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Embed waveforms.

        Parameters
        ----------
        waveforms : (batch, 1, sample) or (batch, stored_dimension, frame) Tensor
            Waveforms; or features that were stored before, where the model takes them.
        weights : (batch, any length) or (batch, speaker, any length) Tensor, optional
            Mask, read at the nearest position by each layer: 0 drops, a positive value keeps.
            Audio that is dropped has no effect at all on the embedding.

        Returns
        -------
        embeddings : (batch, dimension) or (batch, speaker, dimension) Tensor
            Embeddings. NaN where the mask keeps too few frames: what upstream's diarization
            takes for "no embedding", and leaves out of its clustering.

        Raises
        ------
        ValueError
            When the waveforms are too short for one embedding, or the shapes do not match.
        """
        self.check(waveforms, weights)
        if weights is None or weights.dim() == 2:
            return self.embed(waveforms, weights)
        num_speakers = weights.shape[1]
        each = waveforms.repeat_interleave(num_speakers, dim=0)
        return self.embed(each, weights.flatten(0, 1)).unflatten(0, (-1, num_speakers))

    def check(self, waveforms: Tensor, weights: Tensor | None = None) -> None:
        """Check what is to be embedded.

        Raises
        ------
        ValueError
            As `forward`.
        """
        channels = waveforms.shape[1] if waveforms.dim() == 3 else None
        is_audio = channels == 1 and self.takes_waveforms
        if not is_audio and (channels is None or channels != self.stored_dimension):
            raise UserError(self._wanted(waveforms))
        needed = self.shortest(waveforms)
        if waveforms.shape[-1] < needed:
            raise ValueError(
                f"{waveforms.shape[-1]} {'samples' if is_audio else 'frames'} are too few for an "
                f"embedding: {type(self).__name__} needs at least {needed}."
            )
        if weights is not None and (
            weights.dim() not in (2, 3) or weights.shape[0] != waveforms.shape[0]
        ):
            raise ValueError(
                "Weights must have shape (batch, frame) or (batch, speaker, frame) with a batch "
                f"of {waveforms.shape[0]}, not {tuple(weights.shape)}."
            )

    def _wanted(self, waveforms: Tensor) -> str:
        """Say what the model takes, to whoever gave something else."""
        wanted = "Waveforms must have shape (batch, 1, sample)"
        if self.stored_dimension is not None:
            wanted += f", and stored features (batch, {self.stored_dimension}, frame)"
        return f"{wanted}, not {tuple(waveforms.shape)}."

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the loss's weights apart from the model's."""
        super().on_save_checkpoint(checkpoint)
        set_loss_apart(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the loss's weights back when there is a task to use them."""
        set_loss_apart(checkpoint)
        super().on_load_checkpoint(checkpoint)
        if self.task is not None:
            put_loss_back(checkpoint)
