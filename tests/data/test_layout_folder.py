"""Folders of speakers: subsets, several roots, formats, awkward names, and what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from found_corpora import find, left_out, touch

from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut, ProtocolPlan, SubsetPlan
from pyannote_ge2e.errors import UserError


def corpus(*paths: Path, **options) -> Corpus:
    return find(options.pop("layout", "folder"), *paths, **options)


def speakers(found: Corpus) -> set[str]:
    return {recording.speaker for recording in found.recordings}


class TestSpeakers:
    def test_top_folders_are_speakers_whatever_is_below(self, tmp_path: Path) -> None:
        root = touch(tmp_path / "Voices", "ann/1.wav", "ann/call/2.flac", "bob/2024/May/3/a.OGG")
        found = corpus(root)
        assert (found.layout, found.name, found.notes, found.left_out) == (
            "folder",
            "Voices",
            [],
            [],
        )
        assert [(r.uri, r.speaker, r.template) for r in found.recordings] == [
            ("ann/1", "ann", f"{root}/{{uri}}.wav"),
            ("ann/call/2", "ann", f"{root}/{{uri}}.flac"),
            ("bob/2024/May/3/a", "bob", f"{root}/{{uri}}.OGG"),
        ]

    def test_they_are_to_be_shared_out(self, tmp_path: Path) -> None:
        (plan,) = corpus(touch(tmp_path, "ann/1.wav", "bob/1.wav")).protocols
        everyone = ("",)
        assert plan == ProtocolPlan(
            "All",
            {
                "train": SubsetPlan(everyone),
                "development": SubsetPlan(everyone, "make"),
                "test": SubsetPlan(everyone, "make"),
            },
            split=("train", "development", "test"),
        )

    def test_a_folder_that_names_a_format_is_no_speaker(self, tmp_path: Path) -> None:
        assert speakers(corpus(touch(tmp_path, "wav/ann/1.wav", "wav/bob/1.wav"))) == {"ann", "bob"}

    def test_stray_files_are_left_out(self, tmp_path: Path) -> None:
        found = corpus(touch(tmp_path, "ann/1.wav", "bob/1.wav", "stray.wav", "readme.txt"))
        assert left_out(found) == {"stray.wav": "it is in no speaker's folder"}

    def test_genders_may_be_given(self, tmp_path: Path) -> None:
        genders = tmp_path / "spk2gender"
        genders.write_text("ann f\nbob m\n")
        found = corpus(
            touch(tmp_path / "v", "ann/1.wav", "bob/1.wav", "joe/1.wav"), genders=genders
        )
        assert [r.gender for r in found.recordings] == ["f", "m", ""]


class TestSubsets:
    @pytest.mark.parametrize("dev", ["dev", "Development", "val", "valid", "validation"])
    def test_folders_named_so_are_subsets(self, tmp_path: Path, dev: str) -> None:
        found = corpus(touch(tmp_path, "train/ann/1.wav", f"{dev}/bob/1.wav", "test/wav/eve/1.wav"))
        assert {r.speaker: r.group for r in found.recordings} == {
            "ann": "train",
            "bob": "development",
            "eve": "test",
        }
        assert found.protocols == [
            ProtocolPlan(
                "All",
                {
                    "train": SubsetPlan(("train",)),
                    "development": SubsetPlan(("development",), "make"),
                    "test": SubsetPlan(("test",), "make"),
                },
            )
        ]

    def test_one_among_speakers_is_a_speaker(self, tmp_path: Path) -> None:
        found = corpus(touch(tmp_path, "ann/1.wav", "test/1.wav"))
        assert speakers(found) == {"ann", "test"}

    def test_what_stands_beside_them_is_left_out(self, tmp_path: Path) -> None:
        found = corpus(touch(tmp_path, "train/ann/1.wav", "test/bob/1.wav", "music/x/1.wav"))
        assert left_out(found) == {"music/x/1.wav": "it stands beside the folders test, train"}

    def test_speakers_in_two_of_them_are_named(self, tmp_path: Path) -> None:
        names = [f"{subset}/{name}/1.wav" for subset in ("train", "test") for name in "abcdefg"]
        (note,) = corpus(touch(tmp_path, *names)).notes
        assert note.startswith("7 speaker(s) are in more than one subset (a, b, c, d, e, ...)")
        assert "too good" in note

    def test_given_paths_named_so_are_subsets(self, tmp_path: Path) -> None:
        root = touch(tmp_path / "Voices", "train/ann/1.wav", "dev/bob/1.wav")
        found = corpus(root / "train", root / "dev")
        assert {r.speaker: r.group for r in found.recordings} == {
            "ann": "train",
            "bob": "development",
        }
        assert found.name == "Voices"

    def test_a_root_without_subsets_is_for_training(self, tmp_path: Path) -> None:
        one = touch(tmp_path / "one", "train/ann/1.wav", "test/bob/1.wav")
        two = touch(tmp_path / "two", "eve/1.wav")
        found = corpus(one, two)
        assert {r.speaker: r.group for r in found.recordings}["eve"] == "train"
        assert any("put in no subset is for training" in note for note in found.notes)


class TestSeveralRoots:
    def test_each_has_a_template(self, tmp_path: Path) -> None:
        roots = [touch(tmp_path / name, f"{name}-ann/1.wav") for name in ("one", "two")]
        found = corpus(*roots)
        assert [r.template for r in found.recordings] == [f"{root}/{{uri}}.wav" for root in roots]
        assert found.notes == []

    def test_a_uri_in_both_gets_the_name_of_its_root(self, tmp_path: Path) -> None:
        roots = [touch(tmp_path / name, "ann/1.wav", f"ann/{name}.wav") for name in ("one", "two")]
        found = corpus(*roots)
        assert [(r.uri, bool(r.template)) for r in found.recordings] == [
            ("ann/one", True),
            ("ann/two", True),
            ("one/ann/1", False),
            ("two/ann/1", False),
        ]

    def test_roots_of_one_name_are_told_apart(self, tmp_path: Path) -> None:
        roots = [touch(tmp_path / name / "wav", "ann/1.wav") for name in ("one", "two")]
        assert [r.uri for r in corpus(*roots).recordings] == ["wav/ann/1", "wav/ann/1-2"]

    def test_a_speaker_of_both_is_one_and_is_named(self, tmp_path: Path) -> None:
        roots = [touch(tmp_path / name, f"ann/{name}.wav", f"{name}/1.wav") for name in "ab"]
        found = corpus(*roots)
        assert speakers(found) == {"ann", "a", "b"}
        (note,) = found.notes
        assert note.startswith("1 speaker(s) have a folder in more than one place (ann)")

    def test_one_inside_the_other_is_refused(self, tmp_path: Path) -> None:
        root = touch(tmp_path / "v", "ann/1.wav")
        with pytest.raises(UserError, match="give one of the two"):
            corpus(root, root / "ann")

    def test_what_is_left_out_is_named_in_full(self, tmp_path: Path) -> None:
        roots = [touch(tmp_path / name, f"{name}/1.wav", "stray.wav") for name in "ab"]
        assert set(left_out(corpus(*roots))) == {f"{root}/stray.wav" for root in roots}


class TestFormats:
    def test_the_preferred_one_is_taken_and_the_other_named(self, tmp_path: Path) -> None:
        found = corpus(touch(tmp_path, "ann/1.wav", "ann/1.m4a", "bob/1.wav", "bob/1.mp3"))
        assert {os.path.splitext(r.path)[1] for r in found.recordings} == {".wav"}
        reason = "the .wav of the same name is taken"
        assert [r.others for r in found.recordings] == [
            (LeftOut(f"{tmp_path}/ann/1.m4a", reason),),
            (LeftOut(f"{tmp_path}/bob/1.mp3", reason),),
        ]

    def test_a_uri_that_would_be_found_twice_gets_a_name_of_its_own(self, tmp_path: Path) -> None:
        found = corpus(touch(tmp_path, "ann/1.wav", "ann/1.flac", "bob/1.flac"))
        assert [(r.uri, bool(r.template)) for r in found.recordings] == [
            ("ann/1-wav", False),
            ("bob/1", True),
        ]

    def test_only_the_wanted_ones_are_taken(self, tmp_path: Path) -> None:
        root = touch(tmp_path, "ann/1.wav", "ann/1.FLAC", "bob/2.flac", "bob/3.m4a")
        found = corpus(root, extensions=["flac"])
        assert [r.uri for r in found.recordings] == ["ann/1", "bob/2"]
        assert not found.left_out
        with pytest.raises(UserError, match="Unknown audio format 'docx'"):
            corpus(root, extensions=["docx"])


class TestAwkwardNames:
    NAMES = (
        *("my call.wav", "a,b.wav", "ses İpek.wav", '"quoted".wav', "{uri}.wav", "star*.wav"),
        *("tab\t.wav", "new\nline.wav", "100%.wav", "it's.wav", "#1.wav", "名.wav"),
        os.fsdecode(b"latin-\xe9.wav"),
    )

    def test_none_is_left_out(self, tmp_path: Path) -> None:
        root = touch(tmp_path, *(f"Ann Lee/{name}" for name in self.NAMES), "bob/1.wav")
        found = corpus(root)
        assert len(found.recordings) == len(self.NAMES) + 1
        assert not found.left_out
        assert speakers(found) == {"Ann Lee", "bob"}
        for recording in found.recordings:
            assert recording.uri.isprintable()
            assert not set(' "*{}').intersection(recording.uri)

    def test_what_needs_no_other_name_keeps_its_own(self, tmp_path: Path) -> None:
        root = touch(tmp_path, *(f"ann/{name}" for name in self.NAMES))
        kept = {r.uri for r in corpus(root).recordings if r.template}
        assert kept == {"ann/a,b", "ann/100%", "ann/it's", "ann/#1", "ann/名"}

    def test_a_root_that_no_template_can_name_is_linked(self, tmp_path: Path) -> None:
        found = corpus(touch(tmp_path / "all*", "ann/1.wav", "bob/1.wav"))
        assert [(r.uri, r.template) for r in found.recordings] == [("ann/1", ""), ("bob/1", "")]

    def test_a_root_with_braces_has_a_template(self, tmp_path: Path) -> None:
        found = corpus(touch(tmp_path / "my {voices}", "ann/1.wav"))
        assert found.recordings[0].template
