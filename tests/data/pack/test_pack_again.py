"""A pack that is made again: what is done once more, and what is gone on with."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_packs import ABOUT, COMMAND, RATE, index_of, noise, samples_of

from pyannote_ge2e.data.audio.pack.check import changed_files, damaged_rows
from pyannote_ge2e.data.audio.pack.lock import locked
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.audio.reader import read_segment
from pyannote_ge2e.errors import UserError


def test_a_second_run_reads_nothing(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.pcm")}
    assert write_pack(index, folder, ABOUT).written == 0
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.pcm")} == before


def test_only_what_changed_is_packed_again(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    soundfile.write(paths[4], noise(2, 99), RATE)
    packed = write_pack(index, folder, ABOUT)
    assert packed.written == 1
    assert packed.unused == 2 * round(1.0 * RATE)
    np.testing.assert_array_equal(samples_of(Pack(folder), 4), read_segment(str(paths[4])))
    assert not list(damaged_rows(Pack(folder)))


def test_a_file_that_was_only_touched_is_not_written_again(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    os.utime(paths[2], (1, 1))
    assert len(changed_files(index, Pack(folder), np.arange(9))) == 1
    packed = write_pack(index, folder, ABOUT)
    assert (packed.written, packed.unused) == (1, 0)
    assert len(list(folder.glob("*.pcm"))) == 1
    assert not changed_files(index, Pack(folder), np.arange(9))


def test_sources_that_are_gone_stay_packed(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    expected = read_segment(str(paths[6]))
    paths[6].unlink()
    packed = write_pack(index, folder, ABOUT)
    assert (packed.written, packed.refused) == (0, [])
    np.testing.assert_array_equal(samples_of(Pack(folder), 6), expected)
    assert not changed_files(index, Pack(folder), np.arange(9))


def test_a_list_that_grew_and_shrank_keeps_what_is_packed(paths: list[Path], folder: Path) -> None:
    write_pack(index_of(paths[:6]), folder, ABOUT)
    index = index_of(paths[8:2:-1])
    packed = write_pack(index, folder, ABOUT)
    assert packed.written == 3
    pack = Pack(folder)
    assert list(pack.table.names.uris) == [f"utterance{k}" for k in range(8, 2, -1)]
    np.testing.assert_array_equal(samples_of(pack, 2), read_segment(str(paths[6])))


def test_a_file_that_can_be_read_now_is_not_left_out_any_more(
    paths: list[Path], folder: Path
) -> None:
    index = index_of(paths)
    content = paths[0].read_bytes()
    paths[0].write_bytes(b"")
    assert len(write_pack(index, folder, ABOUT).refused) == 1
    paths[0].write_bytes(content)
    packed = write_pack(index, folder, ABOUT)
    assert (packed.written, packed.refused) == (1, [])


class Stop(Exception):
    """Something that happens in the middle."""


def stop_after(number: int, error: type[BaseException] = Stop) -> Callable[[int], None]:
    left = [number]

    def progress(done: int) -> None:
        left[0] -= done
        if left[0] < 0:
            raise error

    return progress


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
def test_a_run_that_was_interrupted_is_gone_on_with(
    paths: list[Path], folder: Path, error: type[BaseException]
) -> None:
    index = index_of(paths)
    with pytest.raises(error):
        write_pack(index, folder, ABOUT, threads=1, progress=stop_after(3, error))
    with pytest.raises(UserError, match=rf"not complete \(\d of 9 utterances\).*{COMMAND}"):
        Pack(folder)
    packed = write_pack(index, folder, ABOUT)
    assert 0 < packed.written < 6
    pack = Pack(folder)
    assert not list(damaged_rows(pack))
    for row, path in enumerate(paths[:1] + paths[3:4]):
        expected = read_segment(str(path))
        np.testing.assert_array_equal(samples_of(pack, 3 * row), expected)


def test_a_whole_pack_serves_while_it_is_brought_up_to_date(
    paths: list[Path], folder: Path
) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    expected = read_segment(str(paths[0]))
    for k, path in enumerate(paths):
        soundfile.write(path, noise(1, 50 + k), RATE)
    with pytest.raises(Stop):
        write_pack(index, folder, ABOUT, threads=1, progress=stop_after(4))
    np.testing.assert_array_equal(samples_of(Pack(folder), 0), expected)
    assert write_pack(index, folder, ABOUT).written < 9
    assert not np.array_equal(samples_of(Pack(folder), 0), expected)


def test_two_at_once_are_refused(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    with locked(folder), pytest.raises(UserError, match=rf"Another.*process {os.getpid()}.*wait"):
        write_pack(index, folder, ABOUT)
    assert write_pack(index, folder, ABOUT).written == 0


def test_threads_pack_the_same(paths: list[Path], folder: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    for name, threads in (("one", 1), ("many", 5)):
        write_pack(index_of(paths), tmp_path / name, ABOUT, threads=threads, shard_size=70_000)
    one, many = Pack(tmp_path / "one"), Pack(tmp_path / "many")
    assert one.table.rows["checksum"].tolist() == many.table.rows["checksum"].tolist()
    assert threading.active_count() == before
