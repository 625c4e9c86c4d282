"""VoxCeleb's lists of trials, and the protocols that they and its parts make."""

from __future__ import annotations

from pathlib import Path

import pytest
from found_voxceleb import (
    DEV,
    TEST,
    VIDEO,
    both_corpora,
    corpus,
    groups,
    official,
    part,
    plans,
    shape,
    trials,
)

from pyannote_ge2e.data.prepare.plan import GivenTrials
from pyannote_ge2e.errors import UserError


@pytest.fixture
def both(tmp_path: Path) -> Path:
    return both_corpora(tmp_path / "VoxCeleb")


class TestProtocols:
    def test_of_both_corpora_and_the_official_list(self, both: Path, tmp_path: Path) -> None:
        found = corpus(both, trial_lists=[official(tmp_path / "veri_test.txt")])
        test = (("vox1_test",), "veri_test.txt")
        dev = ("vox1_dev",)
        assert {name: shape(plan) for name, plan in plans(found).items()} == {
            "VoxCeleb1": {"train": (dev, None), "test": test},
            "VoxCeleb1_X": {"train": (dev, None), "development": (dev, "make"), "test": test},
            "VoxCeleb2": {
                "train": (("vox2_dev",), None),
                "development": (("vox2_test",), "make"),
                "test": test,
            },
        }
        assert plans(found)["VoxCeleb1_X"].split == ("train", "development")
        assert plans(found)["VoxCeleb1"].split == ()

    def test_each_other_list_has_one_that_trains_on_voxceleb2(
        self, both: Path, tmp_path: Path
    ) -> None:
        lists = [
            official(tmp_path / "veri_test2.txt"),
            trials(tmp_path / "list_test_all.txt", (1, DEV[0], DEV[0]), (0, DEV[1], TEST[0])),
            trials(tmp_path / "list_test_hard2.txt", (1, DEV[0], DEV[0]), (0, DEV[1], DEV[2])),
        ]
        found = plans(corpus(both, trial_lists=lists))
        second = {"train": (("vox2_dev",), None), "development": (("vox2_test",), "make")}
        everyone = ("vox1_dev", "vox1_test")
        assert shape(found["VoxCeleb1_O_cleaned"]) == {
            **second,
            "test": (("vox1_test",), "veri_test2.txt"),
        }
        assert shape(found["VoxCeleb1_E"]) == {**second, "test": (everyone, "list_test_all.txt")}
        assert shape(found["VoxCeleb1_H_cleaned"])["test"] == (everyone, "list_test_hard2.txt")

    def test_a_part_that_is_missing_takes_its_subset_along(self, tmp_path: Path) -> None:
        path = official(tmp_path / "veri_test.txt")
        test = part(tmp_path / "test", "wav", *TEST)
        found = plans(corpus(test, trial_lists=[path]))
        assert {name: shape(plan) for name, plan in found.items()} == {
            "VoxCeleb1": {"test": (("vox1_test",), "veri_test.txt")}
        }
        dev = part(tmp_path / "dev", "wav", *DEV)
        found = plans(corpus(dev))
        assert set(shape(found["VoxCeleb1"])) == {"train"}
        assert set(shape(found["VoxCeleb1_X"])) == {"train", "development"}
        second = part(tmp_path / "second", "dev/aac", "id00012", suffix=".m4a")
        found = plans(corpus(second))
        assert {name: shape(plan) for name, plan in found.items()} == {
            "VoxCeleb2": {"train": (("vox2_dev",), None)}
        }

    def test_without_a_list_trials_are_made_and_it_is_said(self, both: Path) -> None:
        found = corpus(both)
        assert shape(plans(found)["VoxCeleb1"])["test"] == (("vox1_test",), "make")
        assert any("figures are not those of Vox1-O" in note for note in found.notes)

    def test_the_cleaned_list_serves_where_the_other_is_not(
        self, both: Path, tmp_path: Path
    ) -> None:
        found = corpus(both, trial_lists=[official(tmp_path / "veri_test2.txt")])
        assert shape(plans(found)["VoxCeleb1"])["test"][1] == "veri_test2.txt"
        assert any("Vox1-O (cleaned), for want of Vox1-O" in note for note in found.notes)


