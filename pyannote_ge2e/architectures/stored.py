"""A front-end for features that something else computed: they come in place of waveforms."""

from __future__ import annotations

import torch

from pyannote_ge2e.architectures.frames import GridFrames


class StoredFrames(GridFrames):
    """Features of another origin (PASE+, self-supervised...), means subtracted, and stacked.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate of the audio that they were computed from, in Hz.
    dimension : int, optional
        Number of features in a frame.
    step, window : float, optional
        Time from one frame to the next, and what a frame is made of, in seconds.
    normalise : bool, optional
        Subtract the mean over the utterance (over what is kept, with a mask) of each feature.
    stack : int, optional
        Give `stack` consecutive frames as one.
    name : str, optional
        What these features are called, in errors.

    Examples
    --------
    >>> StoredFrames(dimension=256, stack=2)(torch.randn(3, 256, 101)).shape
    torch.Size([3, 512, 50])
    """

    takes_waveforms = False

    def __init__(
        self,
        sample_rate: int = 16000,
        dimension: int = 40,
        step: float = 0.010,
        window: float = 0.025,
        normalise: bool = True,
        stack: int = 1,
        name: str | None = None,
    ) -> None:
        super().__init__("features", sample_rate, dimension, window, step, normalise, stack)
        self.step = step
        self.name = name
        # Nothing to learn, and nothing to save: it follows the precision of the model.
        self.register_buffer("_precision", torch.zeros(()), persistent=False)

    @property
    def wanted(self) -> str:
        """What has to be given to it, in words.

        Examples
        --------
        >>> StoredFrames(dimension=256, name="PASE+").wanted
        'PASE+ features, 256 every 0.01 s: (batch, 256, frame)'
        """
        name = f"{self.name} features" if self.name else "features"
        size = self.stored_dimension
        return f"{name}, {size} every {self.step:g} s: (batch, {size}, frame)"
