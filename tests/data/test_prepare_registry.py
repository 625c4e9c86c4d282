"""`prepare`: the `database.yml` that it writes or extends, and the lists beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from made_corpora import contents, corpus, protocol, write

from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.errors import UserError


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
