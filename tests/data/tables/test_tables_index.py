"""Protocols declared by tables: their index is that of plain pyannote code."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from declared_tables import FOREIGN, SPEAKERS
from pyannote.database.custom import LOADERS

from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.index import audio
from pyannote_ge2e.data.index.build import build_index, recordings
from pyannote_ge2e.data.index.cache import cached_index
from pyannote_ge2e.data.index.declared import declared
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.errors import UserError


def assert_same(index: Index, other: Index) -> None:
    columns = ("speaker", "file", "start", "end", "file_database")
    for name in (*columns, "speaker_database", "speaker_speech", "speaker_shortest"):
        assert np.array_equal(getattr(index, name), getattr(other, name)), name
    for name in ("speakers", "databases", "uris"):
        assert list(getattr(index, name)) == list(getattr(other, name))
    for row in range(len(index.uris)):
        assert Path(index.path(row)) == Path(other.path(row))


def both_indexes(name: str) -> tuple[Index, Index]:
    """Made of raw rows, and of pyannote's annotations."""
    ours, foreign = load_protocol(name), load_protocol(name, preprocessors=FOREIGN)
    assert declared(ours, "train") is not None
    assert declared(foreign, "train") is None
    return build_index(ours), build_index(foreign)


@pytest.mark.parametrize("scope", ["global", "database", "file"])
@pytest.mark.parametrize("annotated", [True, False])
def test_rows_give_the_index_that_annotations_give(corpus, scope, annotated):
    corpus.scope = scope
    if not annotated:
        del corpus.subset["annotated"]
    index, other = both_indexes(corpus.declare())
    assert_same(index, other)
    assert len(index.speakers) == (len(corpus.uris) if scope == "file" else len(SPEAKERS))
    assert list(index.uris) == corpus.uris
    assert index.end.max() == max(corpus.milliseconds) / 1000


@pytest.mark.parametrize("rows", [[4], range(0, 12, 4)], ids=["a file", "a speaker"])
@pytest.mark.parametrize("scope", ["database", "file"])
def test_who_has_files_without_duration_only_is_not_heard(corpus, rows, scope):
    for row in rows:
        corpus.milliseconds[row] = 0
    corpus.scope = scope
    corpus.write()
    index, other = both_indexes(corpus.declare())
    assert_same(index, other)
    assert not {corpus.uris[row] for row in rows} & set(index.uris)
    assert index.speaker_shortest.min() >= 1


def test_blank_lines_and_windows_line_ends_change_nothing(corpus):
    name = corpus.declare()
    before = build_index(load_protocol(name))
    for path in (corpus.paths["uri"], corpus.paths["annotation"]):
        lines = path.read_text(encoding="utf-8").replace("\n", "\r\n\r\n")
        path.write_text(f"\r\n{lines}", encoding="utf-8", newline="")
    for index in both_indexes(name):
        assert_same(index, before)


def test_meta_protocol_mixes_tables_and_plain_lists(corpus, tiny_protocol):
    part = f"{corpus.database}.SpeakerVerification.All"
    mixed = {
        "train": {
            part: ["train", "development"],  # whose files are the same
            tiny_protocol.diarization: ["train"],
            tiny_protocol.name: ["train"],
        }
    }
    corpus.declare(meta={f"Mixed{corpus.database}": mixed})
    index, other = both_indexes(f"X.SpeakerVerification.Mixed{corpus.database}")
    assert_same(index, other)
    assert len(index.uris) == len(corpus.uris) + 2 + 32
    assert sorted(index.databases) == sorted([corpus.database, "Meetings", "Tiny"])


def test_audio_is_where_the_first_template_that_leads_to_a_file_says(corpus):
    corpus.templates.insert(0, str(corpus.folder / "other" / "{uri}.wav"))
    (corpus.folder / "other").mkdir()
    (corpus.folder / f"{corpus.uris[2]}.wav").rename(
        corpus.folder / "other" / f"{corpus.uris[2]}.wav"
    )
    index, other = both_indexes(corpus.declare())
    assert_same(index, other)
    assert Path(index.path(2)).parent.name == "other"
    assert Path(index.path(3)).parent == corpus.folder


