"""`prepare` several times at once: commands take turns, and who is killed blocks nobody."""

from __future__ import annotations

import signal
import time
from multiprocessing import get_context
from pathlib import Path

import yaml
from made_corpora import protocol
from prepare_processes import Process, corpus

from pyannote_ge2e.data.prepare.lock import alone
from pyannote_ge2e.data.prepare.run import prepare


class TestAtOnce:
    def test_different_corpora_are_both_there(self, tmp_path: Path) -> None:
        database_yml = tmp_path / "database.yml"
        database_yml.write_text("# mine\nDatabases:\n  Old: old/{uri}.wav  # and this\n")
        names = ("A", "B", "C", "D")
        roots = [corpus(tmp_path / name) for name in names]
        processes = [Process(r, n, database_yml) for r, n in zip(roots, names, strict=True)]
        for process in processes:
            while (said := process.tells()) != "done":
                assert said.startswith("Another command is writing")
            process.join()
        text = database_yml.read_text()
        assert text.count("# mine") == text.count("# and this") == 1
        assert set(yaml.safe_load(text)["Protocols"]) == set(names)
        for root, name in zip(roots, names, strict=True):
            prepared = prepare(root, name, database_yml)
            assert len(list(protocol(prepared).train())) == 4

    def test_the_second_of_one_corpus_waits_and_says_so(self, tmp_path: Path) -> None:
        root, database_yml = corpus(tmp_path / "V"), tmp_path / "database.yml"
        with alone(tmp_path / ".lists.V.lock"):
            process = Process(root, "V", database_yml)
            assert process.tells() == (
                f"Another command is writing '{tmp_path}/lists/V': waiting until it is done."
            )
            assert not database_yml.exists()
        assert process.tells() == "done"
        process.join()
        assert "V" in yaml.safe_load(database_yml.read_text())["Protocols"]
        assert {path.name for path in tmp_path.iterdir()} == {"V", "lists", "database.yml"}

    def test_who_is_killed_blocks_nobody(self, tmp_path: Path) -> None:
        root, database_yml = corpus(tmp_path / "V"), tmp_path / "database.yml"
        process = Process(root, "V", database_yml, waits=True)
        assert process.tells() == "measuring"
        (tmp_path / "lists" / ".V.new").mkdir(parents=True)  # half of what it would write
        process.kill(signal.SIGKILL)
        process.join()
        assert (tmp_path / ".lists.V.lock").exists()
        said: list[str] = []
        prepare(root, "V", database_yml, say=said.append)
        assert not said
        assert {path.name for path in tmp_path.iterdir()} == {"V", "lists", "database.yml"}
        assert [path.name for path in (tmp_path / "lists").iterdir()] == ["V"]

    def test_many_take_turns(self, tmp_path: Path) -> None:
        """Each adds one to a number in a file: none may read it before another has written it."""
        path = tmp_path / "number"
        path.write_text("0")

        def count() -> None:
            for _ in range(25):
                with alone(tmp_path / "lock"):
                    number = int(path.read_text()) + 1
                    time.sleep(0.001)
                    path.write_text(str(number))

        processes = [get_context("fork").Process(target=count) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert path.read_text() == "100"
        assert [path.name for path in tmp_path.iterdir()] == ["number"]