class TestLists:
    def test_one_that_stands_in_the_corpus_is_taken(self, both: Path) -> None:
        official(both / "VoxCeleb1" / "veri_test.txt")
        found = corpus(both)
        assert shape(plans(found)["VoxCeleb1"])["test"][1] == "veri_test.txt"
        assert any("Took the trials of" in note for note in found.notes)

    def test_one_that_was_asked_for_goes_before_it(self, both: Path, tmp_path: Path) -> None:
        (both / "veri_test.txt").write_text("not trials at all\n")
        path = official(tmp_path / "veri_test.txt")
        trials_of = plans(corpus(both, trial_lists=[path]))["VoxCeleb1"].subsets["test"].trials
        assert isinstance(trials_of, GivenTrials)
        assert trials_of.source == str(path)

    def test_one_in_the_corpus_that_cannot_be_used_is_said(self, both: Path) -> None:
        (both / "veri_test.txt").write_text("1 id1/a/1.wav id1/a/2.wav\n")
        found = corpus(both)
        assert any(
            "was not used" in note and "none of its 1 trials" in note for note in found.notes
        )
        with pytest.raises(UserError, match=r"none of its 1 trials"):
            corpus(both, trial_lists=[both / "veri_test.txt"])

    def test_it_is_known_by_its_number_of_trials(self, both: Path, tmp_path: Path) -> None:
        rows = [(1, "id10270", "id10270")] * 37_611
        found = corpus(both, trial_lists=[trials(tmp_path / "mine.txt", *rows)])
        assert "VoxCeleb1_O_cleaned" in plans(found)
        assert not any("trials, and Vox1-O" in note for note in found.notes)

    def test_a_part_of_it_is_said(self, both: Path, tmp_path: Path) -> None:
        found = corpus(both, trial_lists=[official(tmp_path / "veri_test.txt")])
        assert any("holds 2 trials, and Vox1-O has 37,720" in note for note in found.notes)

    def test_another_one_has_a_protocol_of_its_name(self, both: Path, tmp_path: Path) -> None:
        found = plans(corpus(both, trial_lists=[official(tmp_path / "my trials.v2.txt")]))
        assert shape(found["VoxCeleb1_my_trials_v2"])["test"] == (
            ("vox1_test",),
            "my trials.v2.txt",
        )

    def test_files_that_are_missing_are_counted(self, both: Path, tmp_path: Path) -> None:
        rows = [(1, "id10270", "id10270"), (0, "id10270", "id10300"), (0, "id10309", "id10300")]
        found = corpus(both, trial_lists=[trials(tmp_path / "veri_test.txt", *rows)])
        given = plans(found)["VoxCeleb1"].subsets["test"].trials
        assert isinstance(given, GivenTrials)
        assert len(given.labels) == 1
        assert f"('id10300/{VIDEO}/00002.wav' in line 2)" in given.unknown[0]

    def test_speakers_of_a_list_of_ones_own_are_held_out(self, both: Path, tmp_path: Path) -> None:
        rows = [(1, "id10001", "id10001"), (0, "id10001", "id10270")]
        found = corpus(both, trial_lists=[trials(tmp_path / "veri_test.txt", *rows)])
        assert groups(found)["vox1_test"] == {"id10001", *TEST}
        assert groups(found)["vox1_dev"] == {"id10002", "id11251"}

    def test_two_of_a_kind_are_refused(self, both: Path, tmp_path: Path) -> None:
        (tmp_path / "b").mkdir()
        lists = [official(tmp_path / "veri_test.txt"), official(tmp_path / "b" / "veri_test.txt")]
        with pytest.raises(UserError, match=r"are both lists of Vox1-O: give one"):
            corpus(both, trial_lists=lists)
