"""Which layout folders have, what is refused, and whose trials are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from found_corpora import find, touch

from pyannote_ge2e.data.prepare.layouts import LAYOUTS
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials
from pyannote_ge2e.errors import UserError


def corpus(*paths: Path, **options) -> Corpus:
    return find(options.pop("layout", "folder"), *paths, **options)


class TestGivenTrials:
    ROWS = "1 ann/1.wav ann/my 2.wav\n0 ann/1.wav bob/1.wav\n".replace(" ", "\t").replace(
        "my\t2", "my 2"
    )

    def test_their_speakers_are_held_out(self, tmp_path: Path) -> None:
        root = touch(
            tmp_path / "v", "ann/1.wav", "ann/my 2.wav", "bob/1.wav", "eve/1.wav", "joe/1.wav"
        )
        (tmp_path / "trials.txt").write_text(self.ROWS)
        found = corpus(root, trial_lists=[tmp_path / "trials.txt"])
        assert {r.speaker: r.group for r in found.recordings} == {
            "ann": "test",
            "bob": "test",
            "eve": "",
            "joe": "",
        }
        (plan,) = found.protocols
        assert plan.split == ("train", "development")
        trials = plan.subsets["test"].trials
        assert isinstance(trials, GivenTrials)
        assert trials.second == ["ann/my%202", "bob/1"]

    def test_they_go_to_the_subset_of_their_recordings(self, tmp_path: Path) -> None:
        names = [
            "train/joe/1.wav",
            "dev/ann/1.wav",
            "dev/ann/2.wav",
            "dev/bob/1.wav",
            "test/x/1.wav",
        ]
        root = touch(tmp_path / "v", *names)
        path = tmp_path / "trials.txt"
        path.write_text("1 dev/ann/1 dev/ann/2\n0 dev/ann/1 dev/bob/1\n0 dev/ann/2 test/x/1\n")
        (plan,) = corpus(root, trial_lists=[path]).protocols
        trials = plan.subsets["development"].trials
        assert isinstance(trials, GivenTrials)
        assert trials.labels.tolist() == [1, 0]
        assert (
            "1 of 3 trials name recordings of another subset than development" in trials.unknown[0]
        )
        assert plan.subsets["test"].trials == "make"

    def test_those_of_the_training_subset_are_refused(self, tmp_path: Path) -> None:
        root = touch(tmp_path / "v", "train/ann/1.wav", "train/ann/2.wav", "test/bob/1.wav")
        path = tmp_path / "trials.txt"
        path.write_text("1 train/ann/1 train/ann/2\n")
        with pytest.raises(UserError, match="compares recordings of the training subset"):
            corpus(root, trial_lists=[path])

    def test_two_for_one_subset_are_refused(self, tmp_path: Path) -> None:
        root = touch(tmp_path / "v", "ann/1.wav", "ann/2.wav", "bob/1.wav")
        paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
        for path in paths:
            path.write_text("1 ann/1 ann/2\n0 ann/1 bob/1\n")
        with pytest.raises(
            UserError, match=r"Both '.*a\.txt' and '.*b\.txt' are trials of the test"
        ):
            corpus(root, trial_lists=paths)

    def test_a_speaker_in_the_trials_of_two_subsets_is_refused(self, tmp_path: Path) -> None:
        root = touch(tmp_path / "v", "ann/1.wav", "ann/2.wav", "bob/1.wav")
        paths = [tmp_path / "dev.txt", tmp_path / "test.txt"]
        for path in paths:
            path.write_text("1 ann/1 ann/2\n0 ann/1 bob/1\n")
        with pytest.raises(UserError, match="speakers of one subset must not be in another"):
            corpus(root, trial_lists=paths)


class TestRefused:
    def test_empty_folders(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"No audio \(wav, .*expected speaker/\[session/\]"):
            corpus(tmp_path)

    def test_folders_without_audio(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"No audio \(wav, flac, .*\) of a speaker in '"):
            corpus(touch(tmp_path, "ann/notes.txt"))

    def test_audio_of_nobody(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"\('1\.wav': it is in no speaker's folder\)"):
            corpus(touch(tmp_path, "1.wav"))

    def test_missing_folders_and_files(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="No such folder"):
            corpus(tmp_path / "gone")
        with pytest.raises(UserError, match="is a file: expected a folder"):
            corpus(touch(tmp_path, "a.wav") / "a.wav")

    def test_a_missing_one_beside_a_list_is_the_one_that_is_named(self, tmp_path: Path) -> None:
        touch(tmp_path, "a.wav")
        (tmp_path / "list.csv").write_text("path,speaker\na.wav,ann\n")
        for paths in (["list.csv", "gone"], ["gone", "list.csv"]):
            with pytest.raises(UserError, match=r"No such folder: '.*gone'\. Check the path"):
                corpus(*(tmp_path / path for path in paths), layout="auto")

    def test_unknown_layouts_and_nothing_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"Unknown layout 'timit': known are auto, voxceleb"):
            corpus(tmp_path, layout="timit")
        with pytest.raises(UserError, match="give a folder or a list"):
            corpus()

    @pytest.mark.parametrize(
        ("layout", "expected"),
        [
            ("voxceleb", r"No speaker of VoxCeleb in .*expected id10270/x6uYqmx31kE/00001\.wav"),
            ("librispeech", r"No recording of LibriSpeech in .*expected train-clean-100/103/1240"),
            ("lists", r"holds no wav\.scp: expected a Kaldi folder"),
        ],
    )
    def test_another_layout_than_it_is(self, tmp_path: Path, layout: str, expected: str) -> None:
        touch(tmp_path, "ann/1.wav", "bob/1.wav")
        with pytest.raises(UserError, match=expected):
            corpus(tmp_path, layout=layout)


class TestRecognised:
    @pytest.mark.parametrize(
        ("name", "layout"),
        [
            ("ann/1.wav", "folder"),
            ("train/ann/1.wav", "folder"),
            ("id10270/1.wav", "folder"),  # no folder of a video in between
            ("wav/id10270/x6uYqmx31kE/00001.wav", "voxceleb"),
            ("VoxCeleb2/vox2_dev_aac/dev/aac/id00012/21Uxsk56VDQ/00001.m4a", "voxceleb"),
            ("LibriSpeech/train-clean-100/103/1240/103-1240-0000.flac", "librispeech"),
            ("test-other/1688/142285/1688-142285-0000.flac", "librispeech"),
            ("test-other/ann/1.flac", "folder"),
        ],
    )
    def test_by_what_is_there(self, tmp_path: Path, name: str, layout: str) -> None:
        touch(tmp_path, name)
        assert corpus(tmp_path, layout="auto").layout == layout
        assert layout in LAYOUTS

    def test_a_mixture_is_folders(self, tmp_path: Path) -> None:
        roots = [
            touch(tmp_path / "vox", "id10270/x6uYqmx31kE/00001.wav"),
            touch(tmp_path / "mine", "ann/1.wav"),
        ]
        assert corpus(*roots, layout="auto").layout == "folder"
