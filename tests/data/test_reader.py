"""Reading audio: every container, channel count and rate, and what is wrong with a bad file."""

from __future__ import annotations

import multiprocessing
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.audio.reader import audio_duration, read_chunk, read_segment
from pyannote_ge2e.errors import UserError

RATE = 16000
LOSSLESS = ("wav", "flac")
LOSSY = ("ogg", "opus", "mp3")


def tones(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """Two sines, the same at any rate, a little different in each channel."""
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.4 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 1250 * time)
    return tone if channels == 1 else np.stack([tone * (1 - 0.5 * c) for c in range(channels)], 1)


def write(path: Path, waveform: np.ndarray, rate: int = RATE, **how: str) -> str:
    if path.suffix == ".opus":
        how = {"format": "OGG", "subtype": "OPUS"}
    soundfile.write(path, waveform, rate, **how)
    return str(path)


@pytest.mark.parametrize("rate", [RATE, 2 * RATE])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_named(tmp_path: Path, rate: int, value: float) -> None:
    waveform = tones(2, rate)
    waveform[3 * rate // 2] = value
    path = write(tmp_path / "a.wav", waveform, rate, subtype="FLOAT")
    assert np.isfinite(read_chunk(path, 0.0, RATE)).all()
    for read in (lambda: read_chunk(path, 1.0, RATE), lambda: read_segment(path)):
        with pytest.raises(UserError, match=r"a\.wav' holds samples that are no numbers.*1\.500 s"):
            read()


@pytest.mark.parametrize("suffix", LOSSLESS + LOSSY)
def test_a_chunk_is_the_same_stretch_of_the_whole_file(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", tones(3, RATE))
    whole, _ = soundfile.read(path, dtype="float32")
    for start in (0.0, 0.7301, 1.9):
        chunk = read_chunk(path, start, RATE)
        assert chunk.shape == (RATE,)
        assert chunk.dtype == np.float32
        first = round(start * RATE)
        np.testing.assert_allclose(chunk, whole[first : first + RATE], atol=2e-4)


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"]
)
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_every_kind_of_wav_reads_as_libsndfile_reads_it(
    tmp_path: Path, subtype: str, channels: int, container: str
) -> None:
    path = write(tmp_path / "a.wav", tones(0.5, RATE, channels), format=container, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_allclose(read_segment(path), expected.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(
        read_chunk(path, 0.25, 1000), expected.mean(axis=1)[4000:5000], atol=1e-6
    )
    assert audio_duration(path) == 0.5


def test_chunks_before_the_samples_are_walked_over(tmp_path: Path) -> None:
    plain = Path(write(tmp_path / "plain.wav", tones(1, RATE))).read_bytes()
    odd = b"LIST" + struct.pack("<I", 5) + b"hello\0"  # an odd length is padded to an even one
    path = tmp_path / "odd.wav"
    path.write_bytes(plain[:12] + odd + plain[12:36] + odd + plain[36:] + odd)
    np.testing.assert_array_equal(
        read_segment(str(path)), read_segment(str(tmp_path / "plain.wav"))
    )
    assert audio_duration(str(path)) == 1.0


@pytest.mark.parametrize("unsettled", [0, 0xFFFFFFFF])
def test_a_wav_written_to_a_pipe_is_read_to_its_end(tmp_path: Path, unsettled: int) -> None:
    path = tmp_path / "piped.wav"
    content = bytearray(Path(write(path, tones(1, RATE))).read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", unsettled)
    path.write_bytes(content)
    assert audio_duration(str(path)) == 1.0
    assert len(read_segment(str(path))) == RATE


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_other_rates_are_resampled_and_channels_averaged(
    tmp_path: Path, rate: int, channels: int
) -> None:
    path = write(tmp_path / "a.flac", tones(3, rate, channels), rate)
    expected = tones(3, RATE, channels).reshape(3 * RATE, -1).mean(axis=1)
    for start in (0.5, 1.23):
        chunk = read_chunk(path, start, RATE)
        assert chunk.shape == (RATE,)
        assert chunk.dtype == np.float32
        # The chunk starts on a sample of the file, at most half a period away.
        first = round(start * rate) / rate
        time = first + np.arange(RATE) / RATE
        shifted = 0.4 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 1250 * time)
        shifted *= 1 if channels == 1 else 0.75
        np.testing.assert_allclose(chunk, shifted, atol=5e-3)
    whole = read_segment(path)
    assert len(whole) == 3 * RATE
    np.testing.assert_allclose(whole[1000:-1000], expected[1000:-1000], atol=5e-3)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_the_last_chunk_of_a_resampled_file_is_whole(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", tones(2, rate), rate)
    assert read_chunk(path, 2 - 16001 / RATE, 16001).shape == (16001,)
    assert read_chunk(path, 0.0, 2 * RATE).shape == (2 * RATE,)


def test_a_duration_rounded_by_less_than_a_millisecond_does_not_stop_reading(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.wav", tones(1.0004, RATE))
    assert read_chunk(path, 0.001, RATE).shape == (RATE,)


def test_a_segment_is_clipped_to_what_the_file_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tones(1, RATE))
    assert len(read_segment(path, 0.5, 9.0)) == RATE // 2
    assert len(read_segment(path, -3.0, 0.25)) == RATE // 4
    with pytest.raises(UserError, match=r"a\.wav.*holds nothing.*lasts 1\.000 s"):
        read_segment(path, 1.0, 2.0)


@pytest.mark.parametrize("suffix", LOSSLESS + LOSSY)
def test_duration_comes_from_the_header(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", tones(1.5, RATE))
    assert audio_duration(path) == pytest.approx(1.5, abs=0.1 if suffix == "mp3" else 1e-6)


def test_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "really.flac", tones(1, RATE))
    os.rename(path, tmp_path / "named.wav")
    assert len(read_segment(str(tmp_path / "named.wav"))) == RATE


def test_mp3_reading_keeps_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(6 * RATE)
    path = write(tmp_path / "a.mp3", noise)
    for start in np.linspace(0, 4.9, 20):
        read_chunk(path, float(start), RATE)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("read", [audio_duration, read_segment, lambda p: read_chunk(p, 0, 1600)])
class TestBadFiles:
    def test_missing(self, tmp_path: Path, read) -> None:
        with pytest.raises(UserError, match=r"No such audio file: '.*gone\.wav'"):
            read(str(tmp_path / "gone.wav"))

    def test_folder(self, tmp_path: Path, read) -> None:
        with pytest.raises(UserError, match="is a folder: expected an audio file"):
            read(str(tmp_path))

    @pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.m4a"])
    def test_empty(self, tmp_path: Path, read, name: str) -> None:
        (tmp_path / name).touch()
        with pytest.raises(UserError, match=rf"'.*{name}' is empty"):
            read(str(tmp_path / name))

    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8"])  # by position, by libsndfile
    def test_not_one_sample(self, tmp_path: Path, read, subtype: str) -> None:
        path = write(tmp_path / "a.wav", np.zeros(0), subtype=subtype)
        with pytest.raises(UserError, match=r"a\.wav' holds no audio"):
            read(path)

    @pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.txt", "a.raw"])
    def test_not_audio(self, tmp_path: Path, read, name: str) -> None:
        (tmp_path / name).write_text("Dear diary, this is no sound. " * 20)
        with pytest.raises(
            UserError, match=rf"{name}' is not audio that can be read: expected wav"
        ):
            read(str(tmp_path / name))

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
    def test_forbidden(self, tmp_path: Path, read) -> None:
        path = write(tmp_path / "a.wav", tones(1, RATE))
        os.chmod(path, 0)
        with pytest.raises(UserError, match="may not be read"):
            read(path)

    @pytest.mark.skipif(has_ffmpeg(), reason="FFmpeg is installed")
    def test_m4a_without_ffmpeg_says_how_to_get_it(self, tmp_path: Path, read) -> None:
        (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
        with pytest.raises(
            UserError, match=r"a\.m4a' needs FFmpeg's.*apt install ffmpeg"
        ) as caught:
            read(str(tmp_path / "a.m4a"))
        assert "\n" not in str(caught.value)


def test_a_truncated_wav_is_named_with_what_it_promised(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "cut.wav", tones(3, RATE)))
    path.write_bytes(path.read_bytes()[: 44 + 2 * RATE])
    for read in (audio_duration, read_segment, lambda p: read_chunk(p, 1.5, RATE)):
        with pytest.raises(UserError, match=r"cut\.wav' is truncated.*promises 3\.000 s.*1\.000 s"):
            read(str(path))


def test_a_truncated_flac_is_named(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    path = Path(write(tmp_path / "cut.flac", noise))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(UserError, match=r"cut\.flac' is (damaged or )?truncated"):
        read_chunk(str(path), 2.0, RATE)


def test_a_file_too_short_for_the_chunk_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "short.wav", tones(1, RATE))
    with pytest.raises(
        UserError, match=r"short\.wav' is too short: it lasts 1\.000 s and 2\.000 s"
    ):
        read_chunk(path, 0.0, 2 * RATE)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_reading_works_in_other_processes(tmp_path: Path, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    path = write(tmp_path / "a.wav", tones(1, RATE))
    expected = read_chunk(path, 0.1, 100)
    with multiprocessing.get_context(method).Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(read_chunk, (path, 0.1, 100)), expected)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc to count descriptors")
def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    good = [write(tmp_path / f"a.{suffix}", tones(1, RATE)) for suffix in LOSSLESS + LOSSY]
    cut = Path(write(tmp_path / "cut.wav", tones(1, RATE)))
    cut.write_bytes(cut.read_bytes()[:1000])
    before = len(os.listdir("/proc/self/fd"))
    for path in good:
        read_chunk(path, 0.1, 1000)
        audio_duration(path)
    with pytest.raises(UserError):
        audio_duration(str(cut))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(not has_ffmpeg(), reason="FFmpeg is not installed")
def test_m4a_through_ffmpeg(tmp_path: Path) -> None:
    import torch
    from torchcodec.encoders import AudioEncoder

    path = str(tmp_path / "a.m4a")
    waveform = torch.from_numpy(tones(3, RATE, 2).T.astype("float32").copy())
    AudioEncoder(waveform, sample_rate=RATE).to_file(path)
    assert audio_duration(path) == pytest.approx(3, abs=0.2)
    whole = read_segment(path)
    np.testing.assert_allclose(read_chunk(path, 1.0, RATE), whole[RATE : 2 * RATE], atol=1e-3)
    assert read_chunk(path, 1.0, 8000, 8000).shape == (8000,)


def test_a_header_with_an_absurd_rate_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "damaged.wav"
    soundfile.write(path, np.zeros(1600), 16000)
    content = bytearray(path.read_bytes())
    content[24:28] = (4_000_000_007).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged\.wav' is damaged: its header says 4,000,000,007"):
        read_segment(str(path))
