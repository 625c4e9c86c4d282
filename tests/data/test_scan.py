"""What `prepare` sees of folders: links, loops, locked and hidden folders, formats."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyannote_ge2e.data.prepare.plan import LeftOut
from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES, audio_suffixes, checked_folders, walk
from pyannote_ge2e.errors import UserError

needs_links = pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def seen(root: Path) -> tuple[set[str], list[LeftOut]]:
    left_out: list[LeftOut] = []
    files = {folder + name for folder, names in walk(str(root), left_out) for name in names}
    return files, left_out


class TestWalk:
    def test_all_files_but_hidden_ones_are_seen(self, tmp_path: Path) -> None:
        touch(tmp_path / "a.wav", tmp_path / "b/c/d.wav", tmp_path / "b/notes.txt")
        touch(tmp_path / ".cache/x.wav", tmp_path / "b/._d.wav")
        assert seen(tmp_path) == ({"a.wav", "b/c/d.wav", "b/notes.txt"}, [])

    @needs_links
    def test_links_to_folders_and_files_are_followed(self, tmp_path: Path) -> None:
        touch(tmp_path / "elsewhere/ann/1.wav", tmp_path / "voices/bob/1.wav")
        (tmp_path / "voices/ann").symlink_to(tmp_path / "elsewhere/ann")
        (tmp_path / "voices/bob/2.wav").symlink_to(tmp_path / "elsewhere/ann/1.wav")
        files, left_out = seen(tmp_path / "voices")
        assert files == {"ann/1.wav", "bob/1.wav", "bob/2.wav"}
        assert not left_out

    @needs_links
    @pytest.mark.parametrize("target", [".", "ann", "..", "../.."])
    def test_a_link_to_a_folder_above_is_named_and_not_followed(
        self, tmp_path: Path, target: str
    ) -> None:
        root = tmp_path / "x" / "voices"
        touch(root / "ann/1.wav")
        (root / "ann/loop").symlink_to((root / target).resolve(), target_is_directory=True)
        files, left_out = seen(root)
        assert files == {"ann/1.wav"}
        assert left_out == [
            LeftOut("ann/loop", "it is a symbolic link to a folder that contains it")
        ]

    @needs_links
    def test_links_into_each_other_end(self, tmp_path: Path) -> None:
        touch(tmp_path / "v/ann/1.wav", tmp_path / "v/bob/2.wav")
        (tmp_path / "v/ann/to_bob").symlink_to(tmp_path / "v/bob")
        (tmp_path / "v/bob/to_ann").symlink_to(tmp_path / "v/ann")
        files, left_out = seen(tmp_path / "v")
        assert files == {"ann/1.wav", "bob/2.wav", "ann/to_bob/2.wav", "bob/to_ann/1.wav"}
        assert {item.path for item in left_out} == {"ann/to_bob/to_ann", "bob/to_ann/to_bob"}

    @needs_links
    def test_a_broken_link_is_a_file_to_be_told_of_later(self, tmp_path: Path) -> None:
        touch(tmp_path / "ann/1.wav")
        (tmp_path / "ann/2.wav").symlink_to(tmp_path / "gone.wav")
        assert seen(tmp_path) == ({"ann/1.wav", "ann/2.wav"}, [])

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
    def test_a_locked_folder_is_named(self, tmp_path: Path) -> None:
        touch(tmp_path / "ann/1.wav", tmp_path / "bob/1.wav")
        (tmp_path / "bob").chmod(0)
        try:
            files, left_out = seen(tmp_path)
        finally:
            (tmp_path / "bob").chmod(0o700)
        assert files == {"ann/1.wav"}
        assert left_out == [LeftOut("bob", "it cannot be listed: Permission denied")]

    def test_a_folder_that_goes_away_is_named(self, tmp_path: Path) -> None:
        assert seen(tmp_path / "gone") == (
            set(),
            [LeftOut(".", "it cannot be listed: No such file or directory")],
        )

    def test_folders_may_be_deep(self, tmp_path: Path) -> None:
        depth = 900
        folder = os.open(tmp_path, os.O_RDONLY)
        try:
            for _ in range(depth):
                os.mkdir("d", dir_fd=folder)
                inner = os.open("d", os.O_RDONLY, dir_fd=folder)
                os.close(folder)
                folder = inner
            os.close(os.open("a.wav", os.O_CREAT, dir_fd=folder))
        finally:
            os.close(folder)
        assert seen(tmp_path) == ({"d/" * depth + "a.wav"}, [])


class TestCheckedFolders:
    def test_each_is_taken_once_and_in_full(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        twice = [tmp_path / "a", tmp_path / "a" / ".." / "a"]
        assert checked_folders(twice, "audio") == [str((tmp_path / "a").resolve())]

    def test_one_inside_another_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a/b").mkdir(parents=True)
        with pytest.raises(UserError, match=r"/a/b' is inside '.*/a': give one of the two"):
            checked_folders([tmp_path / "a", tmp_path / "a/b"], "audio")

    def test_names_that_start_alike_are_not_inside(self, tmp_path: Path) -> None:
        for name in ("a", "ab"):
            (tmp_path / name).mkdir()
        assert len(checked_folders([tmp_path / "a", tmp_path / "ab"], "audio")) == 2

    def test_missing_folders_and_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"No such folder: '.*gone'"):
            checked_folders([tmp_path / "gone"], "audio")
        touch(tmp_path / "a.wav")
        with pytest.raises(UserError, match=r"a\.wav' is a file: expected a folder of speakers"):
            checked_folders([tmp_path / "a.wav"], "speakers")


class TestExtensions:
    def test_dots_and_case_do_not_matter(self) -> None:
        assert audio_suffixes(["WAV", ".m4a", " flac"]) == (".wav", ".m4a", ".flac")
        assert audio_suffixes() == AUDIO_SUFFIXES

    @pytest.mark.parametrize("extensions", [["docx"], ["wav", "docx"], [], [""]])
    def test_unknown_ones_are_refused(self, extensions: list[str]) -> None:
        with pytest.raises(UserError, match=r"Unknown audio format '.*': known are wav, flac"):
            audio_suffixes(extensions)
