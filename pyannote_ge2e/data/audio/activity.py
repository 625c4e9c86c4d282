"""Whether there is anything to hear in a recording, judged by its energy alone.

An embedding of silence is as good-looking as any other, and its score means nothing. What can be
told without a model of speech is told: digital silence, a level at which nobody speaks, too
little that stands out, a sound that never changes. Music passes for speech.
"""

from __future__ import annotations

import numpy as np

__all__ = ["LEAST_ACTIVE", "LEAST_CHANGE", "QUIETEST", "RANGE", "SoundLevels", "no_speech"]

HOP = 0.010  # seconds
_HOPS_PER_FRAME = 2
QUIETEST = -60.0  # dBFS: the loudest quarter of a second of speech is above
RANGE = 30.0  # dB below that quarter: what is quieter is taken for a pause
LEAST_ACTIVE = 0.25  # seconds that are no pause
LEAST_CHANGE = 3.0  # dB between loud and soft frames: steady noise has less than 2
_REFERENCE_FRAMES = 25


class SoundLevels:
    """Levels of the frames of a recording that comes in stretches.

    Parameters
    ----------
    sample_rate : int

    Examples
    --------
    >>> levels = SoundLevels(16000)
    >>> levels.add(np.zeros(16000, np.float32))
    >>> levels.problem()
    'silent: every sample has the same value'
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop = round(HOP * sample_rate)
        self._rate = sample_rate
        self._power: list[np.ndarray] = []
        self._samples = 0

    def add(self, waveform: np.ndarray) -> None:
        """Add a stretch: (sample,) float array."""
        self._samples += len(waveform)
        # In whole hops, then frames of some hops: one pass, though frames overlap. The mean goes,
        # frame by frame: an offset of the sound card is nothing to hear.
        hops = len(waveform) // self._hop
        parts = waveform[: hops * self._hop].reshape(hops, self._hop)
        if hops >= _HOPS_PER_FRAME:
            sums = _moving(parts.sum(axis=1, dtype=np.float64))
            squares = _moving(np.einsum("hs,hs->h", parts, parts, dtype=np.float64))
            size = _HOPS_PER_FRAME * self._hop
            self._power.append(np.maximum(squares / size - (sums / size) ** 2, 0.0))

    def problem(self) -> str | None:
        """What keeps the recording from holding speech, or None.

        Returns
        -------
        problem : str or None
            Words that go on after "'a.wav' is ".
        """
        power = np.concatenate(self._power) if self._power else np.zeros(0)
        seconds = self._samples / self._rate
        if len(power) == 0:
            return f"too short: {seconds:.2f} s, and at least {LEAST_ACTIVE:g} s are needed"
        if not (power > 1e-14).any():  # rounding of the sums, 140 dB down
            return "silent: every sample has the same value"
        level = 10 * np.log10(np.maximum(power, 1e-14))
        loudest = float(np.sort(level)[-min(_REFERENCE_FRAMES, len(level))])
        if loudest < QUIETEST:
            return (
                f"silent: its loudest quarter of a second reaches {loudest:.0f} dBFS, and speech "
                f"is above {QUIETEST:.0f}"
            )
        active = level >= max(loudest - RANGE, QUIETEST)
        if (found := np.count_nonzero(active) * HOP) < LEAST_ACTIVE:
            return f"too short: {found:.2f} s of sound, and at least {LEAST_ACTIVE:g} s are needed"
        soft, loud = np.percentile(level[active], [5, 95])
        if loud - soft < LEAST_CHANGE:
            return (
                f"not speech: its level stays within {loud - soft:.1f} dB, as that of noise or of "
                "a tone does"
            )
        return None


def no_speech(waveform: np.ndarray, sample_rate: int) -> str | None:
    """What keeps a waveform from holding speech, or None.

    Parameters
    ----------
    waveform : (sample,) float array
        Within [-1, 1].
    sample_rate : int

    Returns
    -------
    problem : str or None
        Words that go on after "'a.wav' is ".

    Examples
    --------
    >>> no_speech(np.full(16000, 1e-5), 16000)
    'silent: every sample has the same value'
    >>> noise = np.random.default_rng(0).standard_normal(32000)
    >>> no_speech(1e-4 * noise, 16000)
    'silent: its loudest quarter of a second reaches -80 dBFS, and speech is above -60'
    >>> no_speech(0.1 * noise, 16000)
    'not speech: its level stays within 1.1 dB, as that of noise or of a tone does'
    """
    levels = SoundLevels(sample_rate)
    levels.add(waveform)
    return levels.problem()


def _moving(per_hop: np.ndarray) -> np.ndarray:
    """Sums over frames, of sums over hops."""
    return np.lib.stride_tricks.sliding_window_view(per_hop, _HOPS_PER_FRAME).sum(axis=1)
