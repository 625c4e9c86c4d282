"""Every container alike: a chunk is a cut of the whole file, wherever it begins, under any name."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.blocks import opened_blocks
from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.audio.reader import audio_duration, read_chunk, read_segment
from pyannote_ge2e.errors import UserError

SECONDS = 5

needs_ffmpeg = pytest.mark.skipif(not has_ffmpeg(), reason="FFmpeg is not installed")


class Container(NamedTuple):
    suffix: str
    how: dict[str, str]
    exact: bool  # at the file's own rate
    tolerance: float = 1e-6  # what decoders make of a seek


SOUNDFILE = [
    Container("wav", {"subtype": "PCM_16"}, True),
    Container("aiff", {}, True),
    Container("flac", {}, True),
    Container("sph", {"format": "NIST", "subtype": "PCM_16"}, True),
    Container("ogg", {}, True),
    Container("opus", {"format": "OGG", "subtype": "OPUS"}, False, 5e-3),
    Container("mp3", {}, False),
]
FFMPEG = [Container("m4a", {}, False, 5e-3), Container("mp4", {}, False, 5e-3)]
FFMPEG += [Container(suffix, {}, True) for suffix in ("aac", "mkv")]
CONTAINERS = [
    *(pytest.param(each, id=each.suffix) for each in SOUNDFILE),
    *(pytest.param(each, id=each.suffix, marks=needs_ffmpeg) for each in FFMPEG),
]


def voice(rate: int, channels: int, seconds: float = SECONDS) -> np.ndarray:
    """Two rising tones, nowhere the same, and no noise: AAC makes up its own for that."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (200 * time + 1500 * time**2 / (2 * seconds))
    tone = 0.4 * np.sin(phase) + 0.2 * np.sin(1.7 * phase)
    return np.stack([tone / (channel + 1) for channel in range(channels)], axis=1)


def write(path: Path, container: Container, rate: int, channels: int) -> str:
    if container in FFMPEG:
        import torch
        from torchcodec.encoders import AudioEncoder

        waveform = torch.from_numpy(voice(rate, channels).T.astype(np.float32).copy())
        AudioEncoder(waveform, sample_rate=rate).to_file(path)
    else:
        soundfile.write(path, voice(rate, channels), rate, **container.how)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("containers")


def file_of(folder: Path, container: Container, rate: int, channels: int) -> str:
    path = folder / f"{rate}_{channels}.{container.suffix}"
    return str(path) if path.exists() else write(path, container, rate, channels)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (48000, 2)])
def test_chunks_are_cuts_of_the_whole_file(
    folder: Path, container: Container, rate: int, channels: int
) -> None:
    path = file_of(folder, container, rate, channels)
    whole = read_segment(path, sample_rate=rate)
    assert abs(len(whole) - SECONDS * rate) <= 0.2 * rate
    length = rate // 2
    for first in (0, 1, len(whole) // 3, len(whole) // 2 + 17, len(whole) - length):
        chunk = read_chunk(path, first / rate, length, rate)
        expected = whole[first : first + length]
        if container.exact:
            np.testing.assert_array_equal(chunk, expected)
        else:
            np.testing.assert_allclose(chunk, expected, atol=container.tolerance)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050])
