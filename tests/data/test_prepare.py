"""`prepare`: subsets, summary, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from made_corpora import corpus, protocol, speakers, text, write

from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.errors import UserError


class TestSubsetFolders:
    @pytest.mark.parametrize("dev", ["dev", "development", "val"])
    def test_are_taken_as_they_are(self, tmp_path: Path, dev: str) -> None:
        for subset, count in {"train": 5, dev: 3, "test": 2}.items():
            for number in range(count):
                for name in "ab":
                    write(tmp_path / "Voices" / subset / f"{subset}{number}" / f"{name}.flac")
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert not prepared.notes
        read = protocol(prepared)
        assert speakers(read.train()) == {f"train{n}" for n in range(5)}
        assert speakers(read.development()) == {f"{dev}{n}" for n in range(3)}
        assert speakers(read.test()) == {"test0", "test1"}

    def test_a_format_folder_in_between_is_no_speaker(self, tmp_path: Path) -> None:
        for subset in ("dev", "test"):
            corpus(tmp_path / "Vox" / subset / "wav", speakers=3)
        prepared = prepare(tmp_path / "Vox", database_yml=tmp_path / "database.yml")
        assert {s: x.speakers for s, x in prepared.subsets.items()} == {"development": 3, "test": 3}
        assert "No training subset" in prepared.notes[-1]

    def test_one_such_name_among_speakers_is_a_speaker(self, tmp_path: Path) -> None:
        corpus(tmp_path / "Voices")
        write(tmp_path / "Voices" / "test" / "a.wav")
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert sum(summary.speakers for summary in prepared.subsets.values()) == 11

    def test_what_stands_beside_them_is_left_out(self, tmp_path: Path) -> None:
        for subset in ("train", "test", "noise"):
            corpus(tmp_path / "Voices" / subset, speakers=2, utterances=2)
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert len(prepared.left_out) == 4
        assert prepared.left_out[0].reason == "it stands beside the folders test, train"

    def test_training_alone_is_enough(self, tmp_path: Path) -> None:
        corpus(tmp_path / "Voices" / "train", speakers=3)
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert list(prepared.subsets) == ["train"]
        assert "will not be validated" in prepared.notes[0]
        assert len(list(protocol(prepared).train())) == 9

    def test_a_speaker_in_two_of_them_is_pointed_out(self, tmp_path: Path) -> None:
        for subset in ("train", "dev", "test"):
            for speaker in ("shared", f"{subset}-only"):
                write(tmp_path / "Voices" / subset / speaker / "a.wav")
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert "1 speaker(s) are in more than one subset (shared)" in prepared.notes[0]


class TestRefused:
    def test_braces_in_the_path_of_the_registry(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"has braces or a \* in its path"):
            prepare(corpus(tmp_path / "V"), database_yml=tmp_path / "my {home}" / "database.yml")

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"No such folder: '.*gone'"):
            prepare(tmp_path / "gone", database_yml=tmp_path / "database.yml")

    def test_file_instead_of_folder(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.wav")
        with pytest.raises(UserError, match="is a file: expected a folder"):
            prepare(path, "A", database_yml=tmp_path / "database.yml", layout="folder")

    def test_no_audio(self, tmp_path: Path) -> None:
        (tmp_path / "V" / "a").mkdir(parents=True)
        (tmp_path / "V" / "a" / "readme.txt").touch()
        with pytest.raises(UserError, match=r"No audio \(wav, .*expected speaker/\[session/\]"):
            prepare(tmp_path / "V", database_yml=tmp_path / "database.yml")

    def test_one_speaker(self, tmp_path: Path) -> None:
        corpus(tmp_path / "Voices", speakers=1)
        with pytest.raises(UserError, match=r"holds one speaker \('id00'\)"):
            prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert not (tmp_path / "database.yml").exists()

    def test_nothing_usable(self, tmp_path: Path) -> None:
        for speaker in "ab":
            (tmp_path / "V" / speaker).mkdir(parents=True)
            (tmp_path / "V" / speaker / "1.wav").touch()
        with pytest.raises(UserError, match=r"None of the 2 audio files.*'a/1\.wav'.*empty"):
            prepare(tmp_path / "V", database_yml=tmp_path / "database.yml")

    @pytest.mark.parametrize("name", ["Vox.1", "my voices", "a/b", "", "X"])
    def test_names_that_cannot_be_part_of_a_protocol(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(UserError, match="cannot name a protocol"):
            prepare(corpus(tmp_path / "V"), name, database_yml=tmp_path / "database.yml")

    def test_a_folder_of_such_a_name_gets_the_nearest_one(self, tmp_path: Path) -> None:
        prepared = prepare(corpus(tmp_path / "my voices.v2"), database_yml=tmp_path / "d.yml")
        assert prepared.protocol == "my_voices_v2.SpeakerVerification.All"
        assert len(list(protocol(prepared).train())) == 18

    @pytest.mark.parametrize("ratios", [(0.5, 0.5), (0.9, 0.2, 0.1), (1.2, -0.1, -0.1)])
    def test_ratios_that_make_no_whole(self, tmp_path: Path, ratios: tuple) -> None:
        with pytest.raises(UserError, match=r"Ratios .* do not make sense"):
            prepare(corpus(tmp_path / "V"), database_yml=tmp_path / "d.yml", ratios=ratios)


def test_progress_counts_up_to_all_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    prepare(
        corpus(tmp_path / "V", speakers=30),
        database_yml=tmp_path / "database.yml",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(64, 90), (90, 90)]


def test_nothing_slow_is_imported_before_the_first_file() -> None:
    code = "import sys, pyannote_ge2e.data.prepare.run; print({'scipy', 'torch'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_the_summary_says_what_to_type_next(tmp_path: Path) -> None:
    prepared = prepare(corpus(tmp_path / "V"), database_yml=tmp_path / "my database.yml")
    assert prepared.commands == [
        f"export PYANNOTE_DATABASE_CONFIG='{tmp_path}/my database.yml'",
        "pyannote-audio emb train models/GE2E V.SpeakerVerification.All",
    ]
    shown = text(prepared)
    assert "V.SpeakerVerification.All" in shown
    assert "development" in shown
    assert "20" in shown


REAL = Path(__file__).parents[3] / "shared" / "data" / "arsc"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings are not on this machine")
def test_real_recordings(tmp_path: Path) -> None:
    prepared = prepare(REAL, "ARSC", database_yml=tmp_path / "database.yml")
    assert [summary.speakers for summary in prepared.subsets.values()] == [12, 4, 4]
    assert len(list(protocol(prepared).test_trial())) == prepared.subsets["test"].trials > 0
