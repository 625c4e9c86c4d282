"""A pack: what is in it, what is done again, and what is noticed when something changed."""

from __future__ import annotations

import importlib
import json
import mmap
import os
import pickle
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pyannote_ge2e.data.audio.pack import read
from pyannote_ge2e.data.audio.pack.check import changed_files, damaged_rows
from pyannote_ge2e.data.audio.pack.layout import LEFT_OUT, About
from pyannote_ge2e.data.audio.pack.lock import locked
from pyannote_ge2e.data.audio.pack.match import Names, find_rows
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.audio.reader import read_segment
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.errors import UserError

RATE = 16000
ABOUT = About("Tiny.SpeakerVerification.All", "train", RATE)
COMMAND = "pyannote-audio emb pack Tiny.SpeakerVerification.All"
SUFFIXES = ["wav", "flac", "ogg"]


def noise(seconds: float, seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def index_of(paths: list[Path], seconds: float = 0.5) -> Index:
    return Index.of(
        Utterance(f"speaker{k % 3}", "Tiny", str(path), 0.0, seconds, uri=path.stem)
        for k, path in enumerate(paths)
    )


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Nine files of 0.6 to 1.4 s."""
    (tmp_path / "audio").mkdir()
    found = []
    for k in range(9):
        found.append(tmp_path / "audio" / f"utterance{k}.{SUFFIXES[k % 3]}")
        soundfile.write(found[-1], noise(0.6 + 0.1 * k, k), RATE)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pack"


def samples_of(pack: Pack, row: int) -> np.ndarray:
    out = np.empty(pack.samples.item(row), np.float32)
    pack.read(row, 0, out)
    return out


# --- what is in it --------------------------------------------------------------------------


def test_every_utterance_is_there_to_the_sample_and_shards_are_bounded(
    paths: list[Path], folder: Path
) -> None:
    packed = write_pack(index_of(paths), folder, ABOUT, shard_size=100_000)
    assert packed.written == 9
    assert packed.refused == []
    pack = Pack(folder)
    for row, path in enumerate(paths):
        expected = read_segment(str(path))
        tolerance = 0 if path.suffix == ".wav" else 0.5 / 2**15 + 1e-7
        np.testing.assert_allclose(samples_of(pack, row), expected, rtol=0, atol=tolerance)
    sizes = [path.stat().st_size for path in folder.glob("*.pcm")]
    assert len(sizes) > 2
    assert max(sizes) <= 100_000
    assert sum(sizes) == 2 * pack.samples.sum()


def test_packs_are_read_where_memory_takes_no_advice(
    paths: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    expected = samples_of(Pack(folder), 4)
    monkeypatch.delattr(mmap, "MADV_WILLNEED")  # as on Windows
    monkeypatch.delitem(sys.modules, read.__name__)
    monkeypatch.setattr(sys.modules[read.__package__], "read", read)  # put back afterwards
    elsewhere = importlib.import_module(read.__name__)
    assert elsewhere is not read
    np.testing.assert_array_equal(samples_of(elsewhere.Pack(folder), 4), expected)


def test_an_utterance_longer_than_a_shard_has_one_of_its_own(
    paths: list[Path], folder: Path
) -> None:
    write_pack(index_of(paths), folder, ABOUT, shard_size=1000)
    assert len(list(folder.glob("*.pcm"))) == 9
    assert not list(damaged_rows(Pack(folder)))


def test_a_file_longer_than_a_block_is_written_in_order(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, noise(95, 0), RATE)
    write_pack(index_of([path]), folder, ABOUT)
    np.testing.assert_array_equal(samples_of(Pack(folder), 0), read_segment(str(path)))


def test_other_rates_and_channels_are_converted(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "stereo.wav"
    time = np.arange(44100) / 44100
    tone = 0.5 * np.sin(2 * np.pi * 300 * time)
    soundfile.write(path, np.stack([tone, 0.5 * tone], 1), 44100)
    write_pack(index_of([path]), folder, ABOUT)
    expected = read_segment(str(path))
    np.testing.assert_allclose(samples_of(Pack(folder), 0), expected, atol=0.5 / 2**15 + 1e-7)


def test_what_is_louder_than_full_scale_is_clipped_and_counted(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "loud.wav"
    waveform = np.zeros(RATE, np.float32)
    waveform[100:110], waveform[200:205] = 1.5, -3.0
    soundfile.write(path, waveform, RATE, subtype="FLOAT")
    packed = write_pack(index_of([path]), folder, ABOUT)
    assert packed.rows["clipped"].tolist() == [15]
    samples = samples_of(Pack(folder), 0)
    assert samples[105] == 1 - 2**-15
    assert samples[202] == -1
    assert samples[300] == 0


def test_files_that_cannot_be_read_are_left_out_with_the_reason(
    paths: list[Path], folder: Path
) -> None:
    index = index_of(paths)
    paths[1].write_text("no audio at all")
    paths[3].write_bytes(paths[3].read_bytes()[:5000])
    paths[5].unlink()
    packed = write_pack(index, folder, ABOUT)
    assert [each.uri for each in packed.refused] == ["utterance1", "utterance3", "utterance5"]
    for each, word in zip(packed.refused, ("not audio", "truncated", "No such"), strict=True):
        assert word in each.reason
    lines = (packed.index / "left_out.tsv").read_text().splitlines()
    assert [line.split("\t")[1] for line in lines] == ["uri", *(e.uri for e in packed.refused)]
    pack = Pack(folder)
    assert np.flatnonzero(pack.shard == LEFT_OUT).tolist() == [1, 3, 5]
    np.testing.assert_array_equal(samples_of(pack, 0), read_segment(str(paths[0])))


def test_nothing_to_read_at_all_is_an_error(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"Not one of 9 utterances.*utterance0\.wav' is empty"):
        write_pack(index, folder, ABOUT)
    with pytest.raises(UserError, match=r"not complete \(0 of 9"):
        Pack(folder)


# --- once more ------------------------------------------------------------------------------


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


# --- what is noticed ------------------------------------------------------------------------


def test_a_truncated_shard_is_named(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT, shard_size=100_000)
    shard = folder / "00001.pcm"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(UserError, match=rf"00001\.pcm' has .* bytes.*were written.*{COMMAND}"):
        Pack(folder)
    shard.unlink()
    with pytest.raises(UserError, match=r"00001\.pcm' is missing"):
        Pack(folder)
    packed = write_pack(index, folder, ABOUT, shard_size=100_000)
    assert 0 < packed.written < 9
    assert not list(damaged_rows(Pack(folder)))


def test_a_changed_shard_is_found_by_its_checksums(paths: list[Path], folder: Path) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    pack = Pack(folder)
    place = 2 * (pack.first.item(3) + 100)
    with (folder / "00000.pcm").open("r+b") as shard:
        shard.seek(place)
        byte = shard.read(1)[0]
        shard.seek(place)
        shard.write(bytes([byte ^ 1]))
    assert list(damaged_rows(Pack(folder))) == [3]


@pytest.mark.parametrize("name", ["rows.npy", "uris.blob.npy", "file_database.npy"])
def test_a_changed_index_is_named(paths: list[Path], folder: Path, name: str) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    path = folder / "index-1" / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"index of the pack.*is not the one that was written"):
        Pack(folder)
    # Cut short; and without its braces, which numpy's parser has no words for.
    for damaged in (content[:20], bytes(content).replace(b"}", b" ", 1)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"index of the pack .* is damaged: remove"):
            Pack(folder)


def test_shards_that_changed_places_are_packed_again(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT, shard_size=100_000, threads=1)
    one, other = folder / "00000.pcm", folder / "00001.pcm"
    assert one.stat().st_size != other.stat().st_size
    one.rename(folder / "moved.pcm")
    other.rename(one)
    (folder / "moved.pcm").rename(other)
    packed = write_pack(index, folder, ABOUT, shard_size=100_000)
    assert 0 < packed.written < 9
    assert not list(damaged_rows(Pack(folder)))


def test_a_changed_index_is_not_gone_on_with(paths: list[Path], folder: Path) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    path = folder / "index-1" / "rows.npy"
    rows = np.load(path)
    rows["first"][3] = 0
    np.save(path, rows)
    with pytest.raises(UserError, match=r"is not the one that was written: remove '.*index-1'"):
        write_pack(index, folder, ABOUT)


@pytest.mark.parametrize("content", ["{", ""])
def test_a_damaged_pack_json_is_named_and_costs_nothing(
    paths: list[Path], folder: Path, content: str
) -> None:
    index = index_of(paths)
    write_pack(index, folder, ABOUT)
    (folder / "pack.json").write_text(content)
    with pytest.raises(UserError, match=r"remove '.*pack\.json' and run 'emb pack' again"):
        write_pack(index, folder, ABOUT)
    (folder / "pack.json").unlink()
    assert write_pack(index, folder, ABOUT).written == 0


def test_what_is_no_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no pack '.*nowhere'"):
        Pack(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a pack: make one"):
        Pack(tmp_path)
    (tmp_path / "pack.json").write_text("{}")
    with pytest.raises(UserError, match="is not a pack that 'emb pack' made"):
        Pack(tmp_path)
    about = json.dumps(asdict(ABOUT))
    for shards in ("[]", "null"):
        (tmp_path / "pack.json").write_text(
            f'{{"about": {about}, "index": "index-1", "digest": "0", "shards": {shards}}}'
        )
        with pytest.raises(UserError, match="is not a pack that 'emb pack' made"):
            Pack(tmp_path)
    (tmp_path / "pack.json").write_text('{"about": {"format": 99}}')
    with pytest.raises(UserError, match="is of format 99"):
        Pack(tmp_path)


def test_a_folder_with_other_things_is_left_alone(paths: list[Path]) -> None:
    with pytest.raises(UserError, match=r"holds other things \('utterance0\.wav'\)"):
        write_pack(index_of(paths), paths[0].parent, ABOUT)
    for folder in (paths[0], paths[0] / "pack"):
        with pytest.raises(UserError, match=r"utterance0\.wav.* is a file: give a new or an empty"):
            write_pack(index_of(paths), folder, ABOUT)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (About("Other.SpeakerVerification.All", "train", RATE), "is the pack of Tiny"),
        (About(ABOUT.protocol, "test", RATE), "is the pack of Tiny.*train: give another folder"),
        (About(ABOUT.protocol, "train", 8000), "is a pack at 16000 Hz: give another folder"),
    ],
)
def test_another_pack_is_left_alone(
    paths: list[Path], folder: Path, other: About, words: str
) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    with pytest.raises(UserError, match=words):
        write_pack(index_of(paths), folder, other)
    assert Pack(folder).whole.about == ABOUT


def test_it_travels_as_its_path(paths: list[Path], folder: Path) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    pack = Pack(folder)
    expected = samples_of(pack, 3)
    sent = pickle.dumps(pack)
    assert len(sent) < 1000
    np.testing.assert_array_equal(samples_of(pickle.loads(sent), 3), expected)


# --- names ----------------------------------------------------------------------------------


def names(files: list[tuple[str, str]]) -> Names:
    databases = sorted({database for database, _ in files})
    return Names(
        StringTable.of(uri for _, uri in files),
        StringTable.of(databases),
        np.array([databases.index(database) for database, _ in files], np.int32),
    )


def test_files_are_found_by_database_and_uri() -> None:
    rng = np.random.default_rng(0)
    every = [(database, f"id{k:05d}/é{k % 7}") for database in "BA" for k in range(3000)]
    known = [every[k] for k in rng.permutation(len(every))[:4000]]
    wanted = [every[k] for k in rng.permutation(len(every))[:3000]] + [("C", "id00001/é1")]
    rows = {file: row for row, file in enumerate(known)}
    expected = [rows.get(file, -1) for file in wanted]
    assert find_rows(names(wanted), names(known)).tolist() == expected
    assert find_rows(names(known), names(known)).tolist() == list(range(4000))
