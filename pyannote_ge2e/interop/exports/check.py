"""Whether an exported model gives what the one that it came from gives."""

from __future__ import annotations

from collections.abc import Iterator

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
    for waveforms in _cases(model.hparams["sample_rate"]):
        batch, _, length = waveforms.shape
        with torch.inference_mode():
            wanted = model(waveforms)
            try:
                found = run(waveforms)
            except Exception as error:  # every runtime has its own
                reason = str(error).strip().splitlines()[-1] if str(error).strip() else repr(error)
                raise UserError(
                    f"The exported model fails on {batch} x {length} samples ({reason})."
                ) from error
        if found.shape != wanted.shape:
            raise UserError(
                f"The exported model gives {tuple(found.shape)} of {batch} x {length} samples, not "
                f"{tuple(wanted.shape)}."
            )
        difference = float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1))
        if not difference <= TOLERANCE:
            raise UserError(
                f"The exported model differs by {difference:.1e} on {batch} x {length} samples, "
                f"and {TOLERANCE:g} is allowed."
            )
        largest = max(largest, difference)
    return largest


def _cases(sample_rate: int) -> Iterator[Tensor]:
    """Noise that swells and falls silent: logarithms and norms are tried at both ends."""
    generator = torch.Generator().manual_seed(1)
    for batch, seconds in CASES:
        length = round(seconds * sample_rate)
        waveforms = torch.randn(batch, 1, length, generator=generator)
        waveforms *= torch.linspace(0, 0.3, length)
        waveforms[..., : length // 5] = 0
        yield waveforms
