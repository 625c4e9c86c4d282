"""Protocols declared by tables: their index and their trials are those of plain pyannote code."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from pyannote.database import registry
from pyannote.database.custom import LOADERS

from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.index import audio
from pyannote_ge2e.data.index.build import build_index, recordings
from pyannote_ge2e.data.index.cache import cached_index
from pyannote_ge2e.data.index.declared import declared, declared_trials
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.tables.write import write_table
from pyannote_ge2e.data.trials.trials import TrialIndex, trial_index
from pyannote_ge2e.errors import UserError

# Sends a protocol through pyannote's own objects: only they can make such a key.
FOREIGN = {"channel": lambda file: 1}
SPEAKERS, UTTERANCES = ("zoë", "001", "NA", "bob b."), 3
_number = count()


class Corpus:
    """Voices of four speakers in a folder, declared by a table under a name of their own."""

    def __init__(self, folder: Path, uri: str = "{speaker}{k}") -> None:
        self.database = f"Table{next(_number)}"
        self.folder = folder / self.database
        self.folder.mkdir()
        rng = np.random.default_rng(0)
        numbered = [(speaker, k) for k in range(UTTERANCES) for speaker in SPEAKERS]
        self.uris = [uri.format(speaker=s.replace(" ", "_"), k=k) for s, k in numbered]
        self.speakers = [speaker for speaker, _ in numbered]
        self.milliseconds = rng.integers(1000, 1500, len(numbered)).tolist()
        for name, length in zip(self.uris, self.milliseconds, strict=True):
            self.record(f"{name}.wav", length)
        self.templates = [str(self.folder / "{uri}.wav")]
        self.scope = "database"
        self.write()

    def record(self, name: str, milliseconds: int) -> None:
        noise = 0.1 * np.random.default_rng(len(name)).standard_normal(milliseconds * 16 + 5)
        soundfile.write(self.folder / name, noise, 16000)

    def write(self) -> None:
        self.paths = write_table(self.folder, "train", self.uris, self.speakers, self.milliseconds)
        pairs = [(a, b) for a in range(len(self.uris)) for b in range(a)]
        self.trials = self.folder / "train.trial"
        self.trials.write_text(
            "".join(
                f"{int(self.speakers[a] == self.speakers[b])} {self.uris[a]} {self.uris[b]}\n"
                for a, b in pairs
            ),
            encoding="utf-8",
        )
        self.subset = {key: str(path) for key, path in self.paths.items()}

    def declare(self, meta: dict[str, Any] | None = None, **more: Any) -> str:
        """Name of the protocol, as declared now."""
        trials = {**self.subset, "trial": str(self.trials)}
        content = {
            "Databases": {self.database: self.templates},
            "Protocols": {
                self.database: {
                    "SpeakerVerification": {
                        "All": {"scope": self.scope, "train": self.subset, "development": trials},
                        **more,
                    }
                },
            },
        }
        if meta:
            content["Protocols"]["X"] = {"SpeakerVerification": meta}
        path = self.folder / "database.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        registry.load_database(path)
        return f"{self.database}.SpeakerVerification.All"


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is unknown to others."""
    for name in ("sources", "databases", "configs"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Corpus:
    """A corpus whose names pandas leaves alone."""
    return Corpus(tmp_path, "{speaker}-x{k}")


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


# --- index ----------------------------------------------------------------------------------------


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


# --- from the table to a batch --------------------------------------------------------------------


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


# --- trials ---------------------------------------------------------------------------------------


def both_trials(name: str, subset: str = "development") -> Iterator[TrialIndex]:
    """Read line by line, and through pyannote."""
    ours, foreign = load_protocol(name), load_protocol(name, preprocessors=FOREIGN)
    assert declared_trials(foreign, subset) is None
    yield trial_index(ours, subset)
    yield trial_index(foreign, subset)


def assert_same_trials(trials: TrialIndex, other: TrialIndex) -> None:
    assert trials.uris == other.uris
    assert [Path(path) for path in trials.paths] == [Path(path) for path in other.paths]
    assert trials.segments == other.segments
    assert trials.databases == other.databases
    assert trials.made == other.made
    for name in ("trials", "labels", "denied"):
        assert np.array_equal(getattr(trials, name), getattr(other, name))
    assert (trials.speakers is None) == (other.speakers is None)
    if trials.speakers is not None:
        assert trials.speakers.tolist() == other.speakers.tolist()


@pytest.mark.parametrize("missing", [(), ("annotated",), ("annotation", "annotated")])
def test_trials_of_a_table_are_those_of_plain_pyannote(plain, missing):
    for key in missing:
        del plain.subset[key]
    trials, other = both_trials(plain.declare())
    assert_same_trials(trials, other)
    assert len(trials) == 66
    assert (trials.speakers is None) == ("annotation" in missing)


@pytest.mark.parametrize("name", ["name", "no_annotation"])
def test_trials_of_plain_lists_are_those_of_plain_pyannote(tiny_protocol, name):
    name = getattr(tiny_protocol, name)
    assert declared_trials(load_protocol(name), "development") is not None
    assert_same_trials(*both_trials(name))


def test_annotated_part_of_plain_lists_is_what_is_tried(tiny_protocol):
    uem = tiny_protocol.database_yml.parent / "Tiny" / "development.annotated.uem"
    content = uem.read_text()
    lines = content.splitlines()
    try:
        uem.write_text(
            "\n".join(["dev0/0 1 0.5 0.9", "dev0/0 1 0.1 0.2", "dev0/0 1 0.3 0.3", *lines[2:]])
        )
        trials, other = both_trials(tiny_protocol.name)
    finally:
        uem.write_text(content)
    assert_same_trials(trials, other)
    assert trials.segments[trials.uris.index("dev0/0")] == [(0.1, 0.2), (0.5, 0.9)]


def test_names_like_numbers_and_like_nothing_stay_names(corpus):
    """`001` and `NA` as pandas reads them are 1 and nan."""
    corpus.uris = ["001", "002", "NA", "null", *corpus.uris[4:]]
    for name in corpus.uris:
        corpus.record(f"{name}.wav", 1500)
    corpus.speakers = ["001", "001", "NA", "NA", *corpus.speakers[4:]]
    corpus.write()
    corpus.trials.write_text("1 001 002\n1 NA null\n0 001 NA\n0 002 null\n")
    trials = trial_index(load_protocol(corpus.declare()))
    assert trials.uris == ["001", "002", "NA", "null"]
    assert trials.trials.tolist() == [[0, 1], [2, 3], [0, 2], [1, 3]]
    assert trials.speakers.tolist() == ["001", "001", "NA", "NA"]


def test_blank_lines_and_windows_line_ends_of_trials_are_accepted(corpus):
    name = corpus.declare()
    before = trial_index(load_protocol(name))
    lines = (
        corpus.trials.read_text(encoding="utf-8").replace("\n", "\r\n \r\n\n").replace(" ", "\t")
    )
    corpus.trials.write_text(f"\ufeff\n{lines}", encoding="utf-8", newline="")
    assert_same_trials(trial_index(load_protocol(name)), before)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1 NA0 NA1\n\n0 NA0\n", "line 3: expected '1 uri1 uri2' or '0 uri1 uri2', not '0 NA0'"),
        ("1 NA0 NA1\n0 NA0 0010 x\n", "line 2: expected"),
        ("NA0 NA1 1\n", "line 1: expected"),
        ("target NA0 NA1\n", "line 1: expected"),
        ("1 NA0 NA1\n\n0 NA0 eve\n", r"line 3: 'eve' is not in '.*train\.lst'\."),
        ("1 NA0.wav NA1\n", r"line 1: 'NA0\.wav' is not in .* \(but 'NA0' is: leave '\.wav' out\)"),
        ("\n \n", "lists no trial"),
        ("1 NA0 NA1\n", "are all target trials"),
    ],
)
def test_trials_that_cannot_be_used_are_refused(corpus, lines, message):
    name = corpus.declare()
    corpus.trials.write_text(lines)
    with pytest.raises(UserError, match=message) as raised:
        trial_index(load_protocol(name))
    assert corpus.trials.name in str(raised.value) or "all target" in message


