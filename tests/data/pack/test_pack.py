"""A pack: what is in it, and how it is found there."""

from __future__ import annotations

import importlib
import mmap
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_packs import ABOUT, RATE, index_of, noise, samples_of

from pyannote_ge2e.data.audio.pack import read
from pyannote_ge2e.data.audio.pack.check import damaged_rows
from pyannote_ge2e.data.audio.pack.layout import LEFT_OUT
from pyannote_ge2e.data.audio.pack.match import Names, find_rows
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.audio.reader import read_segment
from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.errors import UserError


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


def test_it_travels_as_its_path(paths: list[Path], folder: Path) -> None:
    write_pack(index_of(paths), folder, ABOUT)
    pack = Pack(folder)
    expected = samples_of(pack, 3)
    sent = pickle.dumps(pack)
    assert len(sent) < 1000
    np.testing.assert_array_equal(samples_of(pickle.loads(sent), 3), expected)


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
