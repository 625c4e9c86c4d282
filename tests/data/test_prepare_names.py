"""`prepare`: names of any kind, which pyannote reads all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import soundfile
import yaml
from made_corpora import protocol, write
from prepare_processes import corpus

from pyannote_ge2e.data.prepare.run import Prepared, prepare


class TestNames:
    NAMES = (
        *("a b.wav", "a  b.wav", "a,b.wav", "İpek's ünï.flac", '"quoted".wav', "st*r.wav"),
        *("{uri}.wav", "100%.wav", "new\nline.wav", "ta\tb.wav", "#1.wav", "日本語.ogg"),
        os.fsdecode(b"latin-\xe9.wav"),
    )

    @pytest.fixture
    def prepared(self, tmp_path: Path) -> Prepared:
        for speaker in ("Ann Lee", "NA", "日本, 語", "01", 'q"u*o{te', "plain"):
            for name in self.NAMES:
                write(tmp_path / "my voices" / "test" / speaker / name, seconds=0.1)
                write(tmp_path / "my voices" / "train" / speaker / "call 1" / name, seconds=0.1)
        return prepare(tmp_path / "my voices", "V", tmp_path / "database.yml", trials=500)

    def test_of_any_kind_are_read_by_plain_pyannote(
        self, prepared: Prepared, tmp_path: Path
    ) -> None:
        assert not prepared.left_out
        read = protocol(prepared)
        for files, part in ((read.train, "train"), (read.test, "test")):
            found = {}
            for file in files():
                path = file["audio"].resolve()
                found[path] = file["annotation"].labels()
                assert soundfile.info(os.fspath(file["audio"])).duration == 0.1
                assert file["annotated"].duration() == 0.1
            there = [p for p in (tmp_path / "my voices" / part).rglob("*") if p.is_file()]
            assert sorted(found) == sorted(path.resolve() for path in there)
            for path, (speaker,) in found.items():
                assert path.relative_to(tmp_path / "my voices" / part).parts[0] == speaker

    def test_of_any_kind_are_in_trials(self, prepared: Prepared) -> None:
        trials = list(protocol(prepared).test_trial())
        assert len(trials) == prepared.subsets["test"].trials == 500
        for trial in trials:
            one, other = trial["file1"], trial["file2"]
            assert one["audio"].is_file()
            assert other["audio"].is_file()
            assert trial["reference"] == (
                one["annotation"].labels() == other["annotation"].labels()
            )

    def test_links_go_with_what_they_were_for(self, tmp_path: Path) -> None:
        root = corpus(tmp_path / "V")
        for name in ("a b.wav", "c d.wav"):
            write(root / "id00" / name)
        prepared = prepare(root, database_yml=tmp_path / "database.yml")
        audio = prepared.lists / "audio"
        assert sorted(link.name for link in audio.rglob("*.wav")) == ["a%20b.wav", "c%20d.wav"]
        (audio / "id00" / "mine.wav").touch()
        (root / "id00" / "a b.wav").rename(root / "id00" / "ab.wav")
        prepare(root, database_yml=tmp_path / "database.yml")
        assert sorted(link.name for link in audio.rglob("*.wav")) == ["c%20d.wav", "mine.wav"]
        (root / "id00" / "c d.wav").rename(root / "id00" / "cd.wav")
        (audio / "id00" / "mine.wav").unlink()
        prepare(root, database_yml=tmp_path / "database.yml")
        assert not audio.exists()
        templates = yaml.safe_load((tmp_path / "database.yml").read_text())["Databases"]["V"]
        assert templates == ["V/{uri}.wav"]
