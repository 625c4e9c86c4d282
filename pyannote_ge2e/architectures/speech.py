"""Which samples of a recording are listened to: levels and silence, as GE2E projects treat them.

Each of the `SILENCES` tells the samples to keep of one waveform whose level was set already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pyannote_ge2e.errors import UserError

# WebRTC's detector takes blocks of 10, 20 or 30 ms at 16 kHz, and Resemblyzer the longest.
_BLOCK = 480
# librosa's frames of 128 ms, every 32 ms.
_FRAME, _HOP = 2048, 512


def raise_level(waveforms: Tensor, kept: Tensor | None = None) -> Tensor:
    """Amplify what is softer than -30 dB below full scale up to there; leave the rest alone.

    Parameters
    ----------
    waveforms : (batch, sample) Tensor
        Waveforms.
    kept : (batch, sample) bool Tensor, optional
        Samples that count. The others are expected to be zero.

    Returns
    -------
    waveforms : (batch, sample) Tensor
        Waveforms. Digital silence stays what it is.

    Examples
    --------
    >>> raise_level(torch.tensor([[0.001, -0.001], [0.5, -0.5], [0.0, 0.0]]))
    tensor([[ 0.0316, -0.0316],
            [ 0.5000, -0.5000],
            [ 0.0000,  0.0000]])
    """
    count = waveforms.shape[-1] if kept is None else kept.sum(-1, keepdim=True).clamp(min=1)
    level = (waveforms.square().sum(-1, keepdim=True) / count).sqrt()
    gain = torch.where(level > 0, 10 ** (-30 / 20) / level, torch.ones_like(level))
    return waveforms * gain.clamp(min=1.0)


def set_peak(waveforms: Tensor, kept: Tensor | None = None) -> Tensor:
    """Bring the largest sample of each waveform to -3 dB of full scale.

    Parameters
    ----------
    waveforms : (batch, sample) Tensor
        Waveforms.
    kept : (batch, sample) bool Tensor, optional
        Samples that count. The others are expected to be zero, which is no peak.

    Returns
    -------
    waveforms : (batch, sample) Tensor
        Waveforms. Digital silence stays what it is.

    Examples
    --------
    >>> set_peak(torch.tensor([[0.1, -0.2], [0.0, 0.0]]))
    tensor([[ 0.3540, -0.7079],
            [ 0.0000,  0.0000]])
    """
    peak = waveforms.abs().amax(-1, keepdim=True)
    return waveforms * torch.where(peak > 0, 10 ** (-3 / 20) / peak, torch.ones_like(peak))


def leave_level(waveforms: Tensor, kept: Tensor | None = None) -> Tensor:
    """Return (batch, sample) waveforms as they are."""
    return waveforms


def _all(waveform: Tensor) -> Tensor:
    return torch.ones_like(waveform, dtype=torch.bool)


def _between_edges(waveform: Tensor) -> Tensor:
    """Keep all from the first sample above 1 % of full scale to the last."""
    loud = waveform.abs() > 0.01
    return loud.cummax(0).values & loud.flip(0).cummax(0).values.flip(0)


def _loud_frames(waveform: Tensor) -> Tensor:
    """Tell librosa's frames that are less than 30 dB below the loudest."""
    padded = F.pad(waveform, (_FRAME // 2, _FRAME // 2))
    power = padded.unfold(0, _FRAME, _HOP).square().mean(-1).clamp(min=1e-10)
    return power > power.amax() * 10 ** (-30 / 10)


def _split(waveform: Tensor) -> Tensor:
    """Keep the stretches of `librosa.effects.split(top_db=30)`, put together."""
    return _loud_frames(waveform).repeat_interleave(_HOP)[: len(waveform)]


def _trim(waveform: Tensor) -> Tensor:
    """Keep what `librosa.effects.trim(top_db=30)` does."""
    loud = _loud_frames(waveform)
    return (loud.cummax(0).values & loud.flip(0).cummax(0).values.flip(0)).repeat_interleave(_HOP)[
        : len(waveform)
    ]


def _energy(waveform: Tensor) -> Tensor:
    """Keep blocks within 30 dB of the loud ones, and short silences between them.

    Not WebRTC's detector, which knows speech from noise: only its smoothing is Resemblyzer's.
    """
    if len(waveform) < _BLOCK:
        return _all(waveform)
    power = waveform.unfold(0, _BLOCK, _BLOCK).square().mean(-1)
    return _smoothed(power > power.quantile(0.95) * 10 ** (-30 / 10), waveform)


def _webrtcvad(waveform: Tensor) -> Tensor:
    """Keep what Resemblyzer keeps: WebRTC's detector at its strictest, smoothed."""
    detector = _strictest_webrtcvad()
    whole = waveform[: len(waveform) // _BLOCK * _BLOCK].cpu()
    pcm = (whole * 32767).round().clamp(-32768, 32767).to(torch.int16)
    voiced = [detector.is_speech(block.numpy().tobytes(), 16000) for block in pcm.view(-1, _BLOCK)]
    if not voiced:
        return _all(waveform)
    return _smoothed(torch.tensor(voiced, device=waveform.device), waveform)


def _strictest_webrtcvad() -> Any:
    try:
        import webrtcvad
    except ImportError as error:
        raise UserError(
            f"silence='webrtcvad' needs a package that cannot be imported ({error}): "
            "pip install webrtcvad-wheels, or choose silence='energy'."
        ) from error
    return webrtcvad.Vad(3)


def _smoothed(voiced: Tensor, waveform: Tensor) -> Tensor:
    """From blocks to samples, by way of a moving average over 8 blocks and a dilation by 7."""
    flags = F.pad(voiced.float(), (3, 4)).view(1, 1, -1)
    most = (F.avg_pool1d(flags, 8, stride=1) > 0.5).float()
    dilated = F.max_pool1d(most, 7, stride=1, padding=3).view(-1) > 0
    samples = dilated.repeat_interleave(_BLOCK)
    return F.pad(samples, (0, len(waveform) - len(samples)))


SILENCES: dict[str, Callable[[Tensor], Tensor]] = {
    "keep": _all,
    "edges": _between_edges,
    "trim": _trim,
    "split": _split,
    "energy": _energy,
    "webrtcvad": _webrtcvad,
}


def listened_to(waveform: Tensor, silence: str) -> Tensor:
    """Tell the samples that are left when silence is dropped.

    Parameters
    ----------
    waveform : (sample,) Tensor
        Waveform at 16 kHz, whose level was set already.
    silence : {"keep", "edges", "trim", "split", "energy", "webrtcvad"}
        What to drop: nothing; both ends, up to 1 % of full scale; both ends, or any stretch, 30 dB
        below the loudest frame, as `librosa.effects.trim` and `split` do; blocks of 30 ms by
        their energy; what WebRTC's detector takes for no speech, as in Resemblyzer.

    Returns
    -------
    kept : (sample,) bool Tensor
        Everything where nothing, or less than 25 ms, would be left.

    Examples
    --------
    >>> waveform = torch.cat([torch.zeros(800), torch.ones(1600), torch.zeros(400)])
    >>> int(listened_to(waveform, "edges").sum())
    1600
    >>> int(listened_to(0 * waveform, "edges").sum())
    2800
    """
    kept = SILENCES[silence](waveform)
    return kept if kept.sum() >= 400 else _all(waveform)
