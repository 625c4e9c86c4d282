"""What plain pyannote code is given for the files of a table: ordinary objects, made with less."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from pyannote.core import Annotation, Segment, Timeline
from pyannote.database import FileFinder, ProtocolFile
from pyannote.database.registry import Registry

from pyannote_ge2e.data.tables import loaders
from pyannote_ge2e.data.tables.loaders import ExtentsLoader, UtterancesLoader
from pyannote_ge2e.data.tables.whole import WholeFile
from pyannote_ge2e.data.tables.write import write_table
from pyannote_ge2e.errors import UserError

URIS = ["zoë/1", "001", "NA", "alice/2"]
SPEAKERS = ["Zoë P.", "001", "NA", "alice"]
MILLISECONDS = [1250, 900, 3001, 1]


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    return write_table(tmp_path, "train", URIS, SPEAKERS, MILLISECONDS)


@pytest.fixture
def registry(paths: dict[str, Path]) -> Registry:
    """Registry of a protocol whose subsets are tables; all its audio is one file."""
    folder = paths["uri"].parent
    soundfile.write(folder / "all.wav", np.zeros(16), 16000)
    (folder / "train.trial").write_text("1 001 NA\n0 zoë/1 alice/2\n0 001 alice/2\n")
    subset = {key: str(path) for key, path in paths.items()}
    trials = {**subset, "trial": str(folder / "train.trial")}
    content = {
        "Databases": {"Table": str(folder / "all.wav")},
        "Protocols": {
            "Table": {
                "SpeakerVerification": {
                    "All": {"scope": "database", "train": subset, "development": trials}
                }
            }
        },
    }
    database_yml = folder / "database.yml"
    database_yml.write_text(yaml.safe_dump(content))
    found = Registry()
    found.load_database(database_yml)
    return found


def test_plain_pyannote_reads_a_table(registry):
    finder = FileFinder(registry)
    protocol = registry.get_protocol(
        "Table.SpeakerVerification.All", preprocessors={"audio": finder}
    )
    files = list(protocol.train())
    assert [file["uri"] for file in files] == URIS
    for file, speaker, milliseconds in zip(files, SPEAKERS, MILLISECONDS, strict=True):
        extent = Segment(0, milliseconds / 1000)
        expected = Annotation(uri=file["uri"])
        expected[extent, "_"] = speaker
        assert file["annotation"] == expected
        assert file["annotation"].uri == file["annotated"].uri == file["uri"]
        assert file["annotated"] == Timeline([extent])
        assert file["audio"].name == "all.wav"
        tracks = file["annotation"].itertracks(yield_label=True)
        assert {type(name) for _, *names in tracks for name in names} == {str}


def test_pyannote_makes_no_sorted_lists_of_one_segment(registry):
    """They take half of the time: as `bench/scale.py` measures it."""
    for file in registry.get_protocol("Table.SpeakerVerification.All").train():
        assert len(file["annotation"]) == len(file["annotated"]) == 1
        assert vars(file["annotated"]).keys() == {"_whole", "uri"}
        file["annotated"].add(Segment(5, 6))
        assert len(file["annotated"]) == 2


def test_plain_pyannote_tries_files_of_a_table(registry, paths):
    """pandas takes 001 for a number and NA for none: the trials of this test avoid them."""
    (paths["uri"].parent / "train.trial").write_text("1 zoë/1 alice/2\n", encoding="utf-8")
    protocol = registry.get_protocol("Table.SpeakerVerification.All")
    (trial,) = protocol.development_trial()
    assert trial["file1"]["try_with"] == Timeline([Segment(0, 1.25)])
    assert trial["file2"]["annotation"].labels() == ["alice"]


def test_both_loaders_share_one_table_that_is_read_when_needed(paths, monkeypatch):
    reads = []
    read = loaders.read_table
    monkeypatch.setattr(loaders, "read_table", lambda path: reads.append(path) or read(path))
    who, what = UtterancesLoader(paths["annotation"]), ExtentsLoader(str(paths["annotated"]))
    assert reads == []
    for uri in [*URIS, *URIS[::-1]]:
        assert who({"uri": uri}).get_timeline() == what({"uri": uri})
    assert len(reads) == 1
    del who, what
    assert not loaders._open


def test_changed_table_is_read_anew(paths):
    before = UtterancesLoader(paths["annotation"])
    assert before({"uri": "001"}).labels() == ["001"]
    paths["annotation"].write_text("001\tsomeone else\t900\n")
    assert UtterancesLoader(paths["annotation"])({"uri": "001"}).labels() == ["someone else"]


def test_files_travel_without_the_table(paths):
    loader = UtterancesLoader(paths["annotation"])
    file = ProtocolFile({"uri": "NA"}, lazy={"annotation": loader})
    loader({"uri": "001"})
    travelled = pickle.loads(pickle.dumps(file))
    assert travelled["annotation"].labels() == ["NA"]
    assert len(pickle.dumps(loader)) < 500


def test_uri_that_the_table_lacks_is_named(paths):
    with pytest.raises(UserError, match=r"train\.utterances' says nothing about 'bob/1'"):
        UtterancesLoader(paths["annotation"])({"uri": "bob/1"})


def test_blank_line_of_a_list_is_a_file_without_speech_to_pyannote(registry, paths):
    paths["uri"].write_text("zoë/1\n\nalice/2\n", encoding="utf-8")
    protocol = registry.get_protocol("Table.SpeakerVerification.All")
    files = {file["uri"]: file for file in protocol.train()}
    assert list(files) == ["zoë/1", "", "alice/2"]
    assert not files[""]["annotation"]
    assert not files[""]["annotated"]


@pytest.mark.parametrize("text", ["", "other.utterances\n"])
def test_extents_that_name_no_table_are_refused(paths, text):
    paths["annotated"].write_text(text)
    with pytest.raises(UserError, match=r"train\.extents' names no table"):
        ExtentsLoader(paths["annotated"])({"uri": "001"})


def test_whole_file_covers_what_any_timeline_of_its_segment_covers():
    whole, plain = WholeFile(Segment(0, 2)), Timeline([Segment(0, 2)])
    rng = np.random.default_rng(0)
    segments = [[Segment(*np.sort(rng.uniform(-0.5, 2.5, 2)))] for _ in range(30)]
    inside = [[Segment(0, 2)], [], [Segment(0, 2 + 1e-7)], [Segment(0.5, 1), Segment(1.5, 2)]]
    told = [whole.covers(Timeline(some)) for some in segments + inside]
    assert told == [plain.covers(Timeline(some)) for some in segments + inside]
    assert len(set(told)) == 2
    whole.add(Segment(3, 4))
    assert not whole.covers(Timeline([Segment(1, 3.5)]))
    assert whole == plain.add(Segment(3, 4))


# What is asked of a timeline or of an annotation; each of a new one, and of one that has changed.
OF_A_TIMELINE: list[Callable[[Timeline], object]] = [
    len,
    bool,
    list,
    str,
    lambda timeline: timeline[0],
    lambda timeline: timeline != Timeline([Segment(0, 0.9)]),
    lambda timeline: timeline == Timeline([Segment(0, 0.9)]),
    lambda timeline: timeline != timeline.copy(),
    lambda timeline: Segment(0, 0.9) in timeline,
    lambda timeline: list(timeline | Timeline([Segment(4, 5)])),
    lambda timeline: list(timeline.crop(Segment(0.5, 8))),
    lambda timeline: list(timeline.gaps(Segment(0, 8))),
    lambda timeline: (timeline.extent(), timeline.duration(), timeline.uri, timeline.to_uem()),
    lambda timeline: vars(pickle.loads(pickle.dumps(timeline))).keys(),
    lambda timeline: type(pickle.loads(pickle.dumps(timeline))),
    lambda timeline: hasattr(timeline, "_repr_html_") or hasattr(timeline, "nothing"),
]
OF_AN_ANNOTATION: list[Callable[[Annotation], object]] = [
    *(lambda annotation, ask=ask: ask(annotation.get_timeline()) for ask in OF_A_TIMELINE),
    *(
        lambda annotation, ask=ask: ask(annotation.get_timeline(copy=False))
        for ask in OF_A_TIMELINE
    ),
    len,
    str,
    lambda annotation: annotation != annotation.copy(),
    lambda annotation: annotation != annotation.rename_labels({"001": "b"}),
    lambda annotation: (annotation.labels(), annotation.chart(), annotation.uri),
    lambda annotation: annotation.crop(Segment(0.5, 8)).to_rttm(),
    lambda annotation: pickle.loads(pickle.dumps(annotation)).to_rttm(),
    lambda annotation: type(pickle.loads(pickle.dumps(annotation))),
]


def _longer(timeline: Timeline) -> None:
    timeline.uri = "other"
    timeline.add(Segment(2, 3))


def _another(timeline: Timeline) -> None:
    timeline.remove(timeline[0]).add(Segment(2, 3))


def _two_speakers(annotation: Annotation) -> None:
    annotation.uri = "other"
    annotation[Segment(2, 3), "x"] = "bob"


def _silent(annotation: Annotation) -> None:
    annotation.get_timeline().add(Segment(2, 3))  # of a copy
    del annotation[Segment(0, 0.9)]


def _answer(ask: Callable[[Any], object], made: object, change: Callable[[Any], None]) -> object:
    change(made)
    try:
        return ask(made)
    except IndexError as error:  # nothing is there any more
        return type(error)


@pytest.mark.parametrize("change", [lambda it: None, _longer, _another])
def test_annotated_part_answers_as_any_timeline(paths, change):
    load = ExtentsLoader(paths["annotated"])
    for ask in OF_A_TIMELINE:
        plain = Timeline([Segment(0, 0.9)], uri="001")
        assert _answer(ask, load({"uri": "001"}), change) == _answer(ask, plain, change)


@pytest.mark.parametrize("change", [lambda it: None, _two_speakers, _silent])
def test_annotation_answers_as_any_annotation(paths, change):
    load = UtterancesLoader(paths["annotation"])
    for ask in OF_AN_ANNOTATION:
        plain = Annotation(uri="001")
        plain[Segment(0, 0.9), "_"] = "001"
        assert _answer(ask, load({"uri": "001"}), change) == _answer(ask, plain, change)


def test_file_that_lasts_no_millisecond_is_silent_to_pyannote(paths):
    paths["annotation"].write_text("001\t001\t0\n")
    assert not UtterancesLoader(paths["annotation"])({"uri": "001"})
    assert not ExtentsLoader(paths["annotated"])({"uri": "001"})
