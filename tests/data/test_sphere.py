"""NIST SPHERE, such as TIMIT's: known by its content, whatever its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.reader import audio_duration, read_chunk, read_segment
from pyannote_ge2e.errors import UserError

RATE = 16000

TIMIT = """NIST_1A
   1024
database_id -s5 TIMIT
utterance_id -s8 cjf0_sa1
channel_count -i {channels}
sample_count -i {samples}
sample_rate -i 16000
sample_min -i -2191
sample_max -i 2790
sample_n_bytes -i 2
sample_byte_format -s2 {order}
sample_sig_bits -i 16
{more}end_head
"""


def waveform(channels: int = 1, samples: int = 2 * RATE) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(-(2**15), 2**15, (samples, channels)).astype("<i2")


def sphere(
    path: Path,
    samples: np.ndarray,
    order: str = "01",
    more: str = "",
    promised: int | None = None,
) -> str:
    """Write a file as TIMIT's are: its header does not even name the coding."""
    header = TIMIT.format(
        channels=samples.shape[1],
        samples=len(samples) if promised is None else promised,
        order=order,
        more=more,
    )
    content = samples.astype("<i2" if order == "01" else ">i2").tobytes()
    path.write_bytes(header.encode().ljust(1024) + content)
    return str(path)


@pytest.mark.parametrize("name", ["a.wav", "a.sph", "a.flac", "a"])
@pytest.mark.parametrize("order", ["01", "10"])
@pytest.mark.parametrize("channels", [1, 2])
def test_16_bit_samples_are_exact_under_any_name(
    tmp_path: Path, name: str, order: str, channels: int
) -> None:
    samples = waveform(channels)
    path = sphere(tmp_path / name, samples, order)
    expected = (samples.astype(np.float32) / 2**15).mean(axis=1)
    assert audio_duration(path) == 2.0
    np.testing.assert_array_equal(read_segment(path), expected)
    for first in (0, 7777, len(expected) - 8000):
        chunk = read_chunk(path, first / RATE, 8000)
        np.testing.assert_array_equal(chunk, expected[first : first + 8000])


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW"])
def test_every_coding_reads_as_libsndfile_reads_it(
    tmp_path: Path, subtype: str, channels: int, endian: str
) -> None:
    path = tmp_path / "a.sph"
    samples = waveform(channels).astype(np.float32) / 2**15
    soundfile.write(path, samples, RATE, format="NIST", subtype=subtype, endian=endian)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    np.testing.assert_array_equal(read_segment(str(path)), expected)
    np.testing.assert_array_equal(read_chunk(str(path), 0.5, 1000), expected[8000:9000])


def test_another_rate_is_resampled(tmp_path: Path) -> None:
    path = sphere(tmp_path / "a.wav", waveform())
    assert read_chunk(path, 0.5, 8000, 8000).shape == (8000,)


@pytest.mark.parametrize(
    "coding", ["pcm,embedded-shorten-v2.00", "ulaw,embedded-shorten-v1.09", "shortpack", "wavpack"]
)
def test_compressed_files_are_to_be_converted(tmp_path: Path, coding: str) -> None:
    more = f"sample_coding -s{len(coding)} {coding}\n"
    path = sphere(tmp_path / "a.wav", waveform(), more=more)
    for read in (audio_duration, read_segment, lambda p: read_chunk(p, 0.5, 100)):
        with pytest.raises(
            UserError, match=rf"a\.wav' is compressed SPHERE \({coding}\).*sph2pipe"
        ):
            read(path)


def test_a_header_that_promises_more_than_there_is_means_a_truncated_file(tmp_path: Path) -> None:
    path = sphere(tmp_path / "a.wav", waveform(), promised=3 * RATE)
    with pytest.raises(UserError, match=r"a\.wav' is truncated.*promises 3\.000 s.*holds 2\.000 s"):
        audio_duration(path)


def test_a_header_cut_short_is_named(tmp_path: Path) -> None:
    path = Path(sphere(tmp_path / "a.wav", waveform()))
    for length in (10, 20, 200):
        (tmp_path / "cut.wav").write_bytes(path.read_bytes()[:length])
        with pytest.raises(UserError, match=r"cut\.wav' (has a SPHERE header|is truncated)"):
            audio_duration(str(tmp_path / "cut.wav"))


@pytest.mark.parametrize("field", ["sample_count", "channel_count", "sample_rate"])
def test_a_header_that_says_too_little_is_named(tmp_path: Path, field: str) -> None:
    path = Path(sphere(tmp_path / "a.wav", waveform()))
    path.write_bytes(path.read_bytes().replace(field.encode(), b"x" * len(field), 1))
    with pytest.raises(UserError, match=r"a\.wav' has a SPHERE header that does not say"):
        audio_duration(str(path))


def test_not_one_sample_is_no_audio(tmp_path: Path) -> None:
    path = sphere(tmp_path / "a.wav", waveform(samples=0))
    with pytest.raises(UserError, match=r"a\.wav' holds no audio"):
        audio_duration(path)
