"""m4a and mp4 files by their boxes: what FFmpeg says of them, without opening it."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.containers import FFmpegSource, has_ffmpeg
from pyannote_ge2e.data.audio.mp4 import mp4_duration
from pyannote_ge2e.data.audio.reader import audio_duration, checked_duration, read_segment
from pyannote_ge2e.data.prepare.measure import measure
from pyannote_ge2e.errors import UserError

needs_ffmpeg = pytest.mark.skipif(not has_ffmpeg(), reason="FFmpeg is not installed")
needs_program = pytest.mark.skipif(
    not has_ffmpeg() or shutil.which("ffmpeg") is None,
    reason="the ffmpeg program and its libraries are not both installed",
)

RATE = 16000
PACKET = 1024  # samples in a packet of AAC
PRIMING = 1024
SIZES = [40, 41, 42, 43, 44]  # bytes of the packets
LAST = 640  # samples of the last one that are meant
PLAYED = 4 * PACKET + LAST - PRIMING


def box(kind: bytes, *content: bytes, long: bool = False, to_the_end: bool = False) -> bytes:
    body = b"".join(content)
    if long:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return struct.pack(">I4s", 0 if to_the_end else 8 + len(body), kind) + body


def table(kind: bytes, *entries: bytes, before: bytes = b"") -> bytes:
    return box(kind, bytes(4), before, struct.pack(">I", len(entries)), *entries)


def clock(kind: bytes, rate: int, ticks: int, version: int = 0) -> bytes:
    times = struct.pack(">QQIQ" if version else ">IIII", 0, 0, rate, ticks)
    return box(kind, bytes([version, 0, 0, 0]), times, bytes(4))


def edits(*entries: tuple[int, int, int], version: int = 0) -> bytes:
    layout = ">QqI" if version else ">IiI"
    content = b"".join(struct.pack(layout, *entry) for entry in entries)
    elst = box(b"elst", bytes([version, 0, 0, 0]), struct.pack(">I", len(entries)), content)
    return box(b"edts", elst)


def description(codec: bytes = b"mp4a", kind: int = 2, object_type: int = 0x40) -> bytes:
    specific = bytes([5, 0x80, 0x80, 0x80, 2, kind << 3 | 4, 8])
    decoder = bytes([4, 13 + len(specific), object_type, 0x15, *bytes(11)]) + specific
    stream = bytes([3, 3 + len(decoder), 0, 1, 0]) + decoder
    sound = struct.pack(">6xH8xHH4xI", 1, 1, 16, RATE << 16)
    return table(b"stsd", box(codec, sound, box(b"esds", bytes(4), stream)))


def uint(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def track(place: int, **other: bytes) -> bytes:
    """The track of the packets of `SIZES`, in one chunk at `place`; boxes of it may be others."""
    boxes = {
        "stsd": description(),
        "stts": table(b"stts", uint(len(SIZES) - 1, PACKET), uint(1, LAST)),
        "stsc": table(b"stsc", uint(1, len(SIZES), 1)),
        "stsz": table(b"stsz", *map(uint, SIZES), before=bytes(4)),
        "stco": table(b"stco", uint(place)),
        "mdhd": clock(b"mdhd", RATE, PLAYED + PRIMING),
        "hdlr": box(b"hdlr", bytes(8), b"soun", bytes(12)),
        "edts": edits((round(PLAYED / RATE * 1000), PRIMING, 0x10000)),
        **other,
    }
    samples = (boxes[name] for name in ("stsd", "stts", "stsc", "stsz", "stco"))
    media = box(b"minf", box(b"smhd", bytes(8)), box(b"stbl", *samples))
    return box(b"trak", boxes["edts"], box(b"mdia", boxes["mdhd"], boxes["hdlr"], media))


START = box(b"ftyp", b"M4A \0\0\2\0isom") + box(b"free")
DATA = bytes(range(sum(SIZES)))
MOVIE = clock(b"mvhd", 1000, 300)


def index_last(*more: bytes, movie: bytes = MOVIE, **other: bytes) -> bytes:
    place = len(START) + 8
    return START + box(b"mdat", DATA) + box(b"moov", movie, track(place, **other), *more)


def index_first() -> bytes:
    place = len(START) + len(box(b"moov", MOVIE, track(0))) + 8
    return START + box(b"moov", MOVIE, track(place)) + box(b"mdat", DATA)


def other_place(name: bytes, layout: str, *before: int) -> bytes:
    return table(name, *(struct.pack(layout, len(START) + 8 + each) for each in before))


@pytest.fixture
def duration(tmp_path: Path) -> Callable[[bytes], float | None]:
    def of(content: bytes) -> float | None:
        path = tmp_path / "a.m4a"
        path.write_bytes(content)
        return mp4_duration(str(path))

    return of


class TestByHand:
    """Files of a few hundred bytes, whose every bit is known: FFmpeg is not needed."""

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(index_last(), id="index last"),
            pytest.param(index_first(), id="index first"),
            pytest.param(
                START + box(b"mdat", DATA) + box(b"moov", MOVIE, track(44), to_the_end=True),
                id="of size 0, to the end",
            ),
            pytest.param(
                START + box(b"mdat", DATA, long=True) + box(b"moov", MOVIE, track(44), long=True),
                id="sizes of 64 bits",
            ),
            pytest.param(
                index_last(
                    movie=clock(b"mvhd", 1000, 300, version=1),
                    mdhd=clock(b"mdhd", RATE, PLAYED + PRIMING, version=1),
                    edts=edits((232, PRIMING, 0x10000), version=1),
                ),
                id="times of 64 bits",
            ),
            pytest.param(index_last(stco=other_place(b"co64", ">Q", 0)), id="places of 64 bits"),
            pytest.param(
                index_last(
                    stsc=table(b"stsc", uint(1, 2, 1), uint(3, 1, 1)),
                    stco=other_place(b"stco", ">I", 0, 81, 166),
                ),
                id="three chunks",
            ),
            pytest.param(
                index_last(stsz=box(b"stsz", uint(0, sum(SIZES) // len(SIZES), len(SIZES)))),
                id="packets of one size",
            ),
            pytest.param(
                index_last(track(44, hdlr=box(b"hdlr", bytes(8), b"vide", bytes(12)))),
                id="with video",
            ),
        ],
    )
    def test_priming_is_left_out_of_the_duration(
        self, duration: Callable[[bytes], float | None], content: bytes
    ) -> None:
        assert duration(content) == PLAYED / RATE

    def test_an_edit_that_ends_early_is_the_duration(self, duration) -> None:
        assert duration(index_last(edts=edits((100, 500, 0x10000)))) == 0.1

    def test_an_edit_promises_no_more_than_there_is(self, duration) -> None:
        assert duration(index_last(edts=edits((233, PRIMING, 0x10000)))) == PLAYED / RATE

    def test_without_edits_every_sample_counts(self, duration) -> None:
        assert duration(index_last(edts=b"")) == (PLAYED + PRIMING) / RATE

    def test_the_shorter_of_two_durations_is_taken(self, duration) -> None:
        assert duration(index_last(edts=b"", mdhd=clock(b"mdhd", RATE, 3200))) == 0.2
        assert duration(index_last(edts=b"", mdhd=clock(b"mdhd", RATE, 10**6))) == 0.296

    @pytest.mark.parametrize("content", [index_last(), index_first()], ids=["last", "first"])
    def test_wherever_a_file_is_cut_it_is_truncated(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "cut.m4a"
        for size in range(8, len(content), 3):
            path.write_bytes(content[:size])
            with pytest.raises(UserError, match=r"cut\.m4a' is truncated: [^\n]*again\.$"):
                mp4_duration(str(path))

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(START + bytes(100), id="zeros"),
            pytest.param(START + b"Dear diary, this is no sound. " * 5, id="text"),
            pytest.param(START + box(b"meta", bytes(20)) + box(b"mdat", DATA), id="a picture"),
            pytest.param(index_last(box(b"mvex", bytes(8))), id="fragments"),
            pytest.param(START + box(b"moof") + box(b"mdat", DATA), id="a fragment"),
            pytest.param(index_last(track(44)), id="two tracks of audio"),
            pytest.param(
                index_last(hdlr=box(b"hdlr", bytes(8), b"vide", bytes(12))), id="video alone"
            ),
            pytest.param(
                index_last(edts=edits((100, -1, 0x10000), (100, 0, 0x10000))), id="delayed"
            ),
            pytest.param(index_last(edts=edits((200, 0, 0x20000))), id="twice as fast"),
            pytest.param(index_last(edts=edits((0, 0, 0x10000))), id="an edit of no length"),
            pytest.param(index_last(edts=edits((100, 9999, 0x10000))), id="an edit past the end"),
            pytest.param(index_last(mdhd=clock(b"mdhd", RATE, 0)), id="no duration"),
            pytest.param(index_last(mdhd=clock(b"mdhd", 0, 9)), id="no clock"),
            pytest.param(index_last(stsd=description(b"enca")), id="encrypted"),
            pytest.param(index_last(stsd=description(kind=5)), id="high efficiency AAC"),
            pytest.param(index_last(stsd=description(object_type=0x6B)), id="mp3"),
            pytest.param(
                index_last(box(b"udta", b"iTunSMPB 00000000 00000840")), id="priming by iTunes"
            ),
            pytest.param(
                index_last(stts=table(b"stts", uint(3, PACKET))), id="packets without time"
            ),
            pytest.param(index_last(stsc=table(b"stsc", uint(1, 4, 1))), id="packets in no chunk"),
            pytest.param(index_last(stsz=b""), id="no sizes"),
            pytest.param(index_last(stco=table(b"stco")), id="no places"),
        ],
    )
    def test_what_is_unusual_is_left_to_ffmpeg(self, duration, content: bytes) -> None:
        assert duration(content) is None

    def test_damaged_bytes_are_an_answer_or_one_sentence(self, duration) -> None:
        random = np.random.default_rng(0)
        content = np.frombuffer(index_last(), np.uint8)
        answers, words = set(), []
        for _ in range(400):
            damaged = content.copy()
            places = random.integers(8, len(content), size=random.integers(1, 4))
            damaged[places] = random.choice([0, 1, 0x7F, 0x80, 0xFF], size=len(places))
            try:
                answers.add(type(duration(damaged.tobytes())))
            except UserError as error:
                words.append(str(error))
        assert answers == {float, type(None)}
        assert words
        assert not any("\n" in sentence for sentence in words)


def noise(seconds: float, rate: int, channels: int) -> np.ndarray:
    random = np.random.default_rng(0)
    return 0.1 * random.standard_normal((round(seconds * rate), channels)).astype(np.float32)


def encoded(path: Path, seconds: float, rate: int, channels: int) -> Path:
    import torch
    from torchcodec.encoders import AudioEncoder

    waveform = torch.from_numpy(noise(seconds, rate, channels).T.copy())
    AudioEncoder(waveform, sample_rate=rate).to_file(path)
    return path


def written(path: Path, seconds: float, rate: int, channels: int, *options: str) -> Path:
    wav = path.with_suffix(".wav")
    soundfile.write(wav, noise(seconds, rate, channels), rate)
    command = ["ffmpeg", "-loglevel", "error", "-i", str(wav), *options, str(path)]
    subprocess.run(command, check=True)
    return path


def frames(path: Path) -> tuple[int, int]:
    """Samples that FFmpeg promises, and their rate."""
    source = FFmpegSource(str(path), path.read_bytes()[:16])
    source.close()
    return source.frames, source.rate


def compared(path: Path) -> int:
    """By how many samples the duration is shorter than what FFmpeg promises; all can be read."""
    promised, rate = frames(path)
    duration = mp4_duration(str(path))
    assert duration is not None
    assert checked_duration(str(path)) == duration
    count = round(duration * rate)
    assert duration * rate == pytest.approx(count, abs=1e-6)
    assert len(read_segment(str(path), 0, duration, rate)) == count
    return promised - count


@needs_ffmpeg
class TestEncoded:
    @pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
    @pytest.mark.parametrize("channels", [1, 2])
    @pytest.mark.parametrize("seconds", [0.05, 1.0, 3.777])
    def test_the_duration_is_that_of_ffmpeg(
        self, tmp_path: Path, rate: int, channels: int, seconds: float
    ) -> None:
        path = encoded(tmp_path / "a.m4a", seconds, rate, channels)
        assert compared(path) == 0
        assert mp4_duration(str(path)) == pytest.approx(seconds, abs=0.5 / rate)

    @pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
    @pytest.mark.parametrize("seconds", [0.0507, 7.123456])
    def test_a_length_that_is_no_whole_millisecond_is_not_rounded_up(
        self, tmp_path: Path, rate: int, seconds: float
    ) -> None:
        path = encoded(tmp_path / "a.mp4", seconds, rate, 1)
        assert 0 <= compared(path) <= rate / 1000
        assert mp4_duration(str(path)) <= round(seconds * rate) / rate

    def test_a_minute(self, tmp_path: Path) -> None:
        assert compared(encoded(tmp_path / "a.m4a", 60.0, RATE, 1)) == 0

    @pytest.mark.parametrize("suffix", ["m4a", "wav", "raw"])
    def test_the_name_of_a_file_does_not_matter(self, tmp_path: Path, suffix: str) -> None:
        path = encoded(tmp_path / "a.m4a", 1.0, RATE, 1).rename(tmp_path / f"b.{suffix}")
        assert measure([str(path)]).milliseconds.tolist() == [1000]

    def test_a_file_cut_short_is_left_out_in_words(self, tmp_path: Path) -> None:
        path = encoded(tmp_path / "a.m4a", 1.0, RATE, 1)
        path.write_bytes(path.read_bytes()[:3000])
        _, reasons = measure([str(path)])
        assert reasons[0].startswith("it is truncated: it ends before its index")

    def test_what_is_unusual_is_measured_by_ffmpeg(self, tmp_path: Path) -> None:
        path = encoded(tmp_path / "a.m4a", 1.0, RATE, 1)
        content = path.read_bytes()
        edited = content.replace(b"mp4a" + bytes(6), b"mp4A" + bytes(6))  # FFmpeg minds no case
        path.write_bytes(edited)
        assert edited != content
        assert mp4_duration(str(path)) is None
        assert checked_duration(str(path)) == audio_duration(str(path)) == 1.0


@needs_program
class TestProgram:
    FAST = ("-movflags", "+faststart")

    @pytest.mark.parametrize("suffix", ["m4a", "mp4"])
    @pytest.mark.parametrize(
        "options", [(), FAST, ("-use_editlist", "0")], ids=["plain", "faststart", "no edits"]
    )
    def test_the_duration_is_that_of_ffmpeg(
        self, tmp_path: Path, suffix: str, options: tuple[str, ...]
    ) -> None:
        assert compared(written(tmp_path / f"a.{suffix}", 3.777, RATE, 1, *options)) == 0

    @pytest.mark.parametrize("options", [(), FAST], ids=["plain", "faststart"])
    def test_with_video(self, tmp_path: Path, options: tuple[str, ...]) -> None:
        video = ("-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-c:v", "mpeg4")
        path = written(tmp_path / "a.mp4", 3.777, 48000, 2, *video, *options)
        assert compared(path) == 0

    def test_a_cut_between_packets(self, tmp_path: Path) -> None:
        whole = written(tmp_path / "whole.m4a", 3.777, RATE, 1)
        path = tmp_path / "a.m4a"
        command = ["ffmpeg", "-loglevel", "error", "-ss", "0.15", "-i", str(whole), "-c", "copy"]
        subprocess.run([*command, str(path)], check=True)
        assert compared(path) == 0
        assert mp4_duration(str(path)) == 3.627

    @pytest.mark.parametrize(
        ("suffix", "options"),
        [
            ("mp4", ("-movflags", "frag_keyframe+empty_moov")),
            ("mp4", ("-movflags", "frag_keyframe")),
            ("m4a", ("-c:a", "alac")),
            ("mov", ("-c:a", "pcm_s16le")),
            ("mov", ()),
        ],
        ids=["fragments", "a fragment", "alac", "pcm", "QuickTime"],
    )
    def test_what_is_unusual_is_left_to_ffmpeg(
        self, tmp_path: Path, suffix: str, options: tuple[str, ...]
    ) -> None:
        assert mp4_duration(str(written(tmp_path / f"a.{suffix}", 1.0, RATE, 1, *options))) is None

    def test_a_cut_that_ffmpeg_does_not_see_in_the_header_is_told(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.m4a", 3.777, RATE, 1, *self.FAST)
        path.write_bytes(path.read_bytes()[:-1])
        assert frames(path) == (round(3.777 * RATE), RATE)
        with pytest.raises(UserError, match=r"a\.m4a' is truncated: its audio goes on to byte"):
            checked_duration(str(path))


@pytest.fixture
def without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for module in ("torchcodec", "torchcodec.decoders"):
            patch.setitem(sys.modules, module, None)  # an import of it fails
        has_ffmpeg.cache_clear()
        yield
    has_ffmpeg.cache_clear()


@pytest.mark.usefixtures("without_ffmpeg")
@pytest.mark.parametrize("name", ["a.m4a", "a.wav"])
def test_without_ffmpeg_what_only_it_can_read_has_no_duration(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(index_last())
    _, reasons = measure([str(tmp_path / name)])
    assert "needs FFmpeg's libraries, which were not found: install them" in reasons[0]
