"""VoxCeleb as it is unzipped: its parts, lists of trials, protocols, and what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from found_corpora import touch

from pyannote_ge2e.data.prepare.layouts import find_corpus
from pyannote_ge2e.data.prepare.layouts.voxceleb.parts import PARTS
from pyannote_ge2e.data.prepare.plan import Corpus, GivenTrials, ProtocolPlan
from pyannote_ge2e.errors import UserError

VIDEO = "x6uYqmx31kE"
DEV, TEST = ("id10001", "id10002", "id11251"), ("id10270", "id10309")


def part(root: Path, folder: str, *speakers: str, suffix: str = ".wav", count: int = 2) -> Path:
    return touch(
        root,
        *(f"{folder}/{s}/{VIDEO}/{n:05d}{suffix}" for s in speakers for n in range(1, count + 1)),
    )


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """VoxCeleb1 and 2, a few speakers of each, as their archives unpack."""
    root = tmp_path / "VoxCeleb"
    part(root, "VoxCeleb1/wav", *DEV, *TEST)
    part(root, "VoxCeleb2/dev/aac", "id00012", "id09272", suffix=".m4a")
    return part(root, "VoxCeleb2/test/aac", "id00017", suffix=".m4a")


def trials(path: Path, *rows: tuple[int, str, str]) -> Path:
    lines = (
        f"{label} {one}/{VIDEO}/00001.wav {two}/{VIDEO}/00002.wav\n" for label, one, two in rows
    )
    path.write_text("".join(lines))
    return path


def official(path: Path) -> Path:
    return trials(path, (1, "id10270", "id10270"), (0, "id10270", "id10309"))


def corpus(*paths: Path, **options) -> Corpus:
    return find_corpus(paths, "voxceleb", **options)


def groups(found: Corpus) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for recording in found.recordings:
        result.setdefault(recording.group, set()).add(recording.speaker)
    return result


def plans(found: Corpus) -> dict[str, ProtocolPlan]:
    return {plan.name: plan for plan in found.protocols}


def shape(plan: ProtocolPlan) -> dict[str, tuple[tuple[str, ...], object]]:
    """Groups and trials of each subset; of given trials, what the file is called."""
    return {
        subset: (
            its.groups,
            Path(its.trials.source).name if isinstance(its.trials, GivenTrials) else its.trials,
        )
        for subset, its in plan.subsets.items()
    }


class TestParts:
    def test_both_corpora_in_one_folder(self, both: Path) -> None:
        found = corpus(both)
        assert (found.layout, found.name) == ("voxceleb", "VoxCeleb")
        assert groups(found) == {
            "vox1_dev": set(DEV),
            "vox1_test": set(TEST),
            "vox2_dev": {"id00012", "id09272"},
            "vox2_test": {"id00017"},
        }
        first = found.recordings[0]
        assert first.uri == f"id00012/{VIDEO}/00001"
        assert first.template == f"{both}/VoxCeleb2/dev/aac/{{uri}}.m4a"
        assert first.path == first.template.format(uri=first.uri)

    @pytest.mark.parametrize(
        "folders",
        [
            ("vox1_dev_wav/wav", "vox1_test_wav/wav", "vox2_dev_aac/dev/aac", "vox2_test_aac/aac"),
            ("wav", "wav", "dev/wav", "test/wav"),
            ("dev", "test", "vox2/dev", "vox2/test"),
            ("1/wav", "1/wav", "2/dev/aac", "2/aac"),  # as vox2_test_aac.zip unpacks
        ],
    )
    def test_however_they_were_unpacked(self, tmp_path: Path, folders: tuple[str, ...]) -> None:
        speakers = (DEV, TEST, ("id00012",), ("id00017",))
        for folder, its in zip(folders, speakers, strict=True):
            part(tmp_path / "Vox", folder, *its)
        expected = dict(zip(PARTS, map(set, speakers), strict=True))
        assert groups(corpus(tmp_path / "Vox")) == expected

    def test_several_paths(self, tmp_path: Path) -> None:
        dev = part(tmp_path / "here", "vox1_dev_wav/wav", *DEV)
        test = part(tmp_path / "there", "vox1_test_wav/wav", *TEST)
        found = corpus(dev, test)
        assert groups(found) == {"vox1_dev": set(DEV), "vox1_test": set(TEST)}
        assert len({recording.template for recording in found.recordings}) == 2

    def test_where_the_corpus_is_kept_does_not_tell_its_part(self, tmp_path: Path) -> None:
        root = part(tmp_path / "test" / "VoxCeleb2", "aac", "id00012")
        assert set(groups(corpus(root))) == {"vox2_dev"}

    def test_a_doubtful_part_is_said(self, tmp_path: Path) -> None:
        (note, *_) = corpus(part(tmp_path / "Vox", "aac", "id00012")).notes
        assert note.startswith("Nothing tells whether speakers of VoxCeleb2 are of its dev or")
        assert "vox2_meta.csv" in note

    def test_the_official_table_decides_and_gives_genders(self, tmp_path: Path) -> None:
        root = part(tmp_path / "Vox", "wav", "id00012", "id00017", "id10270")
        (root / "vox2_meta.csv").write_text(
            "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \r\n"
            "id00012 ,n000012 ,m ,dev \r\nid00017 ,n000017 ,f ,test \r\n"
        )
        (root / "vox1_meta.csv").write_text(
            "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
            "id10270\tEartha_Kitt\tf\tUSA\ttest\n"
        )
        found = corpus(root)
        assert groups(found) == {
            "vox1_test": {"id10270"},
            "vox2_dev": {"id00012"},
            "vox2_test": {"id00017"},
        }
        assert {r.speaker: r.gender for r in found.recordings} == {
            "id00012": "m",
            "id00017": "f",
            "id10270": "f",
        }
        assert not any("Nothing tells" in note for note in found.notes)

    @pytest.mark.parametrize("folder", ["dev/aac", "dev/wav"])
    def test_what_was_converted_stands_for_the_original(self, tmp_path: Path, folder: str) -> None:
        part(tmp_path, "dev/aac", "id00012", suffix=".m4a")
        found = corpus(part(tmp_path, folder, "id00012"))
        assert [r.path for r in found.recordings] == [
            f"{tmp_path}/{folder}/id00012/{VIDEO}/0000{n}.wav" for n in (1, 2)
        ]
        assert all(recording.template for recording in found.recordings)
        others = [other.path for r in found.recordings for other in r.others]
        assert [os.path.splitext(path)[1] for path in others] == [".m4a", ".m4a"]

    def test_a_conversion_that_stopped_halfway(self, tmp_path: Path) -> None:
        part(tmp_path, "dev/aac", "id00012", suffix=".m4a")
        part(tmp_path, "dev/wav", "id00012", count=1)
        part(tmp_path, "wav", "id10270")
        path = tmp_path / "t.txt"
        path.write_text(f"1 id00012/{VIDEO}/00001.wav id00012/{VIDEO}/00002.wav\n")
        found = corpus(tmp_path, trial_lists=[path])
        uris = [r.uri for r in found.recordings if r.speaker == "id00012"]
        # Under its own name it would be found in both folders.
        assert uris == [f"id00012/{VIDEO}/00001-wav", f"id00012/{VIDEO}/00002"]
        given = plans(found)["VoxCeleb1_t"].subsets["test"].trials
        assert isinstance(given, GivenTrials)
        assert (given.first, given.second) == (uris[:1], uris[1:])

    def test_other_audio_is_left_out_by_folder(self, both: Path) -> None:
        touch(both, "musan/noise/1.wav", "musan/noise/2.wav", "musan/readme.txt")
        (item,) = corpus(both).left_out
        assert (item.path, item.files) == ("musan/noise/1.wav", 2)
        assert "no folder of a speaker" in item.reason


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


class TestWhatIsMissing:
    def test_speakers_and_utterances_of_each_part_that_is_there(self, both: Path) -> None:
        notes = corpus(both).notes
        assert (
            "VoxCeleb1 dev: 3 of 1,211 speakers and 6 of 148,642 utterances are here; there is "
            "nothing of id10003, id10004, id10005, id10006, id10007 and 1,203 others." in notes
        )
        assert any(note.startswith("VoxCeleb1 test: 2 of 40 speakers") for note in notes)
        assert "VoxCeleb2 dev: 2 of 5,994 speakers and 4 of 1,092,009 utterances are here." in notes

    def test_nothing_is_said_of_a_part_that_is_whole(self, tmp_path: Path) -> None:
        for n in range(10270, 10310):
            part(tmp_path, "wav", f"id{n}", count=122 if n < 10309 else 116)
        found = corpus(tmp_path, trial_lists=[official(tmp_path / "veri_test.txt")])
        assert len(found.recordings) == 4_874
        assert not any("VoxCeleb1 test" in note for note in found.notes)

    def test_a_missing_test_part_is_said(self, tmp_path: Path) -> None:
        notes = corpus(part(tmp_path, "wav", *DEV)).notes
        assert any("without which there is no test set" in note for note in notes)
