"""Durations: measured once, and again only where a file changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.prepare import measure as measuring
from pyannote_ge2e.data.prepare.measure import measure

RATE = 16000


def write(path: Path, seconds: float) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))
    with path.open("wb") as file:  # soundfile takes no name that is not UTF-8
        soundfile.write(file, noise, RATE, format=path.suffix[1:])
    return str(path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were opened, which still are."""
    names: list[str] = []

    def spy(path: str) -> float:
        names.append(Path(path).name)
        return real(path)

    real = measuring.checked_duration
    monkeypatch.setattr(measuring, "checked_duration", spy)
    return names


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    assert measure([str(tmp_path / "a.wav")]).reasons == {0: "it is no file"}


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_durations_are_milliseconds_rounded_down(tmp_path: Path, suffix: str) -> None:
    (duration,), reasons = measure([write(tmp_path / f"a.{suffix}", 1.2345)])
    assert not reasons
    assert duration == 1234


def test_a_wrong_suffix_is_no_obstacle(tmp_path: Path) -> None:
    wav = Path(write(tmp_path / "a.wav", 0.5))
    flac = Path(write(tmp_path / "b.flac", 0.25))
    paths = [str(wav.rename(tmp_path / "a.flac")), str(flac.rename(tmp_path / "b.wav"))]
    assert measure(paths).milliseconds.tolist() == [500, 250]


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_flac_cut_short_is_told_whatever_it_is_called(tmp_path: Path, suffix: str) -> None:
    path = Path(write(tmp_path / "a.flac", 2.0))
    path.write_bytes(path.read_bytes()[:20_000])
    _, reasons = measure([str(path.rename(tmp_path / f"b.{suffix}"))])
    assert "truncated" in reasons[0]


@pytest.mark.skipif(not has_ffmpeg(), reason="FFmpeg is not installed")
def test_m4a(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("there are FFmpeg's libraries, but no program to write m4a with")
    wav, m4a = write(tmp_path / "a.wav", 1.5), tmp_path / "a.m4a"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", wav, m4a], check=True)
    cut = tmp_path / "cut.m4a"
    cut.write_bytes(m4a.read_bytes()[:3000])
    milliseconds, reasons = measure([str(m4a), str(cut)])
    assert milliseconds[0] == pytest.approx(1500, abs=64)  # a frame of AAC
    assert list(reasons) == [1]


class TestSecondRun:
    def test_opens_nothing_that_did_not_change(self, tmp_path: Path, opened: list[str]) -> None:
        paths = [write(tmp_path / f"{n}" / f"{n}.wav", 0.1 * n) for n in range(1, 4)]
        first = measure(paths, tmp_path / "measured.tsv")
        assert sorted(opened) == ["1.wav", "2.wav", "3.wav"]
        before = (tmp_path / "measured.tsv").read_bytes()
        second = measure(paths, tmp_path / "measured.tsv")
        assert len(opened) == 3
        assert second.milliseconds.tolist() == first.milliseconds.tolist() == [100, 200, 300]
        assert (tmp_path / "measured.tsv").read_bytes() == before

    def test_opens_what_is_new_or_changed_and_forgets_what_is_gone(
        self, tmp_path: Path, opened: list[str]
    ) -> None:
        old, changed, gone = (write(tmp_path / f"{n}.wav", 0.1) for n in ("old", "changed", "gone"))
        measure([old, changed, gone], tmp_path / "measured.tsv")
        opened.clear()
        write(Path(changed), 0.2)
        os.remove(gone)
        new = write(tmp_path / "new.wav", 0.3)
        result = measure([old, changed, gone, new], tmp_path / "measured.tsv")
        assert sorted(opened) == ["changed.wav", "new.wav"]
        assert result.milliseconds.tolist() == [100, 200, 0, 300]
        assert result.reasons == {2: "it is not there: a broken link?"}
        assert "gone" not in (tmp_path / "measured.tsv").read_text()

    def test_notices_a_truncated_file_of_the_same_age(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.wav", 1.0)
        before = os.stat(path)
        measure([path], tmp_path / "measured.tsv")
        os.truncate(path, before.st_size // 2)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        _, reasons = measure([path], tmp_path / "measured.tsv")
        assert "promises 1.000 s of audio and the file holds" in reasons[0]

    def test_notices_a_file_of_the_same_size_that_was_written_anew(
        self, tmp_path: Path, opened: list[str]
    ) -> None:
        path = write(tmp_path / "a.wav", 1.0)
        measure([path], tmp_path / "measured.tsv")
        os.utime(path, ns=(0, 0))
        measure([path], tmp_path / "measured.tsv")
        assert len(opened) == 2

    def test_tries_again_what_could_not_be_read(self, tmp_path: Path, opened: list[str]) -> None:
        path = tmp_path / "a.wav"
        path.write_text("not at all audio")
        for times in (1, 2):
            assert "not audio" in measure([str(path)], tmp_path / "measured.tsv").reasons[0]
            assert len(opened) == times

    @pytest.mark.parametrize("content", ["", "anything\n", "\x00\xff", "path\tbytes\n1\t2\t3\n"])
    def test_does_without_what_it_cannot_read(self, tmp_path: Path, content: str) -> None:
        path = write(tmp_path / "a.wav", 0.1)
        (tmp_path / "measured.tsv").write_bytes(content.encode("latin-1"))
        assert measure([path], tmp_path / "measured.tsv").milliseconds.tolist() == [100]

    def test_does_without_a_number_that_is_none(self, tmp_path: Path) -> None:
        path, remembered = write(tmp_path / "a.wav", 0.1), tmp_path / "measured.tsv"
        measure([path], remembered)
        remembered.write_text(remembered.read_text().replace("\t100\n", "\tlong\n"))
        assert measure([path], remembered).milliseconds.tolist() == [100]

    def test_knows_files_of_any_name(self, tmp_path: Path, opened: list[str]) -> None:
        names = ["a b,c.wav", "İ.wav", os.fsdecode(b"latin-\xe9.wav"), "ta\tb.wav", "li\nne.wav"]
        paths = [write(tmp_path / name, 0.1) for name in names]
        for _ in range(2):
            result = measure(paths, tmp_path / "measured.tsv")
            assert result.milliseconds.tolist() == [100] * 5
        assert len(opened) == 5 + 2  # a tab or a new line in a name is not written down


def test_what_was_measured_before_an_interruption_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    paths = [write(tmp_path / f"{n:03}.wav", 0.1) for n in range(200)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    def slow(path: str) -> float:
        time.sleep(0.005)  # lest a thread be through before the main one hears of anything
        return quick(path)

    quick = measuring.checked_duration
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "checked_duration", slow)
        with pytest.raises(KeyboardInterrupt):
            measure(paths, tmp_path / "measured.tsv", stop, threads=1)
    known = len(opened)
    assert 64 <= known < 200
    assert measure(paths, tmp_path / "measured.tsv").milliseconds.tolist() == [100] * 200
    assert len(opened) == 200
