"""Synthetic voices: a source-filter model of speech, drawn at random, one speaker after another.

A glottal source (pulses and breath) goes through the resonances of a vocal tract that moves from
sound to sound (Fant, *Acoustic Theory of Speech Production*, 1960). What makes a speaker stays
(length of the tract, pitch, breathiness...); what is said, and over which channel, changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import firwin2, lfilter, sosfilt

__all__ = ["SAMPLE_RATE", "Voice", "channel", "draw_voice", "record", "speak"]

SAMPLE_RATE = 16_000
_FRAME = 160  # samples between two shapes of the vocal tract: 10 ms

# First four resonances, in Hz, of a 17 cm tract: i e a o u, a schwa and two front vowels.
_VOWELS = np.array(
    [
        [280, 2250, 2900, 3500],
        [420, 2050, 2600, 3400],
        [730, 1200, 2500, 3450],
        [480, 880, 2450, 3350],
        [320, 800, 2300, 3300],
        [500, 1450, 2450, 3450],
        [600, 1750, 2500, 3450],
        [350, 1750, 2300, 3350],
    ],
    dtype=float,
)
_NASAL = np.array([270.0, 1100.0, 2250.0, 3200.0])
_BANDWIDTHS = np.array([70.0, 95.0, 140.0, 200.0, 260.0])
_FIFTH = 4400.0  # a resonance that hardly moves with what is said


@dataclass(frozen=True)
class Voice:
    """What stays the same whenever a speaker speaks.

    Attributes
    ----------
    pitch : float
        Median fundamental frequency, in Hz.
    intonation : float
        Spread of the pitch within an utterance, in octaves.
    tract : float
        Factor on all resonances: above 1 for a vocal tract shorter than 17 cm.
    formants : (5,) array
        The speaker's own factor on each resonance.
    bandwidth : float
        Factor on the bandwidths of the resonances.
    breath : float
        Level of the aspiration noise against the pulses.
    tilt : float
        Pole of the glottal low-pass, in [0, 1): the higher, the duller.
    jitter : float
        Relative irregularity of the periods.
    rate : float
        Syllables per second.
    hiss : float
        Centre of the speaker's fricatives, in Hz.
    """

    pitch: float
    intonation: float
    tract: float
    formants: np.ndarray
    bandwidth: float
    breath: float
    tilt: float
    jitter: float
    rate: float
    hiss: float


def draw_voice(rng: np.random.Generator) -> Voice:
    """Draw a speaker.

    Pitch and tract length go together, as they do in people, but not all the way.

    Examples
    --------
    >>> voice = draw_voice(np.random.default_rng(0))
    >>> 70 < voice.pitch < 320
    True
    """
    size = rng.uniform(-1, 1)  # from large to small
    return Voice(
        pitch=150 * 2 ** (0.65 * size + 0.25 * rng.uniform(-1, 1)),
        intonation=rng.uniform(0.06, 0.18),
        tract=2 ** (0.14 * size + 0.10 * rng.uniform(-1, 1)),
        formants=2 ** (0.11 * rng.uniform(-1, 1, 5)),
        bandwidth=2 ** rng.uniform(-0.5, 0.7),
        breath=10 ** rng.uniform(-1.6, -0.4),
        tilt=rng.uniform(0.75, 0.95),
        jitter=rng.uniform(0.002, 0.03),
        rate=rng.uniform(2.8, 5.5),
        hiss=rng.uniform(3000, 6500),
    )


def speak(voice: Voice, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Say something: a random sequence of syllables.

    Parameters
    ----------
    voice : Voice
    seconds : float
    rng : Generator
        What is said, and how.

    Returns
    -------
    waveform : (samples,) float array
        At `SAMPLE_RATE`, clean, with a root mean square of 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> speak(draw_voice(rng), 0.5, rng).shape
    (8000,)
    """
    frames = round(seconds * SAMPLE_RATE / _FRAME)
    resonances, voicing, frication = _gestures(voice, frames, rng)
    source = _source(voice, voicing, rng)
    waveform = _vocal_tract(source, resonances, voice.bandwidth)
    waveform += _fricatives(voice, frication, rng)
    waveform = waveform[: round(seconds * SAMPLE_RATE)]
    return waveform / np.sqrt(np.mean(waveform**2) + 1e-12)


def channel(rng: np.random.Generator) -> np.ndarray:
    """Draw the frequency response of a microphone and a room, as a (65,) FIR filter."""
    frequencies = np.array([0, 100, 300, 800, 1800, 3500, 6000, 8000]) / 8000
    decibels = 2.0 * rng.standard_normal(len(frequencies))
    decibels[0] = decibels[1] - 12  # no microphone hears the very lowest
    return firwin2(65, frequencies, 10 ** (decibels / 20))


