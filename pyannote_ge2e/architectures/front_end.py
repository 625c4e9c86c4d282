"""What an architecture asks of its front-end."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class FrontEnd(Protocol):
    """Turns (batch, 1, sample) waveforms into (batch, dimension, frame) features.

    Some take (batch, stored_dimension, frame) features that were stored before, as well or instead.
    """

    dimension: int
    takes_waveforms: bool

    @property
    def stored_dimension(self) -> int | None: ...

    def __call__(self, inputs: Tensor, /, weights: Tensor | None = None) -> Tensor: ...

    def num_frames(self, num_samples: int) -> int: ...

    def receptive_field_size(self, num_frames: int = 1) -> int: ...

    def receptive_field_center(self, frame: int = 0) -> int: ...

    def shortest(self, inputs: Tensor, /) -> int: ...

    def keeps_too_little(self, weights: Tensor, inputs: Tensor, /) -> Tensor: ...
