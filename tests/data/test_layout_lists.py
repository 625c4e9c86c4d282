"""Lists as corpora: tables with a header, and lines `path speaker -1`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from found_corpora import given, left_out, lists, touch, write

from pyannote_ge2e.data.prepare.plan import SubsetPlan
from pyannote_ge2e.errors import UserError


class TestTables:
    def test_columns_by_their_names(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/x, y.wav", "a/2.wav", "b/ses İpek.wav")
        table = write(
            tmp_path / "voices.csv",
            'id,Speaker,Gender,File\n1,"Lee, Ann",female,"a/x, y.wav"\n2,"Lee, Ann",,a/2.wav\n'
            "3,Bob,M,b/ses İpek.wav\n",
        )
        found = lists(table)
        assert [(r.uri, r.speaker, r.gender, bool(r.template)) for r in found.recordings] == [
            ("a/2", "Lee, Ann", "", True),
            ("a/x,%20y", "Lee, Ann", "f", False),
            ("b/ses%20İpek", "Bob", "m", False),
        ]
        assert found.name == "voices"

    def test_subsets_in_a_column(self, tmp_path: Path) -> None:
        touch(tmp_path, *(f"{n}/1.wav" for n in "abcde"))
        rows = "a/1.wav,a,train\nb/1.wav,b,valid\nc/1.wav,c,TEST\nd/1.wav,d,other\ne/1.wav,e,\n"
        found = lists(write(tmp_path / "v.csv", f"path,speaker,split\n{rows}"))
        assert {r.speaker: r.group for r in found.recordings} == {
            "a": "train",
            "b": "development",
            "c": "test",
            "e": "train",
        }
        assert left_out(found) == {
            f"d/1.wav (line 5 of '{tmp_path}/v.csv')": "it is put in 'other', which is none of "
            "train, dev and test"
        }
        assert any("put in no subset is for training" in note for note in found.notes)

    def test_common_voice_as_it_is(self, tmp_path: Path) -> None:
        for subset, clip, client in (("train", "cv_1", "f00"), ("dev", "cv_2", "ba7")):
            touch(tmp_path, f"tr/clips/{clip}.mp3")
            write(
                tmp_path / "tr" / f"{subset}.tsv",
                "client_id\tpath\tsentence\tgender\n"
                f'{client}\t{clip}.mp3\t"Unclosed quote\tmale_masculine\n',
            )
        found = lists(tmp_path / "tr/train.tsv", tmp_path / "tr/dev.tsv")
        assert [(r.uri, r.group, r.gender) for r in found.recordings] == [
            ("cv_1", "train", "m"),
            ("cv_2", "development", "m"),
        ]
        assert {r.template for r in found.recordings} == {f"{tmp_path}/tr/clips/{{uri}}.mp3"}
        assert found.name == "tr"

    def test_absolute_paths_keep_what_differs(self, tmp_path: Path) -> None:
        touch(tmp_path, "deep/ann/1.wav", "deep/bob/1.wav")
        rows = "".join(f"{tmp_path}/deep/{name}/1.wav;{name}\n" for name in ("ann", "bob"))
        found = lists(write(tmp_path / "v.csv", f"path;speaker\n{rows}"))
        assert [r.uri for r in found.recordings] == ["ann/1", "bob/1"]

    def test_windows_ends_of_lines_a_mark_and_blank_lines(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.wav", "b.wav")
        table = write(
            tmp_path / "v.csv", "\ufeffpath,spk\r\n\r\na.wav,ann\r\n,\r\nb.wav,bob\r\n\r\n"
        )
        assert [r.speaker for r in lists(table).recordings] == ["ann", "bob"]

    def test_paths_may_start_in_the_current_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        touch(tmp_path / "here", "a.wav")
        monkeypatch.chdir(tmp_path / "here")
        found = lists(write(tmp_path / "lists/v.csv", "path,speaker\na.wav,ann\n"))
        assert found.recordings[0].path == f"{tmp_path}/here/a.wav"

    def test_files_that_are_not_listed_do_not_get_in_the_way(self, tmp_path: Path) -> None:
        touch(tmp_path, "1.wav", "a.wav", "a.flac", "b.flac")
        table = write(tmp_path / "v.csv", "path,speaker\na.wav,ann\nb.flac,bob\n")
        assert [r.uri for r in lists(table).recordings] == ["a-wav", "b"]

    def test_what_is_missing_or_named_twice_is_told(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.wav", "b.wav")
        rows = "a.wav,ann\ngone.wav,ann\n./a.wav,bob\nb.wav,\nb.wav,bob\nb.wav,bob\n"
        table = write(tmp_path / "v.csv", f"path,speaker\n{rows}")
        found = lists(table)
        assert [r.uri for r in found.recordings] == ["a", "b"]
        assert [(item.path, item.reason) for item in found.left_out] == [
            (f"b.wav (line 5 of '{table}')", "no speaker is given"),
            (f"gone.wav (line 3 of '{table}')", "it is not there"),
            (
                f"./a.wav (line 4 of '{table}', after line 2 of '{table}', 'bob' instead of 'ann')",
                "it is named twice, and of two speakers",
            ),
            (f"b.wav (line 7 of '{table}', after line 6 of '{table}')", "it is named twice"),
        ]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("path,speaker\na.wav,ann,b\n", r"v\.csv', line 2: expected 2 fields.*found 3"),
            ("path,speaker\na.wav\n", r"line 2: expected 2 fields.*found 1"),
            ("path,speaker\n,ann\n", r"line 2: there is no path"),
            ("path,name\na.wav,ann\n", r"v\.csv' is no list that is known: expected a Kaldi"),
            ("path,speaker\n", r"v\.csv' names no audio"),
            ("", r"v\.csv' is no list that is known"),
        ],
    )
    def test_malformed_tables_are_refused(self, tmp_path: Path, content: str, message: str) -> None:
        touch(tmp_path, "a.wav")
        with pytest.raises(UserError, match=message):
            lists(write(tmp_path / "v.csv", content))

    def test_other_encodings_are_refused(self, tmp_path: Path) -> None:
        for encoding in ("utf-16", "latin-1"):
            (tmp_path / "v.csv").write_bytes("path,speaker\né.wav,é\n".encode(encoding))
            with pytest.raises(UserError, match=r"not UTF-8 text"):
                lists(tmp_path / "v.csv")

    def test_only_the_wanted_formats_are_taken(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.wav", "b.FLAC")
        table = write(tmp_path / "v.csv", "path,speaker\na.wav,ann\nb.FLAC,bob\n")
        assert [r.uri for r in lists(table, extensions=["flac"]).recordings] == ["b"]


class TestThreeColumns:
    def test_training_list_with_clients_and_impostors(self, tmp_path: Path) -> None:
        touch(
            tmp_path,
            "ann/1.wav",
            "ann/my 2.wav",
            "bob/1.wav",
            "eve/1.wav",
            "eve/2.wav",
            "joe/1.wav",
        )
        train = "ann/1.wav 0 -1\r\nann/my 2.wav 0 -1\r\n\r\nbob/1.wav 1 -1\r\n"
        paths = [
            write(tmp_path / "list" / "train.lst", train),
            write(tmp_path / "list" / "valid_clients.ndx", "eve/1.wav eve/2.wav\n"),
            write(tmp_path / "list" / "valid_impostors.ndx", "eve/1.wav joe/1.wav\n"),
        ]
        with pytest.raises(UserError, match="it is not there"):
            lists(*paths)  # neither beside the list, nor in the current folder
        paths = [path.rename(tmp_path / path.name) for path in paths]
        found = lists(*paths)
        assert {r.uri: (r.speaker, r.group) for r in found.recordings} == {
            "ann/1": ("0", ""),
            "ann/my%202": ("0", ""),
            "bob/1": ("1", ""),
            "eve/1": ("eve", "development"),
            "eve/2": ("eve", "development"),
            "joe/1": ("joe", "development"),
        }
        assert given(found, "development").labels.tolist() == [1, 0]
        assert any("names 3 file(s) that no list names" in note for note in found.notes)
        assert found.protocols[0].split == ("train", "test")

    def test_targets_tell_speakers_where_names_do_not(self, tmp_path: Path) -> None:
        touch(tmp_path, *(f"{n}.wav" for n in "abcdef"))
        paths = [
            write(tmp_path / "train.txt", "a.wav x -1\nb.wav y -1\n"),
            write(tmp_path / "trials.txt", "1 c.wav d.wav\n1 d.wav e.wav\n0 c.wav f.wav\n"),
        ]
        found = lists(paths[0], trial_lists=[paths[1]])
        whose = {r.uri: r.speaker for r in found.recordings}
        assert whose["c"] == whose["d"] == whose["e"] != whose["f"]

    def test_trials_may_name_what_is_listed(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/1.wav", "a/2.wav", "b/1.wav", "c/1.wav")
        rows = "a/1.wav ann -1\na/2.wav ann -1\nb/1.wav bob -1\nc/1.wav cem -1\n"
        path = write(tmp_path / "all.txt", rows)
        trials = write(tmp_path / "t.txt", f"1 a/1 a/2.wav\n0 {tmp_path}/a/1.wav ./b/1.wav\n")
        found = lists(path, trial_lists=[trials])
        assert given(found, "test").second == ["a/2", "b/1"]
        assert {r.speaker: r.group for r in found.recordings} == {
            "ann": "test",
            "bob": "test",
            "cem": "",
        }

    def test_suffixes_may_be_left_away(self, tmp_path: Path) -> None:
        touch(tmp_path, "a/1.flac", "b/1.wav")
        found = lists(write(tmp_path / "all.txt", "a/1 ann -1\nb/1 bob -1\n"))
        assert [os.path.basename(r.path) for r in found.recordings] == ["1.flac", "1.wav"]

    def test_subset_lists(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.wav", "b.wav")
        paths = [
            write(tmp_path / "train.txt", "a.wav ann -1\n"),
            write(tmp_path / "test.txt", "b.wav bob -1\n"),
        ]
        (plan,) = lists(*paths).protocols
        assert plan.subsets == {
            "train": SubsetPlan(("train",)),
            "test": SubsetPlan(("test",), "make"),
        }

    def test_a_malformed_line_is_named(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.wav")
        path = write(tmp_path / "train.txt", "a.wav ann -1\na.wav -1\n")
        with pytest.raises(UserError, match=r"train\.txt', line 2: expected 'path speaker -1'"):
            lists(path)


class TestRefused:
    def test_audio_in_place_of_a_list(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"a\.wav' is one recording: expected a folder"):
            lists(touch(tmp_path, "a.wav") / "a.wav")

    def test_trials_alone(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="No list of recordings among the lists of trials"):
            lists(write(tmp_path / "t.txt", "1 a b\n"))

    def test_missing_lists(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="No such file or folder"):
            lists(tmp_path / "gone.csv", layout="lists")

    def test_other_text(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"notes\.txt' is no list that is known: expected"):
            lists(write(tmp_path / "notes.txt", "Dear all, here are the recordings.\n"))