def test_missing_audio_is_named_with_its_line_and_all_places(corpus, tmp_path):
    corpus.templates.append(str(corpus.folder / "{uri}.flac"))
    name = corpus.declare()
    folder = cached_index(load_protocol(name), tmp_path / "cache")
    (corpus.folder / f"{corpus.uris[2]}.wav").unlink()
    expected = r"train\.lst', line 3: there is no '.*NA0\.wav', nor '.*NA0\.flac', for 'NA0'"
    with pytest.raises(UserError, match=expected):
        build_index(load_protocol(name))
    with pytest.raises(UserError, match=expected):  # an index of another day does not hide it
        cached_index(load_protocol(name), tmp_path / "cache")
    with pytest.raises(UserError, match=r"there is no '.*NA0\.wav', nor '.*NA0\.flac'"):
        Index.load(folder).path(2)


def test_audio_need_not_be_there_for_who_reads_something_else(corpus, tmp_path):
    name = corpus.declare()
    for path in corpus.folder.glob("*.wav"):
        path.unlink()
    index = build_index(load_protocol(name), check_audio=False)
    assert list(index.uris) == corpus.uris
    folder = cached_index(load_protocol(name), tmp_path / "cache", check_audio=False)
    assert_same(Index.load(folder), index)
    other = build_index(load_protocol(name, preprocessors=FOREIGN), check_audio=False)
    assert list(other.uris) == corpus.uris
    with pytest.raises(UserError, match="Where is the audio of"):
        other.path(0)


def test_of_very_many_files_a_sample_is_looked_for(corpus, monkeypatch):
    monkeypatch.setattr(audio, "ALL", 5)
    monkeypatch.setattr(audio, "SAMPLE", 4)
    name = corpus.declare()
    away = corpus.folder / f"{corpus.uris[1]}.wav"
    away.unlink()
    build_index(load_protocol(name))
    for path in corpus.folder.glob("*.wav"):
        path.unlink()
    with pytest.raises(UserError, match=r"train\.lst', line 1: there is no"):
        build_index(load_protocol(name))


def test_list_that_differs_from_its_table_is_refused(corpus):
    name = corpus.declare()
    lines = corpus.paths["uri"].read_text(encoding="utf-8").splitlines()
    corpus.paths["uri"].write_text("\n".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(UserError, match=r"utterances' goes on, at line 12, where '.*train\.lst'"):
        build_index(load_protocol(name))
    with pytest.raises(UserError, match=r"utterances' goes on, at line 12, where '.*train\.lst'"):
        list(recordings(load_protocol(name), "train"))


@pytest.mark.parametrize(
    "other", ["absent.utterances", "other.utterances"], ids=["absent", "another"]
)
def test_extents_of_another_table_crop_as_pyannote_crops(corpus, other):
    corpus.paths["annotated"].write_text(f"{other}\n")
    halves = zip(corpus.uris, corpus.milliseconds, strict=True)
    (corpus.folder / "other.utterances").write_text(
        "".join(f"{uri}\tA\t{length // 2}\n" for uri, length in halves), encoding="utf-8"
    )
    name = corpus.declare()
    if other.startswith("absent"):
        with pytest.raises(UserError, match=r"train\.extents' names no table"):
            build_index(load_protocol(name))
        return
    protocol = load_protocol(name)
    assert declared(protocol, "train") is None
    assert build_index(protocol).end.max() == max(corpus.milliseconds) // 2 / 1000


def test_loaders_that_are_not_installed_are_missed_in_one_sentence(corpus, monkeypatch):
    """As after an update of the sources alone: entry points come with installing."""
    name = corpus.declare()
    monkeypatch.delitem(LOADERS, ".extents")
    build_index(load_protocol(name))
    with pytest.raises(UserError, match=r"No loader for file with '\.extents'.*install it anew"):
        build_index(load_protocol(name, preprocessors=FOREIGN))


def test_first_batch_is_made_of_mapped_arrays_that_travel_as_a_folder(corpus, tmp_path):
    """All uris lead to one file: how a listing of millions is simulated without their audio."""
    corpus.record("all.wav", 2000)
    corpus.templates = [str(corpus.folder / "all.wav")]
    index = Index.load(cached_index(load_protocol(corpus.declare()), tmp_path / "cache"))
    assert not index.end.flags.owndata
    dataset = BatchDataset(
        index,
        select_speakers(index, 0.5, 4),
        num_classes=4,
        num_chunks=5,
        duration=(0.5, 0.5),
        batches_per_epoch=1,
    )
    batch = dataset.batch(0)
    assert batch["X"].shape == (20, 1, 8000)
    assert batch["X"].abs().max() > 0
    assert len(pickle.dumps(index)) < 500
    assert len(pickle.dumps(dataset)) < 3000
