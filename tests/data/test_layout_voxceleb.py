"""VoxCeleb as it is unzipped: its parts, and what of them is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from found_corpora import touch
from found_voxceleb import DEV, TEST, VIDEO, both_corpora, corpus, groups, official, part, plans

from pyannote_ge2e.data.prepare.layouts.voxceleb.parts import PARTS
from pyannote_ge2e.data.prepare.plan import GivenTrials


@pytest.fixture
def both(tmp_path: Path) -> Path:
    return both_corpora(tmp_path / "VoxCeleb")


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