def record(speech: np.ndarray, response: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Record clean speech over a channel, with some noise, at some level.

    Parameters
    ----------
    speech : (samples,) array
        Clean speech, with a root mean square of 1.
    response : (taps,) array
        Channel.
    rng : Generator
        Of the noise and of the level.

    Returns
    -------
    waveform : (samples,) int16 array
    """
    heard = lfilter(response, [1.0], speech)
    # Noise between white and rather low: a pole between 0 and .95.
    noise = lfilter([1.0], [1.0, -rng.uniform(0, 0.95)], rng.standard_normal(len(heard)))
    decibels = rng.uniform(15, 35)
    heard += noise * np.sqrt(np.mean(heard**2) / np.mean(noise**2)) * 10 ** (-decibels / 20)
    peak = 10 ** (rng.uniform(-16, -2) / 20)
    return np.round(heard * (peak * 32767 / (np.abs(heard).max() + 1e-12))).astype("<i2")


def _gestures(
    voice: Voice, frames: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw what the mouth does: resonances (frames, 5), voicing and frication (frames,)."""
    per_second = SAMPLE_RATE / _FRAME
    resonances = np.zeros((frames, 4))
    voicing, frication = np.zeros(frames), np.zeros(frames)
    now = 0
    while now < frames:
        length = round(per_second / voice.rate * rng.uniform(0.7, 1.4))
        onset = round(length * rng.uniform(0.2, 0.4))
        vowel = _VOWELS[rng.integers(len(_VOWELS))] * 2 ** (0.05 * rng.standard_normal(4))
        consonant = rng.integers(5)  # fricative, stop, nasal, glide, none
        stop = now + length
        resonances[now:stop] = vowel
        voicing[now:stop] = rng.uniform(0.6, 1.0)
        if consonant == 0:
            voicing[now : now + onset] = 0.15 * rng.integers(2)
            frication[now : now + onset] = rng.uniform(0.1, 0.35)
        elif consonant == 1:
            voicing[now : now + onset] = 0
            frication[now + onset - 2 : now + onset] = rng.uniform(0.3, 0.8)
        elif consonant == 2:
            resonances[now : now + onset] = _NASAL
            voicing[now : now + onset] = 0.35
        elif consonant == 3:
            resonances[now : now + onset] = _VOWELS[rng.choice([0, 4])]
        now = stop
        if rng.random() < 0.08:  # a breath between phrases
            now += round(per_second * rng.uniform(0.1, 0.3))
    resonances[resonances[:, 0] == 0] = _VOWELS[5]
    # Articulators have mass: it takes the tract some 40 ms to move, the glottis 20.
    resonances = _smooth(resonances, 4)
    resonances = np.column_stack([resonances, np.full(frames, _FIFTH)])
    return resonances * voice.formants * voice.tract, _smooth(voicing, 2), _smooth(frication, 1)


def _smooth(track: np.ndarray, frames: int) -> np.ndarray:
    kernel = np.hanning(2 * frames + 1)
    kernel /= kernel.sum()
    padded = np.concatenate([track[:1].repeat(frames, 0), track, track[-1:].repeat(frames, 0)])
    columns = np.atleast_2d(padded.T)
    smoothed = np.stack([np.convolve(column, kernel, "valid") for column in columns])
    return smoothed[0] if track.ndim == 1 else smoothed.T


def _source(voice: Voice, voicing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Glottal flow: irregular pulses, dulled, and breath that comes with them."""
    frames, samples = len(voicing), len(voicing) * _FRAME
    melody = _smooth(rng.standard_normal(frames), 15)
    melody *= voice.intonation / (melody.std() + 1e-9)
    fall = np.linspace(0.5, -0.5, frames) * voice.intonation
    mood = 0.03 * rng.standard_normal()
    pitch = np.repeat(voice.pitch * 2 ** (melody + fall + mood), _FRAME)
    wobble = np.repeat(rng.standard_normal(samples // 64 + 1), 64)[:samples]
    phase = np.cumsum(pitch * (1 + voice.jitter * wobble)) / SAMPLE_RATE
    # A pulse wherever the phase passes a whole number, shared between the two samples around it:
    # whole samples alone would quantise the pitch.
    at = np.flatnonzero(np.diff(np.floor(phase))) + 1
    late = (phase[at] - np.floor(phase[at])) * SAMPLE_RATE / pitch[at]
    late = np.clip(late, 0, 1)
    strength = 1 + 4 * voice.jitter * rng.standard_normal(len(at))
    pulses = np.zeros(samples)
    pulses[at] += strength * (1 - late)
    pulses[at - 1] += strength * late
    loudness = np.repeat(voicing, _FRAME)
    flow = lfilter([1.0], [1.0, -1.6 * voice.tilt, 0.64 * voice.tilt**2], pulses * loudness)
    flow /= np.sqrt(np.mean(flow**2) + 1e-12)
    cycle = 0.6 + 0.4 * np.cos(2 * np.pi * phase)  # more air while the glottis is open
    breath = voice.breath * rng.standard_normal(samples) * cycle * loudness
    return np.diff(flow + breath, prepend=0.0)  # the lips radiate the derivative


def _vocal_tract(source: np.ndarray, resonances: np.ndarray, bandwidth: float) -> np.ndarray:
    """Filter with five resonators in cascade (Klatt, 1980), reshaped every 10 ms."""
    radius = np.exp(-np.pi * _BANDWIDTHS * bandwidth / SAMPLE_RATE)
    angle = 2 * np.pi * np.minimum(resonances, 0.47 * SAMPLE_RATE) / SAMPLE_RATE
    first, second = -2 * radius * np.cos(angle), np.broadcast_to(radius**2, angle.shape)
    sections = np.zeros((*angle.shape, 6))
    sections[..., 0] = 1 + first + second  # gain 1 at 0 Hz
    sections[..., 3], sections[..., 4], sections[..., 5] = 1, first, second
    state = np.zeros((angle.shape[1], 2))
    filtered = np.empty_like(source)
    for frame, shape in enumerate(sections):
        stretch = slice(frame * _FRAME, (frame + 1) * _FRAME)
        filtered[stretch], state = sosfilt(shape, source[stretch], zi=state)
    return filtered / np.sqrt(np.mean(filtered**2) + 1e-12)


def _fricatives(voice: Voice, frication: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    radius = 0.8
    pole = -2 * radius * np.cos(2 * np.pi * voice.hiss / SAMPLE_RATE)
    noise = rng.standard_normal(len(frication) * _FRAME) * np.repeat(frication, _FRAME)
    return 0.5 * lfilter([1.0, -1.0], [1.0, pole, radius**2], noise)
