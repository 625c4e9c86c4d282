"""Frames on a regular grid: what log-mel energies and stored features have in common."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pyannote_ge2e.architectures.masks import centre, keeps_fewer, weights_of_frames
from pyannote_ge2e.architectures.precision import at_least_single
from pyannote_ge2e.errors import UserError


class GridFrames(nn.Module):
    """Front-end whose frame `i` is made of the samples of its own window and of no other.

    It takes waveforms, features that were computed before (one frame a window), or both. Then it
    subtracts means and stacks.

    Parameters
    ----------
    section : str
        What errors call its options.
    sample_rate : int
        In Hz.
    stored_dimension : int
        Number of features of a window.
    window, hop : float
        Duration of a window, and time from one to the next, in seconds.
    normalise : bool
        Subtract the mean over the utterance (over what is kept, with a mask) of each feature.
    stack : int
        Give `stack` consecutive windows as one frame. Windows left over at the end are dropped.
    silence : float
        What features are where a mask drops them.
    """

    takes_waveforms = True

    def __init__(
        self,
        section: str,
        sample_rate: int,
        stored_dimension: int,
        window: float,
        hop: float,
        normalise: bool,
        stack: int,
        silence: float = 0.0,
    ) -> None:
        super().__init__()
        self.window_size = round(window * sample_rate)
        self.hop_size = round(hop * sample_rate)
        hop_name = "hop" if self.takes_waveforms else "step"
        for name, size in (("window", self.window_size), (hop_name, self.hop_size)):
            if size < 1:
                raise UserError(
                    f"{section}: {name} is shorter than one sample at {sample_rate} Hz."
                )
        self.stored_dimension: int | None = stored_dimension
        self.normalise = normalise
        self.stack = stack
        self.dimension = stored_dimension * stack
        # A single window minus its own mean would be zero, whatever the audio.
        self.min_num_frames = 2 if normalise and stack == 1 else 1
        self._silence = silence

    def num_frames(self, num_samples: int) -> int:
        """Count the frames that so many samples give."""
        return self._num_windows(num_samples) // self.stack

    def _num_windows(self, num_samples: int) -> int:
        return 1 + (num_samples - self.window_size) // self.hop_size

    def receptive_field_size(self, num_frames: int = 1) -> int:
        """Count the samples that so many frames are made of."""
        return self.window_size + (num_frames * self.stack - 1) * self.hop_size

    def receptive_field_center(self, frame: int = 0) -> int:
        """Give the sample at the centre of a frame (of the two, the first)."""
        return frame * self.stack * self.hop_size + (self.receptive_field_size(1) - 1) // 2

    def is_waveform(self, inputs: Tensor) -> bool:
        """Tell waveforms (batch, 1, sample) from stored features (batch, dimension, frame)."""
        return self.takes_waveforms and inputs.shape[1] == 1

    def shortest(self, inputs: Tensor) -> int:
        """Count the samples, or the stored frames, that an embedding needs at least."""
        if self.is_waveform(inputs):
            return self.receptive_field_size(self.min_num_frames)
        return self.min_num_frames * self.stack

    def forward(self, inputs: Tensor, weights: Tensor | None = None) -> Tensor:
        """Turn waveforms, or stored features, into frames.

        Parameters
        ----------
        inputs : (batch, 1, sample) or (batch, stored_dimension, window) Tensor
            Waveforms, or the features of all windows as `window_features` gives them.
        weights : (batch, any length) Tensor, optional
            Mask.

        Returns
        -------
        features : (batch, stored_dimension * stack, frame) Tensor
            Features, in the module's own precision; those of the earliest of the stacked windows
            come first.
        """
        if self.is_waveform(inputs):
            features = self.window_features(inputs, weights)
        else:
            features = at_least_single(inputs)
            if weights is not None:
                features = self._silenced(features, weights)
        if self.normalise and weights is None:
            features = features - features.mean(-1, keepdim=True)
        elif self.normalise and weights is not None:
            features = centre(features, weights_of_frames(weights, features.shape[-1]))
        return self.stacked(features.to(self.dtype))

    def window_features(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:
        """Features of each window of (batch, 1, sample) waveforms: what is worth storing.

        Returns
        -------
        features : (batch, stored_dimension, window) Tensor
            In float32 at least.
        """
        raise NotImplementedError

    def keeps_too_little(self, weights: Tensor, inputs: Tensor) -> Tensor:
        """Tell the (batch, 1) rows of a mask that leave nothing to hear.

        What is heard is the windows that are kept, in frames that are. A single one of them minus
        its own mean would be zero, whatever the audio.
        """
        length = inputs.shape[-1]
        num_windows = self._num_windows(length) if self.is_waveform(inputs) else length
        num_frames = num_windows // self.stack
        frames = weights_of_frames(weights, num_frames).repeat_interleave(self.stack, dim=-1)
        windows = weights_of_frames(weights, num_windows)
        heard = torch.minimum(frames, windows[..., : num_frames * self.stack])
        return keeps_fewer(heard, 2 if self.normalise else 1)

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the frames that are given."""
        return next(self.buffers()).dtype

    def _silenced(self, features: Tensor, weights: Tensor) -> Tensor:
        kept = weights_of_frames(weights, features.shape[-1]).unsqueeze(1) > 0
        return features.where(kept, features.new_tensor(self._silence))

    def stacked(self, features: Tensor) -> Tensor:
        """Give `stack` consecutive windows of (batch, feature, window) features as one frame."""
        batch, size, num_windows = features.shape
        num_frames = num_windows // self.stack
        features = features[..., : num_frames * self.stack]
        features = features.reshape(batch, size, num_frames, self.stack)
        return features.permute(0, 3, 1, 2).reshape(batch, self.dimension, num_frames)
