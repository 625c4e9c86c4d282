"""`prepare`: which speakers and trials are taken when one says so."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import protocol

from pyannote_ge2e.data.prepare.run import Prepared, prepare
from pyannote_ge2e.errors import UserError

RATE = 16000


def write(path: Path, seconds: float = 0.1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(seconds * RATE), 0.1), RATE)
    return path


def corpus(folder: Path, speakers: int = 20, utterances: int = 3) -> Path:
    for speaker in range(speakers):
        for utterance in range(utterances):
            write(folder / f"id{speaker:02d}" / f"{utterance}.wav")
    return folder


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty speakers of three utterances each."""
    return corpus(tmp_path_factory.mktemp("corpus") / "Voices")


def table(prepared: Prepared, subset: str) -> dict[str, str]:
    """Return the speaker of each uri."""
    lines = (prepared.lists / f"{subset}.utterances").read_text().splitlines()
    return {uri: speaker for uri, speaker, _ in (line.split("\t") for line in lines)}


def speakers(prepared: Prepared, subset: str) -> set[str]:
    return set(table(prepared, subset).values())


def trials(prepared: Prepared, subset: str) -> list[tuple[str, str, str]]:
    lines = (prepared.lists / f"{subset}.trial").read_text().splitlines()
    return [(label, first, second) for label, first, second in map(str.split, lines)]


class TestSpeakers:
    def test_of_few_utterances_are_left_out(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "V", speakers=8, utterances=3)
        (root / "id00" / "0.wav").unlink()
        (root / "id01" / "0.wav").write_bytes(b"")  # does not count
        prepared = prepare(root, database_yml=tmp_path / "d.yml", min_utterances=3)
        everyone = {s for subset in prepared.subsets for s in speakers(prepared, subset)}
        assert everyone == {f"id{n:02d}" for n in range(2, 8)}
        few = [i.path for i in prepared.left_out if "2 utterance(s), and 3 are" in i.reason]
        assert few == ["id00/1.wav", "id00/2.wav", "id01/1.wav", "id01/2.wav"]

    def test_of_little_speech_are_left_out(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "V", speakers=6)
        write(root / "id03" / "0.wav", 1.0)
        write(root / "id04" / "0.wav", 1.0)
        prepared = prepare(root, database_yml=tmp_path / "d.yml", min_seconds=1.2)
        assert speakers(prepared, "train") == {"id03", "id04"}
        assert "0.3 s of speech, and 1.2 s" in prepared.left_out[0].reason

    def test_all_of_whom_there_is_too_little_are_named(self, voices: Path, tmp_path: Path) -> None:
        with pytest.raises(
            UserError, match=r"Nothing is left of the corpus; .*: its speaker has 3"
        ):
            prepare(voices, database_yml=tmp_path / "d.yml", min_utterances=4)
        assert not (tmp_path / "d.yml").exists()

    def test_a_ratio_keeps_a_share_of_each_subset(self, voices: Path, tmp_path: Path) -> None:
        ratios = (0.4, 0.3, 0.3)
        kept = {}
        for ratio in (1.0, 0.5, 0.25):
            prepared = prepare(
                voices, "V", tmp_path / f"{ratio}.yml" / "d.yml", ratios=ratios, data_ratio=ratio
            )
            kept[ratio] = {subset: speakers(prepared, subset) for subset in prepared.subsets}
        assert [len(some) for some in kept[1.0].values()] == [8, 6, 6]
        assert [len(some) for some in kept[0.5].values()] == [4, 3, 3]
        for subset, some in kept[0.25].items():
            assert some < kept[0.5][subset] < kept[1.0][subset]
        assert "2 of 8 speakers are taken for train (data ratio 0.25)." in prepared.notes

    def test_the_seed_decides_which(self, voices: Path, tmp_path: Path) -> None:
        def taken(name: str, seed: int) -> set[str]:
            return speakers(
                prepare(voices, name, tmp_path / "d.yml", seed=seed, data_ratio=0.5), "train"
            )

        assert taken("A", 1) == taken("B", 1) != taken("C", 2)

    @pytest.mark.parametrize("ratio", [0.0, -0.5, 1.5])
    def test_a_ratio_that_is_none(self, voices: Path, tmp_path: Path, ratio: float) -> None:
        with pytest.raises(UserError, match=r"data ratio of .* makes no sense"):
            prepare(voices, database_yml=tmp_path / "d.yml", data_ratio=ratio)

    def test_ratios_are_looked_at_before_files_are(self, voices: Path, tmp_path: Path) -> None:
        def never(done: int, total: int) -> None:
            pytest.fail("measured for nothing")

        for choice in ({"ratios": (1, 1, 1)}, {"data_ratio": 2.0}):
            with pytest.raises(UserError, match="sense"):
                prepare(voices, database_yml=tmp_path / "d.yml", progress=never, **choice)

    def test_a_subset_that_cannot_be_is_told_of_once(self, tmp_path: Path) -> None:
        prepared = prepare(corpus(tmp_path / "V", speakers=3), database_yml=tmp_path / "d.yml")
        assert [note.partition(":")[0] for note in prepared.notes] == [
            "No development subset",
            "No test subset",
        ]

    def test_are_not_split_where_the_corpus_says_who_is_where(self, tmp_path: Path) -> None:
        for subset in ("train", "dev"):
            corpus(tmp_path / "V" / subset, speakers=3)
        prepared = prepare(tmp_path / "V", database_yml=tmp_path / "d.yml", ratios=(0.5, 0.5, 0))
        assert prepared.notes[-1] == "Subsets are those of the corpus: speakers were not split."
        assert {s: summary.speakers for s, summary in prepared.subsets.items()} == {
            "train": 3,
            "development": 3,
        }


