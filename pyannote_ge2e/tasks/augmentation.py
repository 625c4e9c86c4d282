"""What is left of a batch's augmentation when the batch is on the device that trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.audio import Model

    from pyannote_ge2e.data.augmentation.augmenter import Augmenter, Step


def check_augmentation(augmenter: Augmenter | None, model: Model, from_audio: bool) -> None:
    """Check that there is something to augment.

    Raises
    ------
    UserError
        If frames are to be masked and the model has none, or waveforms are to be changed and
        batches are of features that were stored before.
    """
    if augmenter is None:
        return
    if augmenter.masks_frames and not has_frames(type(model)):
        raise UserError(no_frames(type(model).__name__))
    if augmenter.changes_waveforms and not from_audio:
        raise UserError(
            "Stored features are of audio as it was: of the augmentations, only SpecAugment can "
            "change them."
        )


def has_frames(architecture: type) -> bool:
    """Tell whether a model lets its frames be augmented: see `RecurrentEmbedding`."""
    return hasattr(architecture, "frame_augmentation")


def no_frames(architecture: str) -> str:
    """Say that SpecAugment cannot be had with an architecture."""
    return (
        f"SpecAugment masks the frames of SincNetLSTM and MelLSTM, and {architecture} gives none "
        "to mask: leave it out, or choose one of the two."
    )


def augmented(batch: Mapping[str, Any], augmenter: Augmenter | None, model: Model) -> Tensor:
    """Waveforms of a batch, with what was left to apply to them on this device."""
    X: Tensor = batch["X"]
    if augmenter is None:
        return X
    return augmenter.apply(X, batch.get("augmentation", []), model.hparams["sample_rate"])


@contextmanager
def masked_frames(
    batch: Mapping[str, Any], augmenter: Augmenter | None, model: Any
) -> Iterator[None]:
    """Have the model mask its frames as was drawn for a batch, as long as this lasts."""
    if augmenter is None or not augmenter.masks_frames:
        yield
        return
    steps: Sequence[Step] = batch.get("augmentation", [])

    def mask(features: Tensor, stack: int) -> Tensor:
        return stacked(augmenter.apply_to_frames(unstacked(features, stack), steps), stack)

    for network in model.networks:
        network.frame_augmentation = partial(mask, stack=getattr(network.front_end, "stack", 1))
    try:
        yield
    finally:
        for network in model.networks:
            del network.frame_augmentation


def unstacked(features: Tensor, stack: int) -> Tensor:
    """Take apart the windows that a front-end gives as one frame, for bands to be bands again.

    Examples
    --------
    >>> import torch
    >>> features = torch.arange(12.0).view(1, 6, 2)
    >>> unstacked(features, 3).shape, torch.equal(stacked(unstacked(features, 3), 3), features)
    (torch.Size([1, 2, 6]), True)
    """
    batch, dimension, num_frames = features.shape
    parted = features.view(batch, stack, dimension // stack, num_frames)
    return parted.permute(0, 2, 3, 1).reshape(batch, dimension // stack, num_frames * stack)


def stacked(features: Tensor, stack: int) -> Tensor:
    """Join windows again: the inverse of `unstacked`."""
    batch, size, num_windows = features.shape
    parted = features.view(batch, size, num_windows // stack, stack)
    return parted.permute(0, 3, 1, 2).reshape(batch, size * stack, num_windows // stack)
