"""Log-mel energies, as many frames as the waveform holds and not one made of padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torchaudio.transforms import MelSpectrogram

from pyannote_ge2e.architectures.masks import centre, keeps_fewer, silence, weights_of_frames
from pyannote_ge2e.architectures.precision import at_least_single
from pyannote_ge2e.errors import UserError

# Below the energy of 16-bit rounding noise in most bands: digital silence stays finite.
FLOOR = 1e-6


class LogMel(nn.Module):
    """Log-mel front-end.

    Windows are not padded: frame `i` is made of the samples of its own window and nothing else,
    so a waveform that is shorter than one window has no frame.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate, in Hz.
    num_mels : int, optional
        Number of mel bands.
    window : float, optional
        Duration of the analysis window, in seconds.
    hop : float, optional
        Time between two windows, in seconds.
    normalise : bool, optional
        Subtract the mean over the utterance (over what is kept, with a mask) of each band, which
        removes gain and most of the channel.
    stack : int, optional
        Give `stack` consecutive windows as one frame: as many times fewer steps for the
        recurrence. Windows left over at the end are dropped.

    Examples
    --------
    >>> mel = LogMel(stack=3)
    >>> mel(torch.randn(2, 1, 16000)).shape
    torch.Size([2, 120, 32])
    >>> mel.num_frames(16000), mel.receptive_field_size(1)
    (32, 720)
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        num_mels: int = 40,
        window: float = 0.025,
        hop: float = 0.010,
        normalise: bool = True,
        stack: int = 1,
    ) -> None:
        super().__init__()
        self.window_size = round(window * sample_rate)
        self.hop_size = round(hop * sample_rate)
        for name, size in (("window", self.window_size), ("hop", self.hop_size)):
            if size < 1:
                raise UserError(f"mel: {name} is shorter than one sample at {sample_rate} Hz.")
        self.normalise = normalise
        self.stack = stack
        self.dimension = num_mels * stack
        # A single window minus its own mean would be zero, whatever the audio.
        self.min_num_frames = 2 if normalise and stack == 1 else 1
        self.spectrogram = MelSpectrogram(
            sample_rate,
            n_fft=self.window_size,
            hop_length=self.hop_size,
            n_mels=num_mels,
            center=False,
        )

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

    def forward(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:
        """Turn waveforms into frames.

        Parameters
        ----------
        waveforms : (batch, 1, sample) Tensor
            Waveforms.
        weights : (batch, any length) Tensor, optional
            Mask.

        Returns
        -------
        features : (batch, num_mels * stack, frame) Tensor
            Features, in the module's own precision; the bands of the earliest of the stacked
            windows come first.
        """
        if weights is not None:
            waveforms = silence(waveforms, weights)
        features = torch.log(self._energies(waveforms.squeeze(1)) + FLOOR)
        if self.normalise and weights is None:
            features = features - features.mean(-1, keepdim=True)
        elif self.normalise and weights is not None:
            features = centre(features, weights_of_frames(weights, features.shape[-1]))
        return self._stacked(features.to(self._dtype))

    def keeps_too_little(self, weights: Tensor, num_samples: int) -> Tensor:
        """Tell the (batch, 1) rows of a mask that leave nothing to hear.

        What is heard is the windows that are kept, in frames that are. A single one of them minus
        its own mean would be zero, whatever the audio.
        """
        num_frames = self.num_frames(num_samples)
        frames = weights_of_frames(weights, num_frames).repeat_interleave(self.stack, dim=-1)
        windows = weights_of_frames(weights, self._num_windows(num_samples))
        heard = torch.minimum(frames, windows[..., : num_frames * self.stack])
        return keeps_fewer(heard, 2 if self.normalise else 1)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.spectrogram.buffers()).dtype

    def _energies(self, waveforms: Tensor) -> Tensor:
        # In float32 at least: energies span more decades than 16 bits hold.
        buffers = {
            name: at_least_single(buffer) for name, buffer in self.spectrogram.named_buffers()
        }
        dtype = torch.promote_types(self._dtype, torch.float32)
        with torch.autocast(waveforms.device.type, enabled=False):
            return functional_call(self.spectrogram, buffers, waveforms.to(dtype))

    def _stacked(self, features: Tensor) -> Tensor:
        batch, num_mels, num_windows = features.shape
        num_frames = num_windows // self.stack
        features = features[..., : num_frames * self.stack]
        features = features.reshape(batch, num_mels, num_frames, self.stack)
        return features.permute(0, 3, 1, 2).reshape(batch, self.dimension, num_frames)