def test_trials_that_are_not_utf_8_are_named(corpus):
    name = corpus.declare()
    corpus.trials.write_bytes(b"1 zo\xeb0 zo\xeb1\n")
    with pytest.raises(UserError, match=r"train\.trial' is not UTF-8 text"):
        trial_index(load_protocol(name))


def test_missing_or_empty_audio_of_a_trial_is_named_with_its_line(corpus):
    name = corpus.declare()
    corpus.trials.write_text("\n1 NA0 NA1\n0 NA0 0010\n")
    path = corpus.folder / "0010.wav"
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"trial', line 3: '.*0010\.wav' is empty"):
        trial_index(load_protocol(name))
    path.unlink()
    with pytest.raises(UserError, match=r"trial', line 3: there is no '.*0010\.wav', for '0010'"):
        trial_index(load_protocol(name))


def test_trials_that_the_table_denies_have_no_speakers(plain):
    name = plain.declare()
    table = plain.paths["annotation"]
    table.write_text(
        table.read_text(encoding="utf-8").replace("\tNA\t", "\t001\t"), encoding="utf-8"
    )
    trials, other = both_trials(name)
    assert_same_trials(trials, other)
    assert trials.speakers is None
    assert len(trials.denied) == 9


@pytest.mark.parametrize("scope", ["database", "file"])
def test_turns_of_a_table_are_paired_as_those_of_annotations(corpus, tiny_protocol, scope):
    corpus.scope = scope
    part = f"{corpus.database}.SpeakerVerification.All"
    mixed = {
        "development": {
            part: ["train"],
            tiny_protocol.diarization: ["train"],
            tiny_protocol.name: ["train"],
        }
    }
    corpus.declare(meta={f"Mixed{corpus.database}": mixed})
    trials, other = both_trials(f"X.SpeakerVerification.Mixed{corpus.database}")
    assert trials.made
    assert_same_trials(trials, other)
    table = [uri for uri in trials.uris if uri.split("|")[0] in corpus.uris]
    assert len(table) == len(corpus.uris)


def test_missing_audio_of_a_turn_is_named_with_its_line(corpus):
    name = corpus.declare()
    del corpus.subset["annotated"]
    (corpus.folder / f"{corpus.uris[2]}.wav").unlink()
    with pytest.raises(UserError, match=r"train\.lst', line 3: there is no"):
        trial_index(load_protocol(name), "train")
