"""Tables of a subset: read by numpy, by plain pyannote code, and refused where they are wrong."""

from __future__ import annotations

import gc
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from pyannote.core import Annotation, Segment, Timeline
from pyannote.database import FileFinder, ProtocolFile
from pyannote.database.registry import Registry

from pyannote_ge2e.data.index.strings import Lookup, StringTable
from pyannote_ge2e.data.tables import loaders
from pyannote_ge2e.data.tables.columns import blocks
from pyannote_ge2e.data.tables.loaders import ExtentsLoader, UtterancesLoader
from pyannote_ge2e.data.tables.read import check_listed, read_list, read_table
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


def test_table_is_read_as_it_was_written(paths):
    table = read_table(paths["annotation"])
    assert list(table.uris) == URIS
    assert [table.speakers[row] for row in table.speaker] == SPEAKERS
    assert table.milliseconds.tolist() == MILLISECONDS
    assert list(read_list(paths["uri"])) == URIS
    check_listed(paths["annotation"], table.uris, paths["uri"])


def test_rows_that_two_reads_share_are_whole(paths, monkeypatch):
    monkeypatch.setattr("pyannote_ge2e.data.tables.columns._SIZE", 7)
    table = read_table(paths["annotation"])
    assert list(table.uris) == URIS
    assert table.milliseconds.tolist() == MILLISECONDS
    assert [block.row for block in blocks(paths["annotation"], 3, "rows")] == [0, 1, 2, 3]
    paths["annotation"].write_text("a\tA\t1\nb\tB\t2\n\nc\tC\tx\n")
    with pytest.raises(UserError, match="line 4: expected"):
        read_table(paths["annotation"])


def test_windows_line_ends_blank_lines_and_blanks_around_lines_are_accepted(paths):
    text = paths["annotation"].read_text(encoding="utf-8")
    other = "\ufeff\r\n" + text.replace("\n", " \r\n\r\n \n ").rstrip()
    paths["annotation"].write_text(other, encoding="utf-8", newline="")
    lines = "\r\n\t\r\n ".join(["", *URIS, ""])
    paths["uri"].write_text(lines, encoding="utf-8", newline="")
    table = read_table(paths["annotation"])
    assert list(table.uris) == list(read_list(paths["uri"])) == URIS
    assert [table.speakers[row] for row in table.speaker] == SPEAKERS
    check_listed(paths["annotation"], table.uris, paths["uri"])


def test_lines_are_counted_with_those_that_are_blank(paths):
    paths["annotation"].write_text("a\tA\t1\n\t \t\r\nb\tB\t2\n")
    paths["uri"].write_text("a\n\t\nb\n \t\na\n")
    assert list(read_table(paths["annotation"]).uris) == ["a", "b"]
    with pytest.raises(UserError, match=r"line 5: 'a' was on line 1 already"):
        read_list(paths["uri"])


def test_empty_table_holds_nothing(paths):
    paths["annotation"].write_text("\n\n")
    table = read_table(paths["annotation"])
    assert (len(table.uris), table.speakers, len(table.milliseconds)) == (0, [], 0)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a\tA\t1\n\r\nb\tB\n", r"line 3: expected 'uri<tab>speaker<tab>milliseconds'.*'b\\tB'"),
        ("a\tA\t1\nb\tB\t2\t3\n", "line 2: expected"),
        ("a\tA\t1\n\tB\t2\n", "line 2: expected"),
        ("a\t\t1\n", "line 1: expected"),
        ("a\tA\t-1\n", "line 1: expected"),
        ("a\tA\t1.5\n", "line 1: expected"),
        ("a\tA\tlong\n", "line 1: expected"),
        ("a\tA\t1234567890123456789\n", "line 1: expected"),
        ("a A 1\n", "line 1: expected"),
        ("a\tA\t1\nb\tB\t2\n\na\tC\t3\n", "line 4: 'a' was on line 1 already"),
    ],
)
def test_malformed_line_is_named(paths, lines, message):
    paths["annotation"].write_text(lines)
    with pytest.raises(UserError, match=rf"train\.utterances', {message}"):
        read_table(paths["annotation"])


@pytest.mark.parametrize("key", ["annotation", "uri"])
def test_text_that_is_not_utf_8_is_named(paths, key):
    content = paths[key].read_bytes().replace("ë".encode(), b"\xeb")
    paths[key].write_bytes(b"\n" + content)
    read = {"annotation": read_table, "uri": read_list}[key]
    with pytest.raises(UserError, match=rf"{paths[key].name}' is not UTF-8 text \(line 2\)"):
        read(paths[key])


def test_missing_table_is_named(tmp_path):
    with pytest.raises(UserError, match=r"Cannot read '.*none\.utterances'"):
        read_table(tmp_path / "none.utterances")


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (["zoë/1", "NA", "001", "alice/2"], r"line 2, is about '001' where .* line 2, has 'NA'"),
        (URIS[:3], r"utterances' goes on, at line 4, where '.*train\.lst' ends"),
        ([*URIS, "more"], r"lst' goes on, at line 5, where '.*train\.utterances' ends"),
    ],
)
def test_list_that_differs_from_its_table_is_refused(paths, listed, message):
    paths["uri"].write_text("".join(f"{uri}\n" for uri in listed), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        check_listed(paths["annotation"], read_table(paths["annotation"]).uris, paths["uri"])


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
    gc.collect()
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
    whole, plain = (kind([Segment(0, 2)]) for kind in (WholeFile, Timeline))
    rng = np.random.default_rng(0)
    segments = [[Segment(*np.sort(rng.uniform(-0.5, 2.5, 2)))] for _ in range(30)]
    inside = [[Segment(0, 2)], [], [Segment(0, 2 + 1e-7)], [Segment(0.5, 1), Segment(1.5, 2)]]
    told = [whole.covers(Timeline(some)) for some in segments + inside]
    assert told == [plain.covers(Timeline(some)) for some in segments + inside]
    assert len(set(told)) == 2
    whole.add(Segment(3, 4))
    assert not whole.covers(Timeline([Segment(1, 3.5)]))
    assert whole == plain.add(Segment(3, 4))


def test_lookup_finds_every_row_and_nothing_else():
    names = [f"{k}" for k in range(1000)]
    find = Lookup(StringTable.of(names))
    assert [find(name) for name in names] == list(range(1000))
    assert find("1000") is None
    assert Lookup(StringTable.of([]))("") is None


def test_joined_and_kept_strings_are_those_of_a_list():
    tables = [StringTable.of(names) for names in (["a", "", "ccc"], [], ["zoë"])]
    joined = StringTable.joined(tables)
    assert list(joined) == ["a", "", "ccc", "zoë"]
    assert list(joined.kept(np.array([True, False, False, True]))) == ["a", "zoë"]
    assert list(StringTable.joined([])) == []
