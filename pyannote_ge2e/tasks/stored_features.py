"""Stored features in place of audio, throughout a protocol; and audio cut as they are."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import torch
from pyannote.audio import Model
from pyannote.database import FileFinder, Protocol, ProtocolFile, registry

from pyannote_ge2e.data.batches.framed import FramedAudio
from pyannote_ge2e.data.batches.sources import ChunkSource
from pyannote_ge2e.data.features.arrays import MissingFeatures
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.errors import UserError

__all__ = ["FeatureFinder", "changes_waveforms", "frame_grid", "framed", "with_features"]


class FeatureFinder(FileFinder):
    """Finds the features of a file where pyannote's own would look for its audio.

    Parameters
    ----------
    features : StoredFeatures
    """

    def __init__(self, features: StoredFeatures) -> None:
        places = copy(registry)
        databases = [*registry.databases, *registry.sources]
        places.sources = {database: [features.template] for database in databases}
        super().__init__(places)
        self.features = features

    def __call__(self, current_file: ProtocolFile) -> Path:
        """Path of the features of a file.

        Raises
        ------
        MissingFeatures
            If it has none.
        """
        path = Path(self.features.file(current_file["database"], current_file["uri"]))
        if not path.is_file():
            raise MissingFeatures(f"There are no stored features '{path}'.")
        return path


def with_features(protocol: Protocol, features: StoredFeatures) -> Protocol:
    """Have the `audio` of every file of a protocol be its features.

    Parameters
    ----------
    protocol : Protocol
    features : StoredFeatures

    Returns
    -------
    protocol : Protocol
        The same protocol, changed in place.
    """
    protocol.preprocessors["audio"] = FeatureFinder(features)
    return protocol


def frame_grid(model: Model) -> tuple[int, int] | None:
    """Samples from one frame of a model to the next, and of a frame; None if it has no such grid.

    Examples
    --------
    >>> from pyannote_ge2e.architectures import MelLSTM
    >>> frame_grid(MelLSTM(preset="td-sv"))
    (160, 400)
    """
    front_end: Any = getattr(model, "front_end", None)
    if not hasattr(front_end, "hop_size"):
        return None
    return front_end.hop_size, front_end.window_size


def framed(source: ChunkSource, model: Model, augmentation: torch.nn.Module | None) -> FramedAudio:
    """Have a source cut chunks where the frames of a model begin.

    Raises
    ------
    UserError
        If the model has no frames on a grid, or an augmentation would move them.
    """
    grid = frame_grid(model)
    if grid is None:
        raise UserError(
            f"frame_grid: {type(model).__name__} has no frames on a grid; leave it out."
        )
    if changes_waveforms(augmentation):
        raise UserError("frame_grid: augmentations of waveforms move frames; leave it or them out.")
    return FramedAudio(source, model.hparams["sample_rate"], *grid)


def changes_waveforms(augmentation: torch.nn.Module | None) -> bool:
    """Tell whether an augmentation is for waveforms, not for frames."""
    if augmentation is None:
        return False
    from pyannote_ge2e.data.augmentation.augmenter import Augmenter

    return Augmenter(augmentation).changes_waveforms