class TestTrials:
    def test_as_many_targets_and_others_as_wanted(self, voices: Path, tmp_path: Path) -> None:
        ratios = (0.5, 0, 0.5)
        prepared = prepare(voices, "V", tmp_path / "d.yml", ratios=ratios, trials=(7, 40))
        labels = [label for label, *_ in trials(prepared, "test")]
        assert (labels.count("1"), labels.count("0")) == (7, 40)

    def test_fewer_than_wanted_are_counted(self, voices: Path, tmp_path: Path) -> None:
        prepared = prepare(voices, database_yml=tmp_path / "d.yml", trials=(7, 5))
        assert "There are no more than 6 target and 5 non-target trials" in prepared.notes[0]

    def test_of_one_gender(self, voices: Path, tmp_path: Path) -> None:
        (tmp_path / "genders").write_text(
            "".join(f"id{n:02d} {'f' if n % 2 else 'm'}\r\n" for n in range(2, 20))
        )
        prepared = prepare(
            voices,
            database_yml=tmp_path / "d.yml",
            ratios=(0, 0, 1),
            trials="all",
            same_gender=True,
            genders=tmp_path / "genders",
        )
        speaker = table(prepared, "test")
        pairs = [
            (label, speaker[one], speaker[two]) for label, one, two in trials(prepared, "test")
        ]
        others = [(one, two) for label, one, two in pairs if label == "0"]
        assert all(int(one[2:]) % 2 == int(two[2:]) % 2 for one, two in others)
        assert not {"id00", "id01"} & {name for pair in others for name in pair}
        known = [int(name[2:]) % 2 for name in set(speaker.values()) - {"id00", "id01"}]
        assert len(others) == sum(9 * math.comb(known.count(gender), 2) for gender in (0, 1))
        unknown = {"id00", "id01"} & set(speaker.values())
        assert unknown == {one for _, one, two in pairs if one == two} & {"id00", "id01"} != set()
        of_all = f"{len(unknown)} of {len(set(speaker.values()))} speakers of test"
        assert f"{of_all} are in no non-target trial" in prepared.notes[-1]

    def test_of_one_gender_take_genders(self, voices: Path, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"No speaker's gender is known.*--genders"):
            prepare(voices, database_yml=tmp_path / "d.yml", same_gender=True)

    def test_that_are_given_are_taken_as_they_are(self, tmp_path: Path) -> None:
        for subset in ("train", "test"):
            corpus(tmp_path / "V" / subset, speakers=4)
        lines = ["0 test/id00/0.wav test/id01/0.wav", "1 test/id01/2.wav test/id01/1.wav"]
        (tmp_path / "trials.txt").write_text("\r\n".join([*lines, "", lines[0]]) + "\r\n")
        prepared = prepare(
            tmp_path / "V", database_yml=tmp_path / "d.yml", trial_lists=[tmp_path / "trials.txt"]
        )
        expected = [tuple(line.replace(".wav", "").split()) for line in [*lines, lines[0]]]
        assert trials(prepared, "test") == expected
        read = list(protocol(prepared).test_trial())
        assert [trial["reference"] for trial in read] == [0, 1, 0]
        assert all(trial["file1"]["audio"].is_file() for trial in read)
        assert not any("trial" in note for note in prepared.notes)

    def test_that_name_what_cannot_be_used_are_counted(self, tmp_path: Path) -> None:
        for subset in ("train", "test"):
            corpus(tmp_path / "V" / subset, speakers=4)
        (tmp_path / "V" / "test" / "id00" / "0.wav").write_bytes(b"")
        (tmp_path / "trials.txt").write_text(
            "0 test/id00/0 test/id01/0\n"  # empty
            "1 test/id01/0 test/id01/gone\n"  # unknown
            "1 test/id01/2 test/id01/1\n"
            "0 test/id02/2 test/id01/1\n"
        )
        prepared = prepare(
            tmp_path / "V", database_yml=tmp_path / "d.yml", trial_lists=[tmp_path / "trials.txt"]
        )
        assert len(trials(prepared, "test")) == 2
        notes = "\n".join(prepared.notes)
        assert "1 of 4 trials names a recording that is not here ('test/id01/gone'" in notes
        assert "1 of 3 trials name recordings that cannot be used ('test/id00/0', for one)" in notes

    def test_that_contradict_the_corpus_are_kept_and_counted(self, tmp_path: Path) -> None:
        for subset in ("train", "test"):
            corpus(tmp_path / "V" / subset, speakers=4)
        (tmp_path / "trials.txt").write_text(
            "1 test/id00/0 test/id01/0\n1 test/id01/0 test/id01/1\n0 test/id02/0 test/id01/1\n"
        )
        prepared = prepare(
            tmp_path / "V", database_yml=tmp_path / "d.yml", trial_lists=[tmp_path / "trials.txt"]
        )
        assert len(trials(prepared, "test")) == 3
        assert "1 of 3 trials contradict the corpus, and are kept" in "\n".join(prepared.notes)

    def test_that_compare_a_recording_with_itself_are_kept_and_counted(
        self, tmp_path: Path
    ) -> None:
        for subset in ("train", "test"):
            corpus(tmp_path / "V" / subset, speakers=4)
        (tmp_path / "trials.txt").write_text(
            "1 test/id00/0 test/id00/1\n1 test/id01/0.wav test/id01/0\n0 test/id02/0 test/id01/1\n"
        )
        prepared = prepare(
            tmp_path / "V", database_yml=tmp_path / "d.yml", trial_lists=[tmp_path / "trials.txt"]
        )
        assert trials(prepared, "test")[1] == ("1", "test/id01/0", "test/id01/0")
        (note,) = [note for note in prepared.notes if "trials" in note]
        assert (
            "1 of 3 trials compares a recording with itself ('test/id01/0', for one): kept" in note
        )

    def test_that_are_given_keep_their_subset_whole(self, tmp_path: Path) -> None:
        for subset in ("train", "test"):
            corpus(tmp_path / "V" / subset, speakers=6)
        (tmp_path / "trials.txt").write_text(
            "".join(
                f"1 test/id0{n}/0 test/id0{n}/1\n0 test/id0{n}/0 test/id05/2\n" for n in range(5)
            )
        )
        prepared = prepare(
            tmp_path / "V",
            database_yml=tmp_path / "d.yml",
            trial_lists=[tmp_path / "trials.txt"],
            data_ratio=0.5,
        )
        assert (len(speakers(prepared, "train")), len(speakers(prepared, "test"))) == (3, 6)
        assert len(trials(prepared, "test")) == 10


def test_several_folders_make_one_corpus(tmp_path: Path) -> None:
    one, other = corpus(tmp_path / "one", 3), corpus(tmp_path / "other", 8)
    for speaker in range(3):
        (one / f"id{speaker:02d}").rename(one / f"one{speaker}")
    prepared = prepare([one, other], "Both", tmp_path / "d.yml")
    read = protocol(prepared)
    files = [f for part in (read.train, read.development, read.test) for f in part()]
    assert len({file["audio"].resolve() for file in files}) == len(files) == 33
    assert {label for file in files for label in file["annotation"].labels()} == {
        *(f"one{n}" for n in range(3)),
        *(f"id{n:02d}" for n in range(8)),
    }
