"""Indexes kept on disk: found again, shared by runs, repaired, and not kept for ever."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from pyannote.database import registry

from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.index.cache import IN_USE, KEPT, cached_index, prune
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.tables.write import write_table

NAME = "Cached.SpeakerVerification.All"
LISTS = {"list": "train.lst", "table": "train.utterances", "extents": "train.extents"}


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is unknown to others."""
    for name in ("sources", "databases", "configs"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


@pytest.fixture
def database_yml(tmp_path: Path) -> Path:
    """A table of three files of two speakers."""
    paths = write_table(tmp_path, "train", ["a1", "b1", "b2"], ["a", "b", "b"], [900, 1000, 1100])
    for uri in ("a1", "b1", "b2"):
        soundfile.write(tmp_path / f"{uri}.wav", np.zeros(18000), 16000)
    return declare(tmp_path, {key: str(path) for key, path in paths.items()})


def declare(folder: Path, subset: dict[str, str], scope: str = "global", suffix: str = "") -> Path:
    content = {
        "Databases": {"Cached": str(folder / f"{{uri}}{suffix}.wav")},
        "Protocols": {
            "Cached": {"SpeakerVerification": {"All": {"scope": scope, "train": subset}}}
        },
    }
    path = folder / "database.yml"
    path.write_text(yaml.safe_dump(content))
    return path


def folder_of(database_yml: Path, check_audio: bool = True) -> Path:
    """What a run of its own does: it knows nothing of what was loaded before."""
    registry.configs.pop(database_yml, None)
    protocol = load_protocol(NAME, database_yml)
    return cached_index(protocol, database_yml.parent / "cache", check_audio=check_audio)


def age(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    for path in (folder, *folder.iterdir()):
        os.utime(path, (then, then))


def test_second_run_finds_the_index_of_the_first(database_yml):
    folder = folder_of(database_yml)
    assert folder_of(database_yml) == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("change", [*LISTS, "scope", "place"])
def test_whatever_an_index_is_made_from_makes_another(database_yml, change):
    folder = folder_of(database_yml)
    root = database_yml.parent
    keys = ("uri", "annotation", "annotated")
    subset = {key: str(root / name) for key, name in zip(keys, LISTS.values(), strict=True)}
    if change == "scope":
        declare(root, subset, scope="file")
    elif change == "place":
        declare(root, subset, suffix="x")
    else:
        path = root / {"table": "train.utterances", "list": "train.lst"}.get(
            change, "train.extents"
        )
        path.write_text(path.read_text() + "\n")  # harmless, and nobody need know
    assert folder_of(database_yml, check_audio=False) != folder


def test_a_list_that_was_put_in_place_of_another_is_noticed(database_yml):
    """Copies keep the time of modification, and the size may happen to be the same."""
    folder = folder_of(database_yml)
    table = database_yml.parent / "train.utterances"
    before = table.stat()
    table.write_text(table.read_text().replace("900", "901"))
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert table.stat().st_size == before.st_size
    assert folder_of(database_yml) != folder


def test_an_index_that_finds_no_room_leaves_nothing(tmp_path, files_no_larger_than):
    """A full disk takes the beginning of what is written, and says nothing of the rest."""
    index = Index.of([Utterance("a", "D", "x" * 70_000, 0.0, 1.0)])
    with files_no_larger_than(70_000), pytest.raises(OSError, match="too large"):
        index.save(tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"), [("end.npy", b"\x93NUMPY\x01"), ("index.json", b"[]")]
)
def test_damaged_index_is_made_anew(database_yml, name, content):
    folder = folder_of(database_yml)
    whole = Index.load(folder).digest()
    (folder / name).write_bytes(content)
    assert folder_of(database_yml) == folder
    assert Index.load(folder).digest() == whole
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_runs_that_start_at_once_share_one_whole_index(database_yml):
    with ProcessPoolExecutor(3, get_context("fork")) as pool:
        folders = set(pool.map(folder_of, [database_yml] * 6))
    (folder,) = folders
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert len(Index.load(folder).uris) == 3


def test_indexes_that_nobody_uses_any_more_are_removed(tmp_path):
    index = Index.of([Utterance("a", "D", "a.wav", 0.0, 1.0)])
    folders = [tmp_path / f"{number:016x}" for number in range(KEPT + 4)]
    for number, folder in enumerate(folders):
        index.save(folder)
        age(folder, IN_USE + 1000 - number)
    Index.load(folders[0])  # in use again
    other = tmp_path / "notes"
    other.mkdir()
    for name, seconds in (("new", 0.0), ("old", 2 * IN_USE)):
        partial = tmp_path / f".{0:016x}.{name.encode().hex():0>32}"
        partial.mkdir()
        age(partial, seconds)
    prune(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {
        folders[0].name,
        *(folder.name for folder in folders[5:]),
        other.name,
        f".{0:016x}.{b'new'.hex():0>32}",
    }


def test_indexes_of_the_last_day_all_stay(tmp_path):
    index = Index.of([Utterance("a", "D", "a.wav", 0.0, 1.0)])
    for number in range(KEPT + 4):
        index.save(tmp_path / f"{number:016x}")
    prune(tmp_path)
    assert len(list(tmp_path.iterdir())) == KEPT + 4


def test_what_pyannote_alone_can_read_is_kept_by_what_it_holds(database_yml):
    protocol = load_protocol(NAME, database_yml, preprocessors={"channel": lambda file: 1})
    folder = cached_index(protocol, database_yml.parent / "cache")
    assert folder.name == build_index(protocol).digest()
    assert cached_index(protocol, database_yml.parent / "cache") == folder


def test_speech_of_speakers_is_that_of_their_utterances():
    rng = np.random.default_rng(0)
    index = Index.of(
        Utterance(f"{rng.integers(9)}", "D", f"{k}.wav", 0.5, 0.5 + length)
        for k, length in enumerate(rng.uniform(0.1, 3.0, 200))
    )
    for least in (0.0, 1.0, 5.0):
        counted = index.durations >= least
        expected = np.bincount(
            index.speaker[counted], index.durations[counted], len(index.speakers)
        )
        np.testing.assert_allclose(index.speech(least), expected)
    for speaker in range(len(index.speakers)):
        assert (index.speaker[index.utterances(speaker)] == speaker).all()
        assert (index.speaker == speaker).sum() == len(index.speaker[index.utterances(speaker)])
