"""The synthetic corpus: its layout, that it is reproducible, and that its voices differ."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.synthetic.corpus import make_corpus
from pyannote_ge2e.data.synthetic.voices import SAMPLE_RATE, draw_voice, speak
from pyannote_ge2e.errors import UserError


def digest(corpus: Path) -> dict[str, str]:
    return {
        path.relative_to(corpus).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in corpus.rglob("*.wav")
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "voices"
    return make_corpus(folder, speakers=4, utterances=3, seed=1, processes=1)


def test_layout_is_that_of_voxceleb(corpus: Path) -> None:
    files = sorted(digest(corpus))
    assert len(files) == 12
    assert files[:3] == ["s0000/a/00000.wav", "s0000/a/00002.wav", "s0000/b/00001.wav"]
    for name in files:
        info = soundfile.info(corpus / name)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert 2.0 <= info.duration <= 4.0


def test_the_number_of_processes_changes_nothing(corpus: Path, tmp_path: Path) -> None:
    again = make_corpus(tmp_path / "voices", speakers=4, utterances=3, seed=1, processes=2)
    assert digest(again) == digest(corpus)


def test_more_speakers_do_not_change_the_first_ones(corpus: Path, tmp_path: Path) -> None:
    more = make_corpus(tmp_path / "voices", speakers=5, utterances=3, seed=1, processes=1)
    assert digest(corpus).items() < digest(more).items()


def test_another_seed_is_another_corpus(corpus: Path, tmp_path: Path) -> None:
    other = make_corpus(tmp_path / "voices", speakers=4, utterances=3, seed=2, processes=1)
    assert not set(digest(other).values()) & set(digest(corpus).values())


def test_no_two_utterances_are_the_same(corpus: Path) -> None:
    assert len(set(digest(corpus).values())) == 12


def test_samples_neither_clip_nor_vanish(corpus: Path) -> None:
    for path in corpus.rglob("*.wav"):
        waveform, _ = soundfile.read(path)
        assert 0.1 < np.abs(waveform).max() < 0.9
        assert waveform.std() > 0.005


def test_subsets_are_top_folders(tmp_path: Path) -> None:
    corpus = make_corpus(
        tmp_path / "v", speakers=4, utterances=1, subsets=(2, 1, 1), seconds=(0.2, 0.3), processes=1
    )
    assert sorted(digest(corpus)) == [
        "dev/s0002/a/00000.wav",
        "test/s0003/a/00000.wav",
        "train/s0000/a/00000.wav",
        "train/s0001/a/00000.wav",
    ]


def test_the_same_corpus_is_not_made_twice(corpus: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*.wav")}
    assert make_corpus(corpus, speakers=4, utterances=3, seed=1) == corpus
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*.wav")} == before


def test_another_corpus_is_not_overwritten(corpus: Path) -> None:
    before = digest(corpus)
    with pytest.raises(UserError, match="not empty and holds something else"):
        make_corpus(corpus, speakers=5, utterances=3, seed=1)
    assert digest(corpus) == before


def test_nothing_is_left_when_making_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write"):
        make_corpus(tmp_path / "file", speakers=1, utterances=1, processes=1, seconds=(0.1, 0.1))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("wrong", [{"speakers": 0}, {"seconds": (3, 2)}, {"subsets": (1, 1)}])
def test_arguments_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(UserError):
        make_corpus(tmp_path / "voices", **wrong)


def test_pitch_is_the_voices_own() -> None:
    rng = np.random.default_rng(0)
    for voice in (draw_voice(np.random.default_rng(seed)) for seed in range(6)):
        waveform = speak(voice, 3.0, rng)
        frames = np.lib.stride_tricks.sliding_window_view(waveform, 1024)[::512] * np.hanning(1024)
        cepstra = np.fft.irfft(np.log(np.abs(np.fft.rfft(frames)) + 1e-3))
        shortest = SAMPLE_RATE // 350
        period = np.median(cepstra[:, shortest : SAMPLE_RATE // 70].argmax(axis=1)) + shortest
        assert abs(np.log2(SAMPLE_RATE / period / voice.pitch)) < 0.25


def test_a_speaker_resembles_themselves_more_than_others_but_not_much() -> None:
    """The mean spectrum tells something of who speaks, and leaves a network much to learn."""
    voices = [draw_voice(np.random.default_rng(seed)) for seed in range(10)]
    rng = np.random.default_rng(0)
    means = np.array(
        [[_mean_spectrum(speak(voice, 2.0, rng)) for _ in range(3)] for voice in voices]
    )
    means -= means.mean(axis=(0, 1))
    means /= np.linalg.norm(means, axis=-1, keepdims=True)
    same = np.mean([voice[0] @ voice[1] for voice in means])
    other = np.mean([means[i, 0] @ means[j, 1] for i in range(10) for j in range(10) if i != j])
    assert other + 0.2 < same < 0.95


def _mean_spectrum(waveform: np.ndarray) -> np.ndarray:
    frames = waveform[: len(waveform) // 400 * 400].reshape(-1, 400) * np.hanning(400)
    power = np.abs(np.fft.rfft(frames)) ** 2
    bands = power[:, 1:].reshape(len(power), 40, 5).sum(axis=2)
    return np.log(bands + 1e-3).mean(axis=0)
