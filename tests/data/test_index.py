"""From a protocol to flat arrays, on disk and back."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from pyannote.core import Annotation, Segment

from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.index.cache import cached_index
from pyannote_ge2e.data.index.declared import declared
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.index.speech import merged, speech_turns
from pyannote_ge2e.data.index.strings import StringTable
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.errors import UserError


def assert_same(index: Index, other: Index) -> None:
    """Of the same speech, wherever the paths of its files come from."""
    for name in ("speaker", "file", "start", "end", "speaker_database", "file_database"):
        column = getattr(index, name)
        assert column.dtype == getattr(other, name).dtype
        assert np.array_equal(column, getattr(other, name)), name
    for name in ("speakers", "databases", "uris"):
        assert list(getattr(index, name)) == list(getattr(other, name))
    for row in range(len(index.uris)):
        assert Path(index.path(row)) == Path(other.path(row))


def test_string_table_keeps_any_file_name():
    names = ["", "zoë", "name\udcff.wav", "a" * 1000]
    table = StringTable.of(names)
    assert list(table) == names
    assert table[-1] == names[-1]
    with pytest.raises(IndexError):
        table[4]


def test_index_is_sorted_by_speaker_then_file_then_start():
    index = Index.of(
        [
            Utterance("b", "D", "2.wav", 1.0, 2.0),
            Utterance("a", "D", "1.wav", 5.0, 6.0),
            Utterance("b", "D", "2.wav", 0.0, 1.0),
            Utterance("a", "E", "0.wav", 0.0, 1.0),
        ]
    )
    rows = [
        (index.speakers[index.speaker[k]], index.path(index.file[k]), index.start[k])
        for k in range(4)
    ]
    assert rows == [
        ("a", "1.wav", 5.0),
        ("a", "0.wav", 0.0),
        ("b", "2.wav", 0.0),
        ("b", "2.wav", 1.0),
    ]
    assert [index.databases[row] for row in index.speaker_database] == ["D", "D"]
    assert index.speech().tolist() == [2.0, 2.0]


def test_verification_protocol_gives_one_utterance_a_file(tiny_protocol):
    index = build_index(load_protocol(tiny_protocol.name))
    assert list(index.speakers) == [f"train{k}" for k in range(8)]
    assert len(index.speaker) == len(index.uris) == 32
    assert (index.start == 0).all()
    assert ((index.end >= 1) & (index.end <= 2)).all()


@pytest.mark.parametrize("preprocessors", [None, {"channel": lambda file: 1}])
def test_every_file_has_its_uri_its_database_and_its_path(tiny_protocol, tmp_path, preprocessors):
    protocol = load_protocol(tiny_protocol.combined, preprocessors=preprocessors)
    index = Index.load(cached_index(protocol, tmp_path))
    root = tiny_protocol.database_yml.parent
    rows = range(len(index.uris))
    assert {index.database(row) for row in rows} == {"Tiny", "Small"}
    assert [index.path(row) for row in rows] == [
        str(root / index.database(row) / f"{index.uri(row)}.wav") for row in rows
    ]


def test_labels_whose_scope_is_a_file_are_kept_apart_by_file(tiny_protocol):
    index = build_index(load_protocol(tiny_protocol.diarization))
    assert list(index.speakers) == [
        f"Meetings|train_meeting{k}|{label}" for k in range(2) for label in "AB"
    ]


def test_labels_whose_scope_is_a_database_are_kept_apart_by_database(tiny_protocol):
    index = build_index(load_protocol(tiny_protocol.combined))
    assert "Small|other0" in list(index.speakers)
    assert "train0" in list(index.speakers)
    assert list(index.databases) == ["Small", "Tiny"]


def test_turns_of_a_speaker_that_touch_are_one_utterance():
    annotation = Annotation()
    annotation[Segment(0, 1), "x"] = "A"
    annotation[Segment(0.5, 2), "y"] = "A"
    annotation[Segment(0.5, 2), "z"] = "B"
    annotation[Segment(3, 4), "x"] = "A"
    assert merged(speech_turns(annotation)) == [("A", 0, 2), ("A", 3, 4), ("B", 0.5, 2)]


def test_saved_index_is_mapped_back_and_travels_as_its_folder(tiny_protocol, tmp_path: Path):
    built = build_index(load_protocol(tiny_protocol.name))
    built.save(tmp_path / "index")
    loaded = Index.load(tmp_path / "index")
    assert loaded.digest() == built.digest()
    assert loaded.summary() == built.summary()
    assert not loaded.start.flags.owndata
    assert len(pickle.dumps(loaded)) < 500
    for travelled in (pickle.loads(pickle.dumps(loaded)), pickle.loads(pickle.dumps(built))):
        assert travelled.digest() == built.digest()


def test_saving_leaves_nothing_half_written_and_keeps_what_is_there(tiny_protocol, tmp_path: Path):
    index = build_index(load_protocol(tiny_protocol.name))
    for _ in range(2):
        index.save(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_unreadable_index_names_its_folder(tiny_protocol, tmp_path: Path):
    build_index(load_protocol(tiny_protocol.name)).save(tmp_path / "index")
    (tmp_path / "index" / "start.npy").write_bytes(b"")
    with pytest.raises(UserError, match="remove that folder"):
        Index.load(tmp_path / "index")


def test_cache_is_used_until_the_protocol_changes(tiny_protocol, tmp_path: Path):
    protocol = load_protocol(tiny_protocol.name)
    first = cached_index(protocol, tmp_path)
    written = (first / "start.npy").stat().st_mtime_ns
    assert cached_index(protocol, tmp_path) == first
    assert (first / "start.npy").stat().st_mtime_ns == written
    rttm = tiny_protocol.database_yml.parent / "Tiny" / "train.annotation.rttm"
    content = rttm.read_text()
    try:
        rttm.write_text(content.replace("train0 ", "trainX "))
        changed = cached_index(protocol, tmp_path)
    finally:
        rttm.write_text(content)
    assert changed != first
    assert "trainX" in list(Index.load(changed).speakers)


def test_cache_of_a_meta_protocol_differs_from_that_of_its_parts(tiny_protocol, tmp_path: Path):
    folders = {
        cached_index(load_protocol(name), tmp_path)
        for name in (tiny_protocol.combined, tiny_protocol.name, tiny_protocol.diarization)
    }
    assert len(folders) == 3


def test_what_cannot_be_told_from_a_database_yml_is_indexed_anew(tiny_protocol, tmp_path: Path):
    protocol = load_protocol(tiny_protocol.name, preprocessors={"channel": lambda file: 1})
    folder = cached_index(protocol, tmp_path)
    assert Index.load(folder).digest() == folder.name


def test_subset_that_is_missing_is_named(tiny_protocol):
    with pytest.raises(UserError, match="has no test subset"):
        build_index(load_protocol(tiny_protocol.name), "test")


def test_file_without_annotation_is_named(tiny_protocol):
    with pytest.raises(UserError, match="no annotation for 'train0/0'"):
        build_index(load_protocol(tiny_protocol.no_annotation))


def test_subset_without_any_speech_is_refused(tiny_protocol):
    protocol = load_protocol(
        tiny_protocol.name, preprocessors={"annotation": lambda file: Annotation()}
    )
    with pytest.raises(UserError, match="No speaker is annotated"):
        build_index(protocol)


def test_missing_audio_file_is_named(tiny_protocol):
    path = tiny_protocol.database_yml.parent / "Tiny" / "train0" / "0.wav"
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(UserError, match="train0/0"):
            build_index(load_protocol(tiny_protocol.name))
    finally:
        path.with_suffix(".away").rename(path)


def test_arrays_are_small(tiny_protocol):
    index = build_index(load_protocol(tiny_protocol.name))
    assert index.speaker.dtype == index.file.dtype == np.int32


@pytest.mark.parametrize("name", ["name", "diarization", "combined"])
def test_lists_read_line_by_line_give_what_pyannote_gives(tiny_protocol, name):
    name = getattr(tiny_protocol, name)
    plain = load_protocol(name)
    assert declared(plain, "train") is not None
    other = load_protocol(name, preprocessors={"channel": lambda file: 1})
    assert declared(other, "train") is None
    assert_same(build_index(plain), build_index(other))


def test_turns_are_cropped_to_the_annotated_part_as_pyannote_does(tiny_protocol):
    folder = tiny_protocol.database_yml.parent / "Meetings"
    uem, rttm = folder / "train.annotated.uem", folder / "train.annotation.rttm"
    content = {path: path.read_text() for path in (uem, rttm)}
    try:
        uem.write_text("train_meeting0 1 0.7 3.3\ntrain_meeting0 1 4.1 5.0\n")
        with rttm.open("a") as lines:
            lines.write("\nSPEAKER train_meeting1 1 0.2 9.1 <NA> <NA> C <NA> <NA>\n")
            lines.write("SPKR-INFO train_meeting1 1 <NA> <NA> <NA> unknown C <NA> <NA>\n")
        plain = build_index(load_protocol(tiny_protocol.diarization))
        channel = {"channel": lambda file: 1}
        other = build_index(load_protocol(tiny_protocol.diarization, preprocessors=channel))
    finally:
        for path, text in content.items():
            path.write_text(text)
    assert list(plain.speakers) == list(other.speakers)
    assert np.allclose(plain.start, other.start)
    assert np.allclose(plain.end, other.end)
    assert plain.start.min() == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER train0/0 1 zero 1.0 <NA> <NA> A <NA> <NA>", "expected two times"),
        ("SPEAKER train0/0 1 0.0 1.0", "expected a speaker in field 8"),
        ("SPEAKER train0/0", "expected two times"),
        ("SPEAKER train0/0 1 nan 1.0 <NA> <NA> A <NA> <NA>", "expected two times"),
    ],
)
def test_malformed_line_is_named(tiny_protocol, line, message):
    path = tiny_protocol.database_yml.parent / "Tiny" / "train.annotation.rttm"
    content = path.read_text()
    try:
        path.write_text(f"{line}\n{content}")
        with pytest.raises(UserError, match=rf"train\.annotation\.rttm', line 1: {message}"):
            build_index(load_protocol(tiny_protocol.name))
    finally:
        path.write_text(content)


@pytest.mark.parametrize("name", ["uri.lst", "annotation.rttm"])
def test_list_that_is_not_utf_8_is_named(tiny_protocol, name):
    path = tiny_protocol.database_yml.parent / "Tiny" / f"train.{name}"
    content = path.read_bytes()
    try:
        path.write_bytes(content.replace(b"train0", b"tr\xe9in0"))
        with pytest.raises(UserError, match=f"train.{name}' is not UTF-8"):
            build_index(load_protocol(tiny_protocol.name))
    finally:
        path.write_bytes(content)


def test_missing_list_is_named(tiny_protocol):
    path = tiny_protocol.database_yml.parent / "Tiny" / "train.uri.lst"
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(UserError, match=r"train\.uri\.lst"):
            build_index(load_protocol(tiny_protocol.name))
    finally:
        path.with_suffix(".away").rename(path)
