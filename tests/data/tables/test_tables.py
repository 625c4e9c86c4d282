"""Tables of a subset: read by numpy, by plain pyannote code, and refused where they are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyannote_ge2e.data.index.strings import Lookup, StringTable
from pyannote_ge2e.data.tables.columns import blocks
from pyannote_ge2e.data.tables.read import check_listed, read_list, read_table
from pyannote_ge2e.data.tables.write import write_table
from pyannote_ge2e.errors import UserError

URIS = ["zoë/1", "001", "NA", "alice/2"]
SPEAKERS = ["Zoë P.", "001", "NA", "alice"]
MILLISECONDS = [1250, 900, 3001, 1]


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    return write_table(tmp_path, "train", URIS, SPEAKERS, MILLISECONDS)


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
