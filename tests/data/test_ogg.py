"""Ogg files that were cut short, told from those that end as their writers left them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.audio.reader import (
    audio_duration,
    checked_duration,
    read_chunk,
    read_segment,
)
from pyannote_ge2e.errors import UserError

RATE = 16000
SECONDS = 3

Write = Callable[[Path], None]


def noise(rate: int = RATE) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(SECONDS * rate)


def by_libsndfile(codec: str) -> Write:
    return lambda path: soundfile.write(path, noise(), RATE, format="OGG", subtype=codec)


def by_ffmpeg(suffix: str) -> Write:
    def write(path: Path) -> None:
        import torch
        from torchcodec.encoders import AudioEncoder

        waveform = torch.from_numpy(noise(48000).astype(np.float32))[None]
        named = path.with_suffix(suffix)  # which tells FFmpeg the codec
        AudioEncoder(waveform, sample_rate=48000).to_file(named)
        named.rename(path)

    return write


ENCODERS = [
    pytest.param(by_libsndfile("VORBIS"), id="libsndfile-vorbis"),
    pytest.param(by_libsndfile("OPUS"), id="libsndfile-opus"),
    pytest.param(
        by_ffmpeg(".opus"),
        id="ffmpeg-opus",
        marks=pytest.mark.skipif(not has_ffmpeg(), reason="FFmpeg is not installed"),
    ),
]


@pytest.fixture(params=ENCODERS)
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a.ogg"
    request.param(path)
    return path


def pages(content: bytes) -> list[int]:
    """Where pages begin: 27 bytes, a table of so many as the last of these says, and its sum."""
    begins = [0]
    while begins[-1] < len(content):
        table = begins[-1] + 27
        count = content[table - 1]
        begins.append(table + count + sum(content[table : table + count]))
    return begins[:-1]


def test_one_that_is_whole_is_read(whole: Path) -> None:
    assert audio_duration(str(whole)) == checked_duration(str(whole)) == pytest.approx(SECONDS)
    assert len(read_segment(str(whole))) == SECONDS * RATE


def test_one_that_ends_within_a_page_is_named(whole: Path) -> None:
    content = whole.read_bytes()
    *_, last_but_one, last = pages(content)
    # In the middle, in the head of the last page and in its table, and one byte too early.
    for end in (last_but_one + 500, last + 1, last + 4, last + 20, last + 30, len(content) - 1):
        whole.write_bytes(content[:end])
        for read in (
            audio_duration,
            checked_duration,
            read_segment,
            lambda path: read_chunk(path, 0.0, 1000),
        ):
            with pytest.raises(UserError, match=r"a\.ogg' is truncated: it ends within a page"):
                read(str(whole))


def test_one_whose_last_page_is_not_marked_as_the_last_is_read(whole: Path) -> None:
    """As of Android's recorder: what was cut between two pages cannot be told from it."""
    content = whole.read_bytes()
    whole.write_bytes(content[: pages(content)[-1]])
    seconds = audio_duration(str(whole))
    assert 0.5 < seconds < SECONDS
    assert len(read_segment(str(whole))) == round(seconds * RATE)


@pytest.mark.parametrize("more", ["tags", "padding", "much padding", "another stream"])
def test_what_follows_the_last_page_is_no_reason_to_refuse(whole: Path, more: str) -> None:
    seconds = audio_duration(str(whole))
    content = whole.read_bytes()
    follows = {
        "tags": b"TAG" + bytes(125),
        "padding": bytes(5000),
        "much padding": bytes(100_000),
        "another stream": content,
    }
    whole.write_bytes(content + follows[more])
    assert audio_duration(str(whole)) >= seconds
    assert len(read_segment(str(whole))) >= round(seconds * RATE)


def test_another_stream_that_was_cut_is_named(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes() + whole.read_bytes()[:-100])
    with pytest.raises(UserError, match="is truncated"):
        read_segment(str(whole))
