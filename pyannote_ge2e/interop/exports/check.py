"""Whether an exported model gives what the one that it came from gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from pyannote.audio import Model
from torch import Tensor

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.interop.exports.forms import Run

TOLERANCE = 1e-5
# Batch sizes and seconds: other ones than those that a graph is traced with.
CASES = ((1, 0.5), (1, 1.0), (3, 1.37), (2, 2.0), (1, 4.21))


def check_same(model: Model, run: Run) -> float:
    """Compare outputs over several lengths and batch sizes.

    Parameters
    ----------
    model : Model
        In evaluation mode, on the CPU.
    run : callable
        (batch, 1, sample) waveforms to (batch, dimension) embeddings.

    Returns
    -------
    largest : float
        Largest difference, over the largest output where that is above 1.

    Raises
    ------
    UserError
        If it is larger than `TOLERANCE`, or the exported model fails.
    """
    largest = 0.0
    for waveforms in _cases(model):
        batch, _, length = waveforms.shape
        what = f"{batch} x {length} {'samples' if waveforms.shape[1] == 1 else 'frames'}"
        with torch.inference_mode():
            wanted = model(waveforms)
            try:
                found = run(waveforms)
            except Exception as error:  # every runtime has its own
                reason = str(error).strip().splitlines()[-1] if str(error).strip() else repr(error)
                raise UserError(f"The exported model fails on {what} ({reason}).") from error
        if found.shape != wanted.shape:
            raise UserError(
                f"The exported model gives {tuple(found.shape)} of {what}, not "
                f"{tuple(wanted.shape)}."
            )
        difference = float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1))
        if not difference <= TOLERANCE:
            raise UserError(
                f"The exported model differs by {difference:.1e} on {what}, and {TOLERANCE:g} is "
                "allowed."
            )
        largest = max(largest, difference)
    return largest


def _cases(model: Any) -> Iterator[Tensor]:
    """Noise that swells and falls silent: logarithms and norms are tried at both ends."""
    generator = torch.Generator().manual_seed(1)
    for batch, seconds in CASES:
        length, channels = round(seconds * model.hparams["sample_rate"]), 1
        if not getattr(model, "takes_waveforms", True):
            # Stored features, of which there are about a hundred frames a second.
            length, channels = round(100 * seconds), model.stored_dimension
        waveforms = torch.randn(batch, channels, length, generator=generator)
        waveforms *= torch.linspace(0, 0.3, length)
        waveforms[..., : length // 5] = 0
        yield waveforms
