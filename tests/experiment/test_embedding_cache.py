"""Embeddings on disk: found again only as they were made, whatever happens in between."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.evaluation.embedding_cache import EmbeddingCache, cache_root, file_key


def keys_of(numbers: range) -> list[bytes]:
    return [bytes([number]) * 16 for number in numbers]


def rows_of(numbers: range) -> np.ndarray:
    return np.array([[number, -number, 0.5] for number in numbers], np.float32)


def filled(root: Path, remarks: list[str] | None = None) -> EmbeddingCache:
    """Two shards: rows 0 to 3, and 4 to 7."""
    remark = print if remarks is None else remarks.append
    cache = EmbeddingCache("weights", 2.0, 0.25, remark, root)
    for numbers in (range(4), range(4, 8)):
        cache.write(keys_of(numbers), rows_of(numbers))
    return cache


def test_what_was_written_is_read(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    found = cache.read(keys_of(range(2, 12)))
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(np.stack([found[row] for row in range(6)]), rows_of(range(2, 8)))
    assert not list(cache.folder.glob(".*")), "temporary files are left"


@pytest.mark.parametrize(
    "other", [("other", 2.0, 0.25), ("weights", 3.0, 0.25), ("weights", 2.0, 0.5)]
)
def test_other_weights_and_windows_know_nothing_of_each_other(tmp_path: Path, other) -> None:
    filled(tmp_path)
    assert EmbeddingCache(*other, print, tmp_path).read(keys_of(range(8))) == {}


def test_the_key_is_of_the_file_as_it_is_now(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    key = file_key(str(path), [(0.0, 1.0)])
    monkeypatch.chdir(tmp_path)
    assert file_key("a.wav", [(0.0, 1.0 + 1e-9)]) == key
    assert file_key(str(path), [(0.0, 1.5)]) != key
    assert file_key(str(path), [(0.0, 1.0), (0.0, 1.0)]) != key
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert file_key(str(path), [(0.0, 1.0)]) != key
    path.write_bytes(b"longer")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file_key(str(path), [(0.0, 1.0)]) != key
    with pytest.raises(UserError, match=r"b\.wav"):
        file_key(str(tmp_path / "b.wav"), [(0.0, 1.0)])


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"nonsense" * 100,
        # One bit of an embedding: only a checksum tells.
        lambda content: content.replace(rows_of(range(1, 2)).tobytes(), b"\x01" * 12),
        lambda content: content.replace(b"embeddings.npy", b"embeddingx.npy"),
    ],
    ids=["cut short", "empty", "of another kind", "flipped", "without embeddings"],
)
def test_a_damaged_shard_is_thrown_away_with_a_remark(tmp_path: Path, damage) -> None:
    remarks: list[str] = []
    cache = filled(tmp_path, remarks)
    first = next(
        path for path in cache.folder.iterdir() if keys_of(range(1))[0] in path.read_bytes()
    )
    content = first.read_bytes()
    assert damage(content) != content
    first.write_bytes(damage(content))
    assert sorted(cache.read(keys_of(range(8)))) == [4, 5, 6, 7]
    (remark,) = remarks
    assert str(first) in remark
    assert not first.exists()
    cache.write(keys_of(range(4)), rows_of(range(4)))
    assert len(cache.read(keys_of(range(8)))) == 8
    assert len(remarks) == 1


def fill_and_read(root: Path) -> int:
    for _ in range(50):
        found = filled(root, remarks := []).read(keys_of(range(8)))
        if remarks or len(found) < 8:
            return 1
    return 0


def test_processes_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=fill_and_exit, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    cache = EmbeddingCache("weights", 2.0, 0.25, print, tmp_path)
    assert len(list(cache.folder.iterdir())) == 2


def fill_and_exit(root: Path) -> None:
    os._exit(fill_and_read(root))


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(
    tmp_path: Path, files_no_larger_than
) -> None:
    """The real thing: the system refuses to write more than so many bytes to a file."""
    cache = filled(tmp_path)
    with (
        files_no_larger_than(4096),
        pytest.raises(UserError, match=r"File too large.*PYANNOTE_GE2E_CACHE") as told,
    ):
        cache.write([b"z" * 16] * 1000, np.ones((1000, 3), np.float32))
    assert "\n" not in str(told.value)
    assert len(list(cache.folder.iterdir())) == 2
    assert len(cache.read(keys_of(range(8)))) == 8


def test_a_folder_that_cannot_be_made_is_said_before_work_starts(tmp_path: Path) -> None:
    (tmp_path / "embeddings").write_text("a file")
    with pytest.raises(UserError, match="PYANNOTE_GE2E_CACHE"):
        EmbeddingCache("weights", 2.0, 0.25, print, tmp_path).check()


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYANNOTE_GE2E_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("PYANNOTE_GE2E_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "pyannote-ge2e"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "pyannote-ge2e"
