"""`prepare`: what it writes is read by pyannote alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import RATE, corpus, protocol, speakers, write

from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.trials.trials import trial_index


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
