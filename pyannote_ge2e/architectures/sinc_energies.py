"""Log energies in bands whose edges are learned: SincNet's filters where log-mel has fixed ones."""

from __future__ import annotations

import math

import torch
from asteroid_filterbanks import ParamSincFB
from torch import Tensor
from torch.nn import functional as F

from pyannote_ge2e.architectures.frames import GridFrames
from pyannote_ge2e.architectures.masks import silence
from pyannote_ge2e.architectures.precision import at_least_single
from pyannote_ge2e.errors import UserError

# About what the rounding of 16-bit samples leaves in a band: digital silence stays finite.
FLOOR = 1e-8

# Samples of a filter: as in SincNet, 16 ms at the 16 kHz that it was made for.
FILTER_SIZE = 251

# Shorter filters cannot tell bands apart.
SHORTEST_FILTER = 51

# Width in Hz of the narrowest band that filters of that size make, as in SincNet.
MIN_BAND = 50


class SincEnergies(GridFrames):
    """Sinc filters, and the log energy of what passes each.

    A filter comes in two phases, cosine and sine, whose squares add up to an energy that does not
    depend on where in a period of the voice it is sampled. Energies are averaged over windows, as
    those of log-mel are. SincNet instead rectifies each phase and leaves averaging to further
    convolutions, which take far more data to train.

    Parameters
    ----------
    sample_rate : int, optional
        Sample rate, in Hz.
    num_filters : int, optional
        Number of bands, spaced as mel bands to begin with.
    stride : int, optional
        Samples from one application of the filters to the next.
    window : float, optional
        Duration of the audio behind a window's energies, filters included, in seconds.
    hop : float, optional
        Time between two windows, in seconds: a multiple of the stride.
    normalise : bool, optional
        Subtract the mean over the utterance (over what is kept, with a mask) of each band.
    stack : int, optional
        Give `stack` consecutive windows as one frame.
    filter_size : int, optional
        Samples of a filter, an odd number. Those of SincNet are 16 ms long at 16 kHz and cannot
        tell the harmonics of a voice apart; 1023 samples, in windows of 64 ms, do.

    Raises
    ------
    UserError
        When a window is shorter than a filter, or a hop is no multiple of the stride.

    References
    ----------
    M. Ravanelli, Y. Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018. The
    two phases are those of M. Pariente, S. Cornell, A. Deleforge, E. Vincent, "Filterbank design
    for end-to-end speech separation", ICASSP 2020.

    Examples
    --------
    >>> import torch
    >>> energies = SincEnergies(stack=3)
    >>> energies(torch.randn(2, 1, 16000)).shape
    torch.Size([2, 120, 32])
    >>> energies.num_frames(16000), energies.receptive_field_size(1)
    (32, 720)
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        num_filters: int = 40,
        stride: int = 10,
        window: float = 0.025,
        hop: float = 0.010,
        normalise: bool = True,
        stack: int = 1,
        filter_size: int = FILTER_SIZE,
    ) -> None:
        super().__init__(
            "sinc", sample_rate, num_filters, window, hop, normalise, stack, math.log(FLOOR)
        )
        self.stored_dimension = None  # the energies change while the filters learn
        if filter_size % 2 == 0 or filter_size < SHORTEST_FILTER:
            raise UserError(
                f"sinc: filter_size must be odd and {SHORTEST_FILTER} at least, not {filter_size}."
            )
        if stride > filter_size:
            raise UserError(
                f"sinc: stride ({stride}) is more than filter_size ({filter_size}): what lies "
                "between two filters would go unheard."
            )
        if self.window_size < filter_size:
            raise UserError(
                f"sinc: window is {self.window_size} samples at {sample_rate} Hz, shorter than a "
                f"filter, which has {filter_size}."
            )
        if self.hop_size % stride:
            raise UserError(
                f"sinc: hop is {self.hop_size} samples at {sample_rate} Hz, no multiple of stride "
                f"({stride})."
            )
        self.stride = stride
        # The longer a filter, the narrower the bands that it can tell apart.
        narrowest = MIN_BAND * FILTER_SIZE / filter_size
        self.filterbank = ParamSincFB(
            2 * num_filters, filter_size, sample_rate=sample_rate, min_band_hz=narrowest
        )
        # Filters applied in a window, and from one window to the next.
        self._applied = 1 + (self.window_size - filter_size) // stride
        self._hop = self.hop_size // stride

    def window_features(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:
        """Log energies of each window of (batch, 1, sample) waveforms.

        Returns
        -------
        features : (batch, num_filters, window) Tensor
            Neither normalised nor stacked, in float32 at least.
        """
        if weights is not None:
            waveforms = silence(waveforms, weights)
        # In 16 bits the phases of filters are noise, and so is what lies 50 dB below the rest.
        with torch.autocast(waveforms.device.type, enabled=False):
            filters = at_least_single(self.filterbank.filters())
            outputs = F.conv1d(waveforms.to(filters.dtype), filters, stride=self.stride)
        cosine, sine = outputs.square().chunk(2, dim=1)
        energies = F.avg_pool1d(cosine + sine, self._applied, self._hop)
        return (energies[..., : self._num_windows(waveforms.shape[-1])] + FLOOR).log()
