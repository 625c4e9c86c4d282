"""`prepare`: from folders of recordings to lists, trials and a database.yml that pyannote reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rich.console
import soundfile
import yaml
from pyannote.database import FileFinder
from pyannote.database.registry import Registry

from pyannote_ge2e.data.audio.containers import has_ffmpeg
from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.prepare.run import Prepared, prepare
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.trials.trials import trial_index
from pyannote_ge2e.errors import UserError

RATE = 16000


def write(path: Path, seconds: float = 0.2, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * rate))
    how = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, noise, rate, **how)
    return path


def corpus(folder: Path, speakers: int = 10, utterances: int = 3, suffix: str = ".wav") -> Path:
    for speaker in range(speakers):
        for utterance in range(utterances):
            write(folder / f"id{speaker:02d}" / "session" / f"{utterance:05d}{suffix}")
    return folder


def protocol(prepared: Prepared):
    """Read back with nothing but pyannote.database."""
    registry = Registry()
    registry.load_database(prepared.database_yml)
    return registry.get_protocol(prepared.protocol, {"audio": FileFinder(registry=registry)})


def speakers(files) -> set[str]:
    return {label for file in files for label in file["annotation"].labels()}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def text(prepared: Prepared) -> str:
    console = rich.console.Console(file=io.StringIO(), width=100)
    console.print(prepared.table())
    return console.file.getvalue()


class TestWhatPyannoteReads:
    def test_subsets_are_disjoint_in_speakers_and_complete(self, tmp_path: Path) -> None:
        corpus(tmp_path / "Voices", speakers=20)
        read = protocol(prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml"))
        subsets = [speakers(files()) for files in (read.train, read.development, read.test)]
        assert [len(subset) for subset in subsets] == [16, 2, 2]
        assert len(set.union(*subsets)) == 20

    def test_each_file_has_its_audio_speaker_and_extent(self, tmp_path: Path) -> None:
        corpus(tmp_path / "Voices")
        write(tmp_path / "Voices" / "id00" / "session" / "00000.wav", seconds=0.34567)
        read = protocol(prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml"))
        assert read.name == "Voices.SpeakerVerification.All"
        for files in (read.train, read.development, read.test):
            for file in files():
                assert file["audio"] == tmp_path / "Voices" / f"{file['uri']}.wav"
                assert file["annotation"].labels() == [file["uri"].split("/")[0]]
                assert file["annotated"].extent() == file["annotation"].get_timeline().extent()
                assert file["scope"] == "database"
                # Rounded down: nothing is asked of a file that it does not hold.
                expected = 0.345 if file["uri"] == "id00/session/00000" else 0.2
                assert file["annotated"].duration() == pytest.approx(expected)

    def test_trials_compare_files_of_their_subset(self, tmp_path: Path) -> None:
        corpus(tmp_path / "Voices")
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        read = protocol(prepared)
        for subset in ("development", "test"):
            trials = list(getattr(read, f"{subset}_trial")())
            uris = {file["uri"] for file in getattr(read, subset)()}
            assert len(trials) == 15 == prepared.subsets[subset].trials  # all pairs of 6 files
            assert sum(t["reference"] for t in trials) == 6 == prepared.subsets[subset].targets
            for trial in trials:
                first, second = trial["file1"], trial["file2"]
                assert {first["uri"], second["uri"]} <= uris
                assert first["try_with"].duration() > 0
                same = first["annotation"].labels() == second["annotation"].labels()
                assert trial["reference"] == same

    def test_several_formats_make_several_templates(self, tmp_path: Path) -> None:
        for number, suffix in enumerate([".wav", ".flac", ".ogg", ".opus", ".mp3", ".WAV"]):
            write(tmp_path / "Voices" / f"id{number}" / f"a{suffix}")
            write(tmp_path / "Voices" / f"id{number}" / f"b{suffix}")
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert not prepared.left_out
        read = protocol(prepared)
        found = [f["audio"] for part in (read.train, read.development, read.test) for f in part()]
        assert len(found) == 12
        assert all(path.is_file() for path in found)

    def test_other_rates_channels_and_depths_are_measured(self, tmp_path: Path) -> None:
        for number, rate in enumerate((8000, 44100, 48000)):
            for name in "ab":
                write(tmp_path / "Voices" / f"id{number}" / f"{name}.wav", 0.5, rate)
        stereo = tmp_path / "Voices" / "id0" / "stereo.wav"
        soundfile.write(stereo, np.zeros((RATE // 2, 2)), RATE, subtype="PCM_24")
        prepared = prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml")
        assert {s.longest for s in prepared.subsets.values()} == {0.5}

    def test_speakers_of_two_corpora_stay_apart_in_a_combined_protocol(
        self, tmp_path: Path
    ) -> None:
        path, names = tmp_path / "database.yml", ("SameNamesA", "SameNamesB")
        parts = [prepare(corpus(tmp_path / name), name, path).protocol for name in names]
        combined = "".join(
            f"      {subset}: {{{parts[0]}: [{subset}], {parts[1]}: [{subset}]}}\n"
            for subset in ("train", "development")
        )
        combined = f"  X:\n    SpeakerVerification:\n     Both:\n{combined}"
        path.write_text(path.read_text() + combined)
        both = load_protocol("X.SpeakerVerification.Both", path)
        index = build_index(both)
        assert {speaker.split("|")[0] for speaker in index.speakers} == set(names)
        assert len(index.speakers) == 2 * 6
        trials = trial_index(both, "development")
        assert len(set(trials.speakers)) == 2 * 2

    @pytest.mark.parametrize(
        "speaker", ["NA", "null", "001", "None", "1e5", "True", "{uri}", "İpek"]
    )
    def test_names_that_look_like_something_else_survive(
        self, tmp_path: Path, speaker: str
    ) -> None:
        for name in (speaker, "other"):
            write(tmp_path / "Voices" / "train" / name / "001.wav")
            write(tmp_path / "Voices" / "test" / name / "001.wav")
            write(tmp_path / "Voices" / "test" / name / "002.wav")
        read = protocol(prepare(tmp_path / "Voices", database_yml=tmp_path / "database.yml"))
        assert len(speakers(read.train())) == 2
        assert len(speakers(read.test())) == 2
        assert all(file["audio"].is_file() for file in read.train())
        files = [trial[key] for trial in read.test_trial() for key in ("file1", "file2")]
        paths = {file["audio"].resolve() for file in files}
        where = tmp_path / "Voices" / "test"
        assert paths == {where / name / f"00{n}.wav" for name in (speaker, "other") for n in (1, 2)}
        assert {label for file in files for label in file["annotation"].labels()} == {
            speaker,
            "other",
        }

    def test_braces_in_the_path_of_the_corpus_survive(self, tmp_path: Path) -> None:
        corpus(tmp_path / "my {voices}")
        prepared = prepare(tmp_path / "my {voices}", "V", tmp_path / "database.yml")
        assert all(file["audio"].is_file() for file in protocol(prepared).train())


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


class TestLeftOut:
    def test_bad_files_are_listed_with_the_reason_and_skipped(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        bad = root / "id00" / "bad"
        bad.mkdir()
        (bad / "empty.wav").touch()
        (bad / "text.mp3").write_text("not at all audio" * 100)
        write(bad / "zero.wav", seconds=0)
        cut = write(bad / "cut.wav", 1.0)
        cut.write_bytes(cut.read_bytes()[:16044])
        cut = write(bad / "cut.flac.flac", 3.0)
        cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
        (bad / "words.wav").write_text("not at all audio" * 100)
        write(root / "stray.wav")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        reasons = {item.path: item.reason for item in prepared.left_out}
        assert set(reasons) == {
            *(f"id00/bad/{name}" for name in ("empty.wav", "text.mp3", "zero.wav", "cut.wav")),
            *("id00/bad/cut.flac.flac", "id00/bad/words.wav", "stray.wav"),
        }
        assert reasons["id00/bad/empty.wav"].startswith("it is empty (0 bytes)")
        for name in ("text.mp3", "words.wav"):
            assert reasons[f"id00/bad/{name}"].startswith("it is not audio that can be read")
        assert reasons["id00/bad/zero.wav"].startswith("it holds no audio")
        assert "promises 1.000 s of audio and the file holds 0.500 s" in reasons["id00/bad/cut.wav"]
        assert "truncated" in reasons["id00/bad/cut.flac.flac"]
        assert reasons["stray.wav"] == "it is in no speaker's folder"
        assert sum(summary.utterances for summary in prepared.subsets.values()) == 30
        shown = "".join(text(prepared).split())
        assert (
            "".join(f"Leftout:7file(s),listedin{tmp_path}/lists/Voices/left_out.txt".split())
            in shown
        )
        assert "bad" not in "".join(file["uri"] for file in protocol(prepared).train())

    def test_they_are_grouped_by_reason_broken_audio_first(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        for number in range(5):
            write(root / f"stray{number}.wav")
            cut = write(root / "id00" / f"cut{number}.wav", 1.0 + number)
            cut.write_bytes(cut.read_bytes()[:16044])
        (root / "id09" / "empty.wav").touch()
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        lines = text(prepared).splitlines()
        cut, empty, stray = (
            next(n for n, line in enumerate(lines) if line.startswith(start))
            for start in ("  5: it is truncated", "  1: it is empty", "  5: it is in no speaker's")
        )
        assert cut < empty < stray
        assert "(stray0.wav, stray1.wav, stray2.wav, ...)" in lines[stray]

    def test_all_of_them_are_in_a_file_beside_the_lists(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        names = [f"empty {number}.wav" for number in range(12)]
        for name in [*names, "new\nline.wav", os.fsdecode(b"latin-\xe9.wav")]:
            (root / "id00" / name).touch()
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        rows = [line.split("\t") for line in (prepared.lists / "left_out.txt").open()]
        escaped = [r"new\nline.wav", r"latin-\udce9.wav"]
        assert sorted(path for path, _ in rows) == sorted(f"id00/{n}" for n in [*names, *escaped])
        assert all("it is empty" in reason for _, reason in rows)
        for path in (root / "id00").glob("*.wav"):
            path.unlink()
        assert not prepare(root, database_yml=tmp_path / "database.yml").left_out
        assert not (prepared.lists / "left_out.txt").exists()

    def test_hidden_files_are_passed_over(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        (root / "id00" / "._00000.wav").write_bytes(b"from a Mac")
        (root / ".cache").mkdir()
        (root / "id00" / "notes.txt").touch()
        assert not prepare(root, database_yml=tmp_path / "database.yml").left_out

    def test_a_converted_copy_stands_for_the_original(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        for path in list(root.rglob("*.wav")):
            path.with_suffix(".m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        assert sum(summary.utterances for summary in prepared.subsets.values()) == 30
        assert {item.reason for item in prepared.left_out} == {"the .wav of the same name is taken"}
        assert all(file["audio"].suffix == ".wav" for file in protocol(prepared).train())

    @pytest.mark.skipif(has_ffmpeg(), reason="FFmpeg is installed")
    def test_m4a_without_ffmpeg_is_reported_once(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        for number in range(5):
            (root / "id00" / f"{number}.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        assert len(prepared.left_out) == 5
        assert "apt install ffmpeg" in text(prepared)

    @pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
    def test_links_are_followed_and_loops_are_not(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        corpus(tmp_path / "elsewhere", speakers=1)
        (root / "linked").symlink_to(tmp_path / "elsewhere" / "id00")
        (root / "id00" / "loop").symlink_to(root)
        (root / "id00" / "broken.wav").symlink_to(tmp_path / "gone.wav")
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        assert sum(summary.speakers for summary in prepared.subsets.values()) == 11
        assert {item.path for item in prepared.left_out} == {"id00/loop", "id00/broken.wav"}

    def test_only_the_wanted_formats_are_taken(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        corpus(root, suffix=".flac")
        prepared = prepare(root, database_yml=tmp_path / "database.yml", extensions=["FLAC"])
        assert {file["audio"].suffix for file in protocol(prepared).train()} == {".flac"}
        with pytest.raises(UserError, match="Unknown audio format 'docx'"):
            prepare(root, database_yml=tmp_path / "database.yml", extensions=["docx"])


class TestDatabaseYml:
    def test_comments_and_other_entries_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "database.yml"
        path.write_text(
            "# Where everything is\n"
            "Databases:\n"
            "  AMI: /data/ami/{uri}.wav  # do not move\n"
            "\n"
            "Protocols:\n"
            "  # meetings\n"
            "  AMI:\n"
            "    SpeakerDiarization:\n"
            "      only_words: {scope: file, train: {uri: ami.lst}}\n"
        )
        before = path.read_text().splitlines()
        prepare(corpus(tmp_path / "Voices"), database_yml=path)
        after = path.read_text().splitlines()
        assert [line for line in after if line in before] == before
        assert yaml.safe_load(path.read_text())["Protocols"].keys() == {"AMI", "Voices"}

    def test_a_file_of_comments_keeps_them(self, tmp_path: Path) -> None:
        path = tmp_path / "database.yml"
        path.write_text("# mine\n# alone\n")
        prepare(corpus(tmp_path / "Voices"), database_yml=path)
        assert path.read_text().startswith("# mine\n# alone\n")

    def test_what_was_prepared_is_read_wherever_one_stands(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = corpus(tmp_path / "Voices")
        prepared = prepare(root, database_yml=tmp_path / "home" / "database.yml")
        elsewhere = tmp_path / "elsewhere"
        (elsewhere / "lists" / "Voices").mkdir(parents=True)
        (elsewhere / "lists" / "Voices" / "train.lst").write_text("another/corpus\n")
        monkeypatch.chdir(elsewhere)
        assert len(list(protocol(prepared).train())) == prepared.subsets["train"].utterances

    def test_moving_everything_takes_no_more_than_preparing_again(self, tmp_path: Path) -> None:
        old = tmp_path / "old"
        before = prepare(corpus(old / "Voices"), database_yml=old / "database.yml")
        new = old.rename(tmp_path / "new")
        after = prepare(new / "Voices", database_yml=new / "database.yml")
        assert after.subsets == before.subsets
        assert all(file["audio"].is_file() for file in protocol(after).train())

    def test_twice_is_as_good_as_once(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "data" / "Voices")
        first = prepare(root, database_yml=tmp_path / "out" / "database.yml", trials=10)
        before = contents(tmp_path / "out")
        assert prepare(root, database_yml=tmp_path / "out" / "database.yml", trials=10) == first
        assert contents(tmp_path / "out") == before

    def test_in_the_folder_of_the_corpus_it_does_not_take_its_own_links(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(corpus(tmp_path, speakers=3) / "id00" / "my call.wav")
        monkeypatch.chdir(tmp_path)
        first = prepare(Path(), "Voices")
        assert (first.lists / "audio" / "id00" / "my%20call.wav").is_symlink()
        before = contents(tmp_path)
        assert prepare(Path(), "Voices") == first
        assert contents(tmp_path) == before

    def test_a_list_of_an_earlier_run_does_not_linger(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        prepare(root, database_yml=tmp_path / "database.yml")
        prepare(root, database_yml=tmp_path / "database.yml", ratios=(1, 0, 0))
        names = {path.name for path in (tmp_path / "lists" / "Voices").iterdir()}
        assert names == {"train.lst", "train.utterances", "train.extents", "measured.tsv"}

    def test_annotations_as_they_were_once_are_replaced(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        lists = tmp_path / "lists" / "Voices"
        lists.mkdir(parents=True)
        entries = {}
        for key, suffix in {"uri": "lst", "annotation": "rttm", "annotated": "uem"}.items():
            entries[key] = f"{lists}/train.{suffix}"
            Path(entries[key]).touch()
        (lists / "mine.rttm").touch()
        protocols = {"Voices": {"SpeakerVerification": {"All": {"train": entries}}}}
        path = tmp_path / "database.yml"
        content = {"Databases": {"Voices": ["Voices/{uri}.wav"]}, "Protocols": protocols}
        path.write_text(yaml.safe_dump(content))
        prepared = prepare(root, database_yml=path)
        assert [each.name for each in lists.glob("*.rttm")] == ["mine.rttm"]
        assert not list(lists.glob("*.uem"))
        assert len(list(protocol(prepared).train())) == prepared.subsets["train"].utterances

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("Databases:\n  A: [1\nProtocols: {}\n", r"database\.yml', line 3: not valid YAML"),
            ("- a\n- b\n", "expected sections 'Databases' and 'Protocols'"),
            ("Databases: nothing\n", r"line 1: 'Databases' should hold names"),
            ("Databases: {A: b}\nDatabases: {C: d}\n", "line 2: not valid YAML"),
            ("a: \tb: c\n\td", "not valid YAML"),
        ],
    )
    def test_a_malformed_one_is_left_alone(
        self, tmp_path: Path, content: str, message: str
    ) -> None:
        path = tmp_path / "database.yml"
        path.write_text(content)
        with pytest.raises(UserError, match=message):
            prepare(corpus(tmp_path / "Voices"), database_yml=path)
        assert path.read_text() == content
        assert not (tmp_path / "lists").exists()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                "Databases:\n  Voices: {a: b}\n",
                "expected where the audio is, .* under Databases > V",
            ),
            ("Databases:\n  Voices: 3\n", "expected where the audio is"),
            ("Protocols:\n  Voices: [a]\n", "line 2: 'Voices' should hold names"),
            (
                "Protocols:\n  Voices:\n    SpeakerVerification:\n      All:\n        train:\n"
                "          uri: mine.lst\n",
                r"already has a 'Voices\.SpeakerVerification\.All' with a list of its own "
                r"\(train > uri: 'mine\.lst'\): .*--name",
            ),
        ],
    )
    def test_what_was_written_by_hand_is_not_replaced(
        self, tmp_path: Path, content: str, message: str
    ) -> None:
        path = tmp_path / "database.yml"
        path.write_text(content)
        with pytest.raises(UserError, match=message):
            prepare(corpus(tmp_path / "Voices", speakers=2), database_yml=path)
        assert path.read_text() == content

    def test_another_corpus_of_the_same_name_is_not_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "database.yml"
        prepare(corpus(tmp_path / "a" / "Voices"), database_yml=path)
        before = contents(tmp_path / "lists"), path.read_bytes()
        with pytest.raises(UserError, match=r"already has a database called 'Voices'.*--name"):
            prepare(corpus(tmp_path / "b" / "Voices", speakers=5), database_yml=path)
        assert (contents(tmp_path / "lists"), path.read_bytes()) == before

    def test_lists_of_another_registry_are_not_replaced(self, tmp_path: Path) -> None:
        prepare(corpus(tmp_path / "A"), "Mine", tmp_path / "database.yml")
        before = contents(tmp_path / "lists")
        other = tmp_path / "other.yml"
        corpus(tmp_path / "B", speakers=5)
        for content in ("", "Databases:\n  Mine: B/{uri}.wav\n"):
            other.write_text(content)
            with pytest.raises(UserError, match=r"lists/Mine' holds lists already.*--name"):
                prepare(tmp_path / "B", "Mine", other)
            assert (contents(tmp_path / "lists"), other.read_text()) == (before, content)

    @pytest.mark.parametrize("name", ["No", "2024", "on"])
    def test_names_that_yaml_would_convert_are_kept(self, tmp_path: Path, name: str) -> None:
        prepared = prepare(corpus(tmp_path / "v"), name, database_yml=tmp_path / "database.yml")
        assert prepared.protocol == f"{name}.SpeakerVerification.All"
        assert len(list(protocol(prepared).test())) == 6
        prepare(tmp_path / "v", name, database_yml=tmp_path / "database.yml")
        assert len(yaml.safe_load((tmp_path / "database.yml").read_text())["Databases"]) == 1

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
    def test_a_folder_that_may_not_be_written(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "Voices")
        (locked := tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(UserError, match="Cannot write"):
            prepare(root, database_yml=locked / "database.yml")


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
