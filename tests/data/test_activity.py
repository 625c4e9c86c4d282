"""What holds no speech is told from what may, by energy alone."""

from __future__ import annotations

import numpy as np
import pytest

from pyannote_ge2e.data.audio.activity import SoundLevels, no_speech
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, draw_voice, speak


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    rng = np.random.default_rng(0)
    spoken = speak(draw_voice(rng), 3.0, rng)
    return (0.3 * spoken / np.abs(spoken).max()).astype(np.float32)


def test_speech_is_heard_at_any_usual_level_and_behind_an_offset(speech: np.ndarray) -> None:
    for gain in (1.0, 0.1, 0.02):
        assert no_speech(gain * speech, SAMPLE_RATE) is None
    assert no_speech(speech + 0.2, SAMPLE_RATE) is None


def test_speech_between_long_silences_is_heard(speech: np.ndarray) -> None:
    silence = np.zeros(60 * SAMPLE_RATE, np.float32)
    assert no_speech(np.concatenate([silence, speech, silence]), SAMPLE_RATE) is None


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda rng: np.zeros(32000), "silent: every sample"),
        (lambda rng: np.full(32000, 0.5), "silent: every sample"),
        (lambda rng: 1e-4 * rng.standard_normal(32000), "reaches -80 dBFS"),
        (lambda rng: 0.1 * rng.standard_normal(32000), "not speech: its level stays"),
        (lambda rng: 0.3 * np.sin(np.arange(32000) * 0.2), "not speech: its level stays"),
        (lambda rng: 0.1 * rng.standard_normal(300), "too short: 0.02 s"),
        (
            lambda rng: np.append(np.zeros(32000), rng.standard_normal(1600)),
            "silent: its loudest quarter of a second",
        ),
        (lambda rng: np.zeros(0), "too short: 0.00 s"),
    ],
    ids=["zeros", "constant", "faint", "noise", "tone", "instant", "click", "nothing"],
)
def test_what_holds_no_speech_is_named(make, problem: str) -> None:
    waveform = make(np.random.default_rng(0)).astype(np.float32)
    assert problem in str(no_speech(waveform, SAMPLE_RATE))


def test_stretches_tell_what_the_whole_tells(speech: np.ndarray) -> None:
    in_parts = SoundLevels(SAMPLE_RATE)
    for part in np.array_split(speech, 5):
        in_parts.add(part)
    assert in_parts.problem() is None
    quiet = SoundLevels(SAMPLE_RATE)
    for part in np.array_split(1e-5 * speech, 5):
        quiet.add(part)
    assert "silent" in str(quiet.problem())
