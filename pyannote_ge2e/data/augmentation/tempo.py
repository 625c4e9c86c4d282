"""What makes speech faster or slower: by one of a few factors, from chunks read long enough."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
import torch

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.transform import Augmentation, Drawn, wrapped
from pyannote_ge2e.data.augmentation.values import check_choices, check_number
from pyannote_ge2e.errors import UserError

By = Literal["chunk", "speaker"]


class Tempo(Augmentation):
    """Base of what changes how long speech lasts, while a chunk keeps its length.

    A batch is read as much longer as its fastest chunk needs, and cut afterwards: no chunk ends in
    silence. Where a chunk cannot be read longer, its beginning comes again at its end.

    Parameters
    ----------
    factors : list of float
        How many times faster; each chunk draws one.
    p : float
        Share of the chunks (or of the speakers) that are changed.
    by : {"chunk", "speaker"}
        With "speaker", all the chunks that a batch holds of a speaker are changed alike, as if
        somebody else had spoken.
    """

    def __init__(self, factors: Sequence[float] | float, p: float = 0.5, by: By = "chunk") -> None:
        super().__init__(p=p)
        listed = [factors] if isinstance(factors, int | float) else factors
        if not isinstance(listed, list | tuple) or not listed:
            raise UserError(f"factors should be a list of numbers, not {factors!r}.")
        numbers = [check_number("factors", factor, least=0.25, most=4) for factor in listed]
        self.factors = [Fraction(factor).limit_denominator(100) for factor in numbers]
        (self.by,) = check_choices("by", by, ["chunk", "speaker"])

    def context(self, factor: Fraction, sample_rate: int) -> int:
        """Samples that the beginning and the end of what `change` gives should lose."""
        raise NotImplementedError

    def change(self, samples: torch.Tensor, factor: Fraction, sample_rate: int) -> torch.Tensor:
        """Make (batch, 1, sample) waveforms faster: `factor` times fewer samples."""
        raise NotImplementedError

    def rows(self, rng: np.random.Generator, chunks: Chunks) -> np.ndarray:
        """Draw which chunks are changed."""
        if self.by == "chunk" or chunks.speakers is None:
            return super().rows(rng, chunks)
        speakers, owner = np.unique(chunks.speakers, return_inverse=True)
        return np.flatnonzero((rng.random(len(speakers)) < self.p)[owner])

    def draw(self, rng: np.random.Generator, chunks: Chunks) -> Drawn:
        """Draw the factor of each chunk, by its number: (chunk,)."""
        if self.by == "chunk" or chunks.speakers is None:
            drawn = rng.integers(len(self.factors), size=chunks.count)
        else:
            speakers, owner = np.unique(chunks.speakers, return_inverse=True)
            drawn = rng.integers(len(self.factors), size=len(speakers))[owner]
        return {"factor": torch.from_numpy(drawn)}

    def input_length(self, drawn: Drawn, length: int, sample_rate: int) -> int:
        """Count the samples that the fastest chunk needs, and no fewer than the others."""
        needed = [length]
        for number in drawn["factor"].unique().tolist():
            factor = self.factors[number]
            output = length + 2 * self.context(factor, sample_rate)
            needed.append(int(-(-output * factor // 1)) + 1)
        return max(needed)

    def augment(
        self, samples: torch.Tensor, drawn: Drawn, length: int, sample_rate: int
    ) -> torch.Tensor:
        """Change each chunk by the factor that was drawn."""
        changed = samples.new_empty(*samples.shape[:-1], length)
        for number, factor in enumerate(self.factors):
            rows = (drawn["factor"] == number).nonzero().squeeze(1)
            if len(rows) > 0:
                context = self.context(factor, sample_rate)
                some = self._change(samples[rows], factor, length + 2 * context, sample_rate)
                changed[rows] = wrapped(some[..., context:], length)
        return changed

    def _change(
        self, samples: torch.Tensor, factor: Fraction, wanted: int, sample_rate: int
    ) -> torch.Tensor:
        if factor == 1:
            return samples
        needed = int(-(-wanted * factor // 1)) + 1
        return self.change(samples[..., :needed], factor, sample_rate)
