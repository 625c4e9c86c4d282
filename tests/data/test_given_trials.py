"""Trials that are given: what is in them, what is unknown, and what is malformed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyannote_ge2e.data.prepare.given_trials import (
    among_known,
    is_trial_list,
    read_given_trials,
    trial_sets,
)
from pyannote_ge2e.errors import UserError

KNOWN = {uri: uri for uri in ("ann/1", "ann/2", "bob/1", "bob/2")}


def write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


class TestLabelled:
    @pytest.mark.parametrize(
        "content",
        [
            "1 ann/1.wav ann/2.wav\n0 ann/1.wav bob/1.wav\n",
            "ann/1 ann/2 target\nann/1 bob/1 nontarget\n",
            "ann/1.flac ann/2 1\r\n\r\nann/1 bob/1.m4a 0\r\n",
            "\ufeff1 ./ann/1.wav ann/2.wav\n\n\n0 ann/1.wav ./bob/1",
            "ann/1,ann/2,target\nann/1,bob/1,impostor\n",
        ],
    )
    def test_the_usual_ways_of_writing_are_one(self, tmp_path: Path, content: str) -> None:
        trials = read_given_trials(write(tmp_path / "t.txt", content), KNOWN)
        assert trials.labels.tolist() == [1, 0]
        assert (trials.first, trials.second) == (["ann/1", "ann/1"], ["ann/2", "bob/1"])
        assert trials.unknown == ()
        assert trials.source == str(tmp_path / "t.txt")

    def test_another_name_leads_to_the_uri(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.txt", "1\tann/call 1.wav\tann/2.wav\n0\tann/call 1\tbob/1\n")
        trials = read_given_trials(path, {**KNOWN, "ann/call 1": "ann/call%201"})
        assert trials.first == ["ann/call%201", "ann/call%201"]

    def test_folders_in_front_may_be_left_away_where_one_file_is_meant(
        self, tmp_path: Path
    ) -> None:
        known = {f"wav/{uri}": f"wav/{uri}" for uri in KNOWN}
        path = write(tmp_path / "t.txt", "1 ann/1.wav ann/2.wav\n0 ann/1.wav 1.wav\n")
        trials = read_given_trials(path, known)
        assert (trials.first, trials.second) == (["wav/ann/1"], ["wav/ann/2"])
        assert "('1.wav' in line 2)" in trials.unknown[0]  # Ann's or Bob's

    def test_unknown_files_are_counted_and_the_first_is_named(self, tmp_path: Path) -> None:
        content = "1 ann/1 ann/2\n\n0 ann/1 eve/1.wav\n0 ann/1 bob/1\n0 joe/1 bob/2\n"
        trials = read_given_trials(write(tmp_path / "t.txt", content), KNOWN)
        assert trials.labels.tolist() == [1, 0]
        (sentence,) = trials.unknown
        assert "2 of 4 trials name recordings that are not here ('eve/1.wav' in line 3)" in sentence

    def test_nothing_known_at_all_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.txt", "1 eve/1 eve/2\n0 eve/1 joe/1\n")
        with pytest.raises(UserError, match=r"none of its 2 trials .*\('eve/1' in line 1\)"):
            read_given_trials(path, KNOWN)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("1 ann/1 ann/2\n0 ann/1\n", r"t\.txt', line 2: expected 3 columns"),
            ("1 ann/1 ann/2\nx ann/1 bob/1\n0 ann/1 bob/2\n", r"line 2: 'x' stands where a label"),
            ("", "is empty"),
            ("ann/1 ann/2 0.25\nann/1 bob/1 0.5\n", "holds scores but no labels"),
        ],
    )
    def test_malformed_lists_are_refused(self, tmp_path: Path, content: str, message: str) -> None:
        with pytest.raises(UserError, match=message):
            read_given_trials(write(tmp_path / "t.txt", content), KNOWN)

    def test_a_missing_list_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"Cannot read '.*gone\.txt'"):
            read_given_trials(tmp_path / "gone.txt", KNOWN)


class TestClientsAndImpostors:
    def test_they_belong_together_by_name(self, tmp_path: Path) -> None:
        paths = [
            write(tmp_path / "dev_clients.ndx", "ann/1.wav\tann/my 2.wav\r\n"),
            write(tmp_path / "test_impostors.ndx", "bob/1.wav ann/2.wav\n\n"),
            write(tmp_path / "dev_impostors.ndx", "ann/1.wav bob/2.wav\n"),
            write(tmp_path / "test_clients.ndx", "bob/1.wav bob/2.wav\n"),
        ]
        known = {**KNOWN, "ann/my 2": "ann/2"}
        dev, test = (among_known(parts, known) for parts in trial_sets(paths))
        assert dev.labels.tolist() == test.labels.tolist() == [1, 0]
        assert (dev.first, dev.second) == (["ann/1", "ann/1"], ["ann/2", "bob/2"])
        assert (test.first, test.second) == (["bob/1", "bob/1"], ["bob/2", "ann/2"])
        assert dev.source == str(paths[0])

    @pytest.mark.parametrize(
        ("name", "missing"), [("targets", "impostors"), ("nontarget", "clients")]
    )
    def test_one_of_the_two_asks_for_the_other(
        self, tmp_path: Path, name: str, missing: str
    ) -> None:
        path = write(tmp_path / f"{name}.txt", "ann/1 ann/2\n")
        with pytest.raises(UserError, match=f"goes with a list of {missing}"):
            trial_sets([path])

    def test_a_name_that_tells_nothing_is_asked_for(self, tmp_path: Path) -> None:
        path = write(tmp_path / "pairs.txt", "ann/1 ann/2\n")
        with pytest.raises(UserError, match=r"pairs\.txt' holds pairs without labels.*clients or"):
            trial_sets([path])

    def test_a_malformed_line_is_named(self, tmp_path: Path) -> None:
        paths = [
            write(tmp_path / "clients.txt", "ann/1 ann/2\nann/1\n"),
            write(tmp_path / "impostors.txt", "ann/1 bob/2\n"),
        ]
        with pytest.raises(UserError, match=r"clients\.txt', line 2: expected two names"):
            trial_sets(paths)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1 a b\n", True),
        ("a b nontarget\n", True),
        ("a b\n", True),
        ("a 17 -1\n", False),
        ("", False),
    ],
)
def test_what_is_a_list_of_trials(tmp_path: Path, content: str, expected: bool) -> None:
    assert is_trial_list(write(tmp_path / "t.txt", content)) is expected
