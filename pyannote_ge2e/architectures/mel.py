"""Log-mel energies, as many frames as the waveform holds and not one made of padding."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.func import functional_call
from torchaudio.transforms import MelSpectrogram

from pyannote_ge2e.architectures.frames import GridFrames
from pyannote_ge2e.architectures.masks import silence
from pyannote_ge2e.architectures.precision import at_least_single

# Below the energy of 16-bit rounding noise in most bands: digital silence stays finite.
FLOOR = 1e-6


class LogMel(GridFrames):
    """Log-mel front-end.

    Windows are not padded: frame `i` is made of the samples of its own window and nothing else,
    so a waveform that is shorter than one window has no frame. Log-mel energies that were stored
    before, (batch, num_mels, window), may take the place of waveforms.

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
        super().__init__(
            "mel", sample_rate, num_mels, window, hop, normalise, stack, silence=math.log(FLOOR)
        )
        self.num_mels = num_mels
        self.spectrogram = MelSpectrogram(
            sample_rate,
            n_fft=self.window_size,
            hop_length=self.hop_size,
            n_mels=num_mels,
            center=False,
        )

    def window_features(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:
        """Log-mel energies of each window of (batch, 1, sample) waveforms.

        Returns
        -------
        features : (batch, num_mels, window) Tensor
            Neither normalised nor stacked, in float32 at least.
        """
        if weights is not None:
            waveforms = silence(waveforms, weights)
        return torch.log(self._energies(waveforms.squeeze(1)) + FLOOR)

    def _energies(self, waveforms: Tensor) -> Tensor:
        # In float32 at least: energies span more decades than 16 bits hold.
        buffers = {
            name: at_least_single(buffer) for name, buffer in self.spectrogram.named_buffers()
        }
        dtype = torch.promote_types(self.dtype, torch.float32)
        with torch.autocast(waveforms.device.type, enabled=False):
            return functional_call(self.spectrogram, buffers, waveforms.to(dtype))