def test_resampled_chunks_are_cuts_of_the_whole_file(
    folder: Path, container: Container, sample_rate: int
) -> None:
    path = file_of(folder, container, 48000, 2)
    whole = read_segment(path, sample_rate=sample_rate)
    length = sample_rate // 2
    # Where both rates have a sample.
    for start in (0.0, 1.5, 2.0, 4.0):
        first = round(start * sample_rate)
        chunk = read_chunk(path, start, length, sample_rate)
        np.testing.assert_allclose(
            chunk, whole[first : first + length], atol=max(container.tolerance, 1e-5)
        )


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("sample_rate", [16000, 22050])
def test_blocks_put_end_to_end_are_the_whole_file(
    folder: Path, container: Container, sample_rate: int
) -> None:
    path = file_of(folder, container, 48000, 2)
    whole = read_segment(path, sample_rate=sample_rate)
    with opened_blocks(path, sample_rate, block=0.7) as (samples, blocks):
        parts = list(blocks)
    assert samples == len(whole)
    assert len(parts) > 6
    tolerance = container.tolerance if container in FFMPEG else 1e-6  # others need no seek
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=tolerance)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("named", ["wav", "flac", "mp3", "m4a", "raw", "txt"])
def test_the_name_of_a_file_does_not_matter(
    folder: Path, tmp_path: Path, container: Container, named: str
) -> None:
    path = file_of(folder, container, 16000, 1)
    other = str(shutil.copy(path, tmp_path / f"a.{named}"))
    np.testing.assert_allclose(
        read_chunk(other, 2.0, 8000), read_chunk(path, 2.0, 8000), atol=container.tolerance
    )
    assert audio_duration(other) == audio_duration(path)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_cut_in_two_is_named(folder: Path, tmp_path: Path, container: Container) -> None:
    path = Path(file_of(folder, container, 16000, 1))
    content = path.read_bytes()
    cut = tmp_path / f"cut.{container.suffix}"
    cut.write_bytes(content[: len(content) // 2])
    if container.suffix in ("mkv", "aiff"):
        # Nothing tells how long they were: they are as long as they are, and say so.
        waveform = read_segment(str(cut))
        assert len(waveform) == round(audio_duration(str(cut)) * 16000) < 0.8 * SECONDS * 16000
        return
    with pytest.raises(UserError, match=rf"cut\.{container.suffix}'") as caught:
        read_segment(str(cut))
    assert "\n" not in str(caught.value)


def test_a_stream_that_does_not_tell_its_length_is_named(tmp_path: Path) -> None:
    path = tmp_path / "piped.flac"
    soundfile.write(path, voice(16000, 1), 16000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # 36 bits of samples in all
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"piped\.flac' does not tell how long it is"):
        audio_duration(str(path))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("content", ["none", "text", "zeros", "head"])
def test_what_is_no_audio_is_named_in_one_sentence(
    folder: Path, tmp_path: Path, container: Container, content: str
) -> None:
    path = Path(file_of(folder, container, 16000, 1))
    wrong = {
        "none": b"",
        "text": b"Dear diary, this is no sound. " * 50,
        "zeros": bytes(5000),
        "head": path.read_bytes()[:20],
    }[content]
    bad = tmp_path / f"bad.{container.suffix}"
    bad.write_bytes(wrong)
    for read in (audio_duration, read_segment, lambda p: read_chunk(p, 0.0, 100)):
        with pytest.raises(UserError, match=rf"bad\.{container.suffix}'") as caught:
            read(str(bad))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300 + len(str(bad))


@pytest.mark.skipif(
    not has_ffmpeg(), reason="FFmpeg, which writes such mp3 files, is not installed"
)
def test_far_into_an_mp3_a_chunk_is_exact_although_frames_begin_in_earlier_ones(
    tmp_path: Path,
) -> None:
    """At few bits a second, a frame borrows from many before it, which a seek leaves out."""
    import torch
    from torchcodec.encoders import AudioEncoder

    rate = 24000
    waveform = torch.from_numpy(voice(rate, 1, seconds=40).T.astype(np.float32).copy())
    path = tmp_path / "a.mp3"
    AudioEncoder(waveform, sample_rate=rate).to_file(path, bit_rate=16000)
    whole = read_segment(str(path), sample_rate=rate)
    for first in np.linspace(31 * rate, 39 * rate, 7).astype(int).tolist():
        chunk = read_chunk(str(path), first / rate, rate, rate)
        np.testing.assert_allclose(chunk, whole[first : first + rate], atol=1e-6)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc to count descriptors")
@pytest.mark.parametrize("container", CONTAINERS)
def test_no_descriptor_stays_open(folder: Path, container: Container) -> None:
    path = file_of(folder, container, 16000, 1)
    read_chunk(path, 0.1, 1000)
    gc.collect()  # what earlier tests left may close its own at any time
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        read_chunk(path, 0.1, 1000)
        with opened_blocks(path) as (_, blocks):
            next(blocks)
    assert len(os.listdir("/proc/self/fd")) <= before
