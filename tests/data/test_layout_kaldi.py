"""Kaldi's data folders as corpora."""

from __future__ import annotations

from pathlib import Path

import pytest
from found_corpora import given, left_out, lists, touch, write

from pyannote_ge2e.errors import UserError


def kaldi(folder: Path, audio: Path, *utterances: str) -> Path:
    """A data folder of utterances `speaker-number`, with their audio."""
    touch(audio, *(f"{utterance}.wav" for utterance in utterances))
    write(folder / "wav.scp", "".join(f"{u} {audio / u}.wav\n" for u in utterances))
    write(folder / "utt2spk", "".join(f"{u} {u.split('-')[0]}\n" for u in utterances))
    return folder


class TestKaldi:
    def test_utterances_speakers_and_genders(self, tmp_path: Path) -> None:
        folder = kaldi(tmp_path / "data" / "mine", tmp_path / "audio", "ann-1", "ann-2", "bob-1")
        write(folder / "spk2gender", "ann f\nbob m\n")
        found = lists(folder)
        assert [(r.uri, r.speaker, r.gender) for r in found.recordings] == [
            ("ann-1", "ann", "f"),
            ("ann-2", "ann", "f"),
            ("bob-1", "bob", "m"),
        ]
        assert {r.template for r in found.recordings} == {f"{tmp_path}/audio/{{uri}}.wav"}
        assert (found.name, found.notes, found.left_out) == ("mine", [], [])
        assert found.protocols[0].split == ("train", "development", "test")

    def test_names_and_files_need_not_agree(self, tmp_path: Path) -> None:
        touch(tmp_path, "x/0.wav", "x/1.flac")
        write(tmp_path / "d/wav.scp", f"ann/1 {tmp_path}/x/0.wav\n007 {tmp_path}/x/1.flac\n")
        write(tmp_path / "d/utt2spk", "ann/1 ann\n007 bond\n")
        found = lists(tmp_path / "d")
        assert [(r.uri, r.template, r.path) for r in found.recordings] == [
            ("ann/1", "", f"{tmp_path}/x/0.wav"),
            ("utt-007", "", f"{tmp_path}/x/1.flac"),
        ]

    def test_many_folders_make_links_and_not_templates(self, tmp_path: Path) -> None:
        utterances = [f"s{n}-1" for n in range(20)]
        touch(tmp_path, *(f"{n}/{u}.wav" for n, u in enumerate(utterances)))
        lines = (f"{u} {tmp_path}/{n}/{u}.wav\n" for n, u in enumerate(utterances))
        write(tmp_path / "d/wav.scp", "".join(lines))
        write(tmp_path / "d/utt2spk", "".join(f"{u} {u[:-2]}\n" for u in utterances))
        found = lists(tmp_path / "d")
        assert len(found.recordings) == 20
        assert len({r.template for r in found.recordings} - {""}) <= 4

    def test_windows_ends_of_lines_blank_lines_and_spaces_in_paths(self, tmp_path: Path) -> None:
        touch(tmp_path, "my audio/a 1.wav", "b.wav")
        scp = f"\ufeffann-1  {tmp_path}/my audio/a 1.wav\r\n\r\nbob-1 {tmp_path}/b.wav"
        write(tmp_path / "d/wav.scp", scp)
        write(tmp_path / "d/utt2spk", "ann-1 ann\r\n\r\nbob-1 bob\r\n")
        found = lists(tmp_path / "d")
        assert [r.path for r in found.recordings] == [
            f"{tmp_path}/my audio/a 1.wav",
            f"{tmp_path}/b.wav",
        ]

    def test_paths_may_start_where_the_recipe_runs(self, tmp_path: Path) -> None:
        folder = kaldi(tmp_path / "egs/data/mine", tmp_path / "egs/audio", "ann-1")
        write(folder / "wav.scp", "ann-1 audio/ann-1.wav\n")
        assert lists(folder).recordings[0].path == f"{tmp_path}/egs/audio/ann-1.wav"

    def test_commands_and_archives_are_left_out_and_told(self, tmp_path: Path) -> None:
        folder = kaldi(tmp_path / "d", tmp_path / "audio", "ann-1", "bob-1", "eve-1")
        scp = f"ann-1 {tmp_path}/audio/ann-1.wav\nbob-1 sox b.wav -t wav - |\neve-1 all.ark:17\n"
        write(folder / "wav.scp", scp)
        found = lists(folder)
        assert [r.uri for r in found.recordings] == ["ann-1"]
        assert left_out(found) == {
            f"bob-1 (line 2 of '{folder}/wav.scp')": "its audio is what a command puts out: "
            "extract it to a file first",
            f"eve-1 (line 3 of '{folder}/wav.scp')": "its audio is in an archive: extract it to a "
            "file first",
        }

    def test_commands_alone_are_refused(self, tmp_path: Path) -> None:
        folder = kaldi(tmp_path / "d", tmp_path / "audio", "ann-1")
        write(folder / "wav.scp", "ann-1 sph2pipe a.sph |\n")
        with pytest.raises(
            UserError, match=r"No audio that .* can be used; ann-1 \(line 1 of .*extract it"
        ):
            lists(folder)

    def test_what_is_missing_or_named_twice_is_told(self, tmp_path: Path) -> None:
        folder = kaldi(tmp_path / "d", tmp_path / "a", "ann-1", "bob-1", "eve-1", "joe-1")
        (tmp_path / "a/bob-1.wav").unlink()
        with (folder / "wav.scp").open("a") as scp:
            scp.write(f"ann-1 {tmp_path}/a/eve-1.wav\nzoe-1 {tmp_path}/a/joe-1.wav\n")
        with (folder / "utt2spk").open("a") as utt2spk:
            utt2spk.write("max-1 max\n")
        found = lists(folder)
        scp = f"'{folder}/wav.scp'"
        assert left_out(found) == {
            f"ann-1 (line 5 of {scp}, after line 1 of {scp})": "it is named twice",
            f"zoe-1 (line 6 of {scp})": "utt2spk gives it no speaker",
            f"bob-1 (line 2 of {scp})": "it is not there",
        }
        assert found.notes == [f"1 utterance(s) of '{folder}/utt2spk' have no audio in wav.scp."]

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("wav.scp", "ann-1\n", r"wav\.scp', line 1: expected 'utterance path', found 'ann-1'"),
            ("utt2spk", "ann-1 ann\nbob-1\n", r"utt2spk', line 2: expected 'uri speaker'"),
            ("segments", "ann-1-a ann-1 0 2\n", r"segments' cuts recordings .*extract-segments"),
        ],
    )
    def test_malformed_folders_are_refused(
        self, tmp_path: Path, name: str, content: str, message: str
    ) -> None:
        folder = kaldi(tmp_path / "d", tmp_path / "audio", "ann-1", "bob-1")
        write(folder / name, content)
        with pytest.raises(UserError, match=message):
            lists(folder)

    def test_speakers_are_asked_for(self, tmp_path: Path) -> None:
        folder = kaldi(tmp_path / "d", tmp_path / "audio", "ann-1")
        (folder / "utt2spk").unlink()
        with pytest.raises(UserError, match=r"holds wav\.scp and no utt2spk"):
            lists(folder)

    @pytest.mark.parametrize("name", ["trials", "trials.txt"])
    def test_trials_in_the_folder_are_taken(self, tmp_path: Path, name: str) -> None:
        folder = kaldi(tmp_path / "d", tmp_path / "audio", "ann-1", "ann-2", "bob-1", "eve-1")
        write(folder / name, "ann-1 ann-2 target\nann-1 bob-1 nontarget\n")
        found = lists(folder)
        assert {r.speaker: r.group for r in found.recordings} == {
            "ann": "test",
            "bob": "test",
            "eve": "",
        }
        assert given(found, "test").second == ["ann-2", "bob-1"]

    @pytest.mark.parametrize("together", [False, True])
    def test_several_folders_are_subsets_by_their_names(
        self, tmp_path: Path, together: bool
    ) -> None:
        data, audio = tmp_path / "data", tmp_path / "audio"
        folders = [
            kaldi(data / "vox_train", audio, "ann-1", "bob-1"),
            kaldi(data / "vox_test", audio, "eve-1", "eve-2", "joe-1"),
        ]
        write(folders[1] / "trials", "eve-1 eve-2 target\neve-1 joe-1 nontarget\n")
        found = lists(data) if together else lists(*folders)
        assert {r.speaker: r.group for r in found.recordings} == {
            "ann": "train",
            "bob": "train",
            "eve": "test",
            "joe": "test",
        }
        (plan,) = found.protocols
        assert set(plan.subsets) == {"train", "test"}
        assert given(found, "test").labels.tolist() == [1, 0]
        assert found.name == "data"
