"""Transforms that are not ours: torch-audiomentations', or any module."""

from __future__ import annotations

import inspect

import torch
from torch import nn
from torch_audiomentations.core.composition import BaseCompose
from torch_audiomentations.core.transforms_interface import BaseWaveformTransform

from pyannote_ge2e.errors import UserError


def call(leaf: nn.Module, waveforms: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """Call a transform that is not ours.

    Parameters
    ----------
    leaf : Module
        A transform of torch-audiomentations, or any module called with waveforms.
    waveforms : (batch, 1, sample) float32 tensor
    sample_rate : int

    Returns
    -------
    augmented : (batch, 1, sample) float32 tensor

    Raises
    ------
    UserError
        Naming the transform that cannot do what it was told.
    """
    try:
        if isinstance(leaf, BaseWaveformTransform | BaseCompose) or (
            "sample_rate" in inspect.signature(leaf.forward).parameters
        ):
            output = leaf(samples=waveforms, sample_rate=sample_rate)
        else:
            output = leaf(waveforms)
    except (UserError, torch.OutOfMemoryError):
        raise
    except (ValueError, TypeError, AssertionError, RuntimeError) as error:
        raise UserError(
            f"{type(leaf).__name__} cannot augment chunks of {waveforms.shape[-1]} samples at "
            f"{sample_rate} Hz ({' '.join(str(error).split())}): change its parameters, or leave "
            "it out."
        ) from error
    samples: torch.Tensor = output if isinstance(output, torch.Tensor) else output.samples
    return samples
