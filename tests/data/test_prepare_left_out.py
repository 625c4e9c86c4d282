"""`prepare`: what is left out, and how it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from made_corpora import corpus, protocol, text, write

from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.errors import UserError


class TestLeftOut:
    def test_bad_files_are_listed_with_the_reason_and_skipped(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        bad = root / "id00" / "bad"
        bad.mkdir()
        (bad / "empty.wav").touch()
        (bad / "text.mp3").write_text("not at all audio" * 100)
        write(bad / "zero.wav", seconds=0)
        cut = write(bad / "cut.wav", 1.0)
        cut.write_bytes(cut.read_bytes()[:16044])
        cut = write(bad / "cut.flac.flac", 3.0)
        cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
        cut = write(bad / "cut.opus", 3.0)
        cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
        (bad / "words.wav").write_text("not at all audio" * 100)
        write(root / "stray.wav")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        reasons = {item.path: item.reason for item in prepared.left_out}
        assert set(reasons) == {
            *(f"id00/bad/{name}" for name in ("empty.wav", "text.mp3", "zero.wav", "cut.wav")),
            *("id00/bad/cut.flac.flac", "id00/bad/cut.opus", "id00/bad/words.wav", "stray.wav"),
        }
        assert reasons["id00/bad/empty.wav"].startswith("it is empty (0 bytes)")
        for name in ("text.mp3", "words.wav"):
            assert reasons[f"id00/bad/{name}"].startswith("it is not audio that can be read")
        assert reasons["id00/bad/zero.wav"].startswith("it holds no audio")
        assert "promises 1.000 s of audio and the file holds 0.500 s" in reasons["id00/bad/cut.wav"]
        assert "truncated" in reasons["id00/bad/cut.flac.flac"]
        assert reasons["id00/bad/cut.opus"].startswith("it is truncated: it ends within a page")
        assert reasons["stray.wav"] == "it is in no speaker's folder"
        assert sum(summary.utterances for summary in prepared.subsets.values()) == 30
        shown = "".join(text(prepared).split())
        assert (
            "".join(f"Leftout:8file(s),listedin{tmp_path}/lists/Voices/left_out.txt".split())
            in shown
        )
        assert "bad" not in "".join(file["uri"] for file in protocol(prepared).train())

    def test_they_are_grouped_by_reason_broken_audio_first(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        for number in range(5):
            write(root / f"stray{number}.wav")
            cut = write(root / "id00" / f"cut{number}.wav", 1.0 + number)
            cut.write_bytes(cut.read_bytes()[:16044])
        (root / "id09" / "empty.wav").touch()
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        lines = text(prepared).splitlines()
        cut, empty, stray = (
            next(n for n, line in enumerate(lines) if line.startswith(start))
            for start in ("  5: it is truncated", "  1: it is empty", "  5: it is in no speaker's")
        )
        assert cut < empty < stray
        assert "(stray0.wav, stray1.wav, stray2.wav, ...)" in lines[stray]

    def test_all_of_them_are_in_a_file_beside_the_lists(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        names = [f"empty {number}.wav" for number in range(12)]
        for name in [*names, "new\nline.wav", os.fsdecode(b"latin-\xe9.wav")]:
            (root / "id00" / name).touch()
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        rows = [line.split("\t") for line in (prepared.lists / "left_out.txt").open()]
        escaped = [r"new\nline.wav", r"latin-\udce9.wav"]
        assert sorted(path for path, _ in rows) == sorted(f"id00/{n}" for n in [*names, *escaped])
        assert all("it is empty" in reason for _, reason in rows)
        for path in (root / "id00").glob("*.wav"):
            path.unlink()
        assert not prepare(root, database_yml=tmp_path / "database.yml").left_out
        assert not (prepared.lists / "left_out.txt").exists()

    def test_hidden_files_are_passed_over(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        (root / "id00" / "._00000.wav").write_bytes(b"from a Mac")
        (root / ".cache").mkdir()
        (root / "id00" / "notes.txt").touch()
        assert not prepare(root, database_yml=tmp_path / "database.yml").left_out

    def test_a_converted_copy_stands_for_the_original(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        for path in list(root.rglob("*.wav")):
            path.with_suffix(".m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        assert sum(summary.utterances for summary in prepared.subsets.values()) == 30
        assert {item.reason for item in prepared.left_out} == {"the .wav of the same name is taken"}
        assert all(file["audio"].suffix == ".wav" for file in protocol(prepared).train())

    @pytest.mark.skipif(has_ffmpeg(), reason="FFmpeg is installed")
    def test_m4a_without_ffmpeg_is_reported_once(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        for number in range(5):
            (root / "id00" / f"{number}.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        assert len(prepared.left_out) == 5
        assert "apt install ffmpeg" in text(prepared)

    @pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
    def test_links_are_followed_and_loops_are_not(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        corpus(tmp_path / "elsewhere", speakers=1)
        (root / "linked").symlink_to(tmp_path / "elsewhere" / "id00")
        (root / "id00" / "loop").symlink_to(root)
        (root / "id00" / "broken.wav").symlink_to(tmp_path / "gone.wav")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        assert sum(summary.speakers for summary in prepared.subsets.values()) == 11
        assert {item.path for item in prepared.left_out} == {"id00/loop", "id00/broken.wav"}

    def test_only_the_wanted_formats_are_taken(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        corpus(root, suffix=".flac")
        prepared = prepare(root, database_yml=tmp_path / "database.yml", extensions=["FLAC"])
        assert {file["audio"].suffix for file in protocol(prepared).train()} == {".flac"}
        with pytest.raises(UserError, match="Unknown audio format 'docx'"):
            prepare(root, database_yml=tmp_path / "database.yml", extensions=["docx"])
