"""`prepare`: folders, disks and registries that are not as one would like them."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from made_corpora import contents, write
from prepare_processes import Process, corpus

from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.errors import UserError


class TestPermissions:
    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder that anybody may enter, unlike pytest's."""
        with TemporaryDirectory() as name:
            os.chmod(name, 0o755)
            yield Path(name)

    def test_folders_and_files_that_may_not_be_read_are_left_out(self, folder: Path) -> None:
        root = corpus(folder / "V")
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        (root / "id00").chmod(0)
        (root / "id01" / "0.wav").chmod(0)
        try:
            process = Process(root, "V", folder / "out" / "database.yml", nobody=True)
            assert process.tells() == "done"
            process.join()
        finally:
            (root / "id00").chmod(0o755)
        lines = (folder / "out" / "lists" / "V" / "left_out.txt").read_text().splitlines()
        reasons = dict(line.split("\t") for line in lines)
        assert reasons["id00"] == "it cannot be listed: Permission denied"
        assert reasons["id01/0.wav"].startswith("it may not be read")

    def test_a_folder_that_may_not_be_written_stays_as_it_is(self, folder: Path) -> None:
        root = corpus(folder / "V")
        (folder / "out").mkdir(mode=0o555)
        process = Process(root, "V", folder / "out" / "database.yml", nobody=True)
        assert process.tells().startswith(f"error: Cannot write '{folder}/out/")
        process.join()
        assert contents(folder / "out") == {}


class TestFullDisk:
    """A file that may not grow beyond some bytes is what a disk without room looks like."""

    @pytest.mark.parametrize("room", [0, 40, 500])
    def test_leaves_what_was_there(self, tmp_path: Path, room: int) -> None:
        out = tmp_path / "out"
        prepare(corpus(tmp_path / "V"), "V", out / "database.yml")
        before = contents(out)
        write(tmp_path / "V" / "id00" / "more.wav")
        process = Process(tmp_path / "V", "V", out / "database.yml", room=room)
        assert process.tells().startswith("error: Cannot write")
        process.join()
        after = contents(out)
        measured = "lists/V/measured.tsv"  # which may hold more than before
        assert {**after, measured: b""} == {**before, measured: b""}

    def test_leaves_nothing_where_nothing_was(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        process = Process(corpus(tmp_path / "V"), "V", out / "database.yml", room=0)
        assert process.tells().startswith("error: Cannot write")
        process.join()
        assert contents(out) == {}
        assert prepare(tmp_path / "V", "V", out / "database.yml").subsets  # with room again


def test_a_registry_that_cannot_be_replaced_leaves_no_lists_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "database.yml"
    path.write_text("# mine\n")
    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if target == path:  # as of a file that is mounted into a container
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UserError, match=r"Cannot write .*busy"):
        prepare(corpus(tmp_path / "V"), database_yml=path)
    assert list(contents(tmp_path / "lists")) == ["V/measured.tsv"]
    monkeypatch.undo()
    assert prepare(tmp_path / "V", database_yml=path).subsets


def test_interrupted_it_writes_nothing_but_what_it_measured(tmp_path: Path) -> None:
    root = corpus(tmp_path / "V", speakers=20, utterances=10)
    process = Process(root, "V", tmp_path / "out" / "database.yml", waits=True)
    assert process.tells() == "measuring"
    process.kill(signal.SIGINT)
    assert process.tells() == "interrupted"
    process.join()
    assert list(contents(tmp_path / "out")) == ["lists/V/measured.tsv"]
    assert prepare(root, "V", tmp_path / "out" / "database.yml").subsets["train"].speakers == 16
