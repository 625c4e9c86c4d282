"""`database.yml`: what is added to it, and what of it stays, which is all the rest."""

from __future__ import annotations

import io
import re
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from ruamel.yaml import YAML

from pyannote_ge2e.data.prepare.database_yml import check_free, register
from pyannote_ge2e.data.prepare.merging import put_list, put_mapping, remove
from pyannote_ge2e.errors import UserError

ALL = {"All": {"train": {"uri": "/x/lists/V/train.lst"}}}


def subsets(lists: Path, *names: str, trials: bool = False) -> dict[str, dict[str, str]]:
    keys = {"uri": "lst", "annotation": "utterances", **({"trial": "trial"} if trials else {})}
    return {
        name: {key: f"{lists}/{name}.{suffix}" for key, suffix in keys.items()} for name in names
    }


@pytest.fixture
def database_yml(tmp_path: Path) -> Path:
    return tmp_path / "database.yml"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    return tmp_path / "lists" / "V"


def write(path: Path, text: str) -> None:
    path.write_text(textwrap.dedent(text).lstrip())


def test_only_what_was_prepared_changes(database_yml: Path, lists: Path) -> None:
    write(
        database_yml,
        """
        # head
        Databases:
          # where V is
          V:  # mine
            - gone/{uri}.wav  # once

          # meetings
          AMI: ami/{uri}.wav

        Protocols:
          V:
            SpeakerVerification:
              # all of it
              All:  # today
                scope: global  # V's names are unique
                train:
                  uri: lists/V/train.lst
                  annotation: lists/V/train.rttm  # as of May
                  mood: moods.map
                # for tuning
                development:
                  uri: lists/V/development.lst
                  trial: lists/V/development.trial  # Vox1-O

              # by hand
              Some:
                train:
                  uri: some.lst
        # tail
        """,
    )
    before = database_yml.read_text()
    forgotten = register(
        database_yml, "V", ["v/{uri}.wav"], {"All": subsets(lists, "train")}, lists
    )
    after = database_yml.read_text()
    assert re.findall("#.*", after) == re.findall("#.*", before)
    content = yaml.safe_load(after)
    assert content["Databases"] == {
        "V": ["gone/{uri}.wav", "v/{uri}.wav"],  # "Some" may need the first
        "AMI": "ami/{uri}.wav",
    }
    entries = content["Protocols"]["V"]["SpeakerVerification"]
    assert entries["Some"] == {"train": {"uri": "some.lst"}}
    assert entries["All"] == {
        "scope": "global",
        "train": {
            "uri": f"{lists}/train.lst",
            "annotation": f"{lists}/train.utterances",
            "mood": "moods.map",
        },
    }
    gone = ["development.lst", "development.trial", "train.rttm"]
    assert forgotten == [lists / name for name in gone]


def test_comments_stand_where_they_stood(database_yml: Path, lists: Path) -> None:
    write(
        database_yml,
        """
        Protocols:
          V:
            SpeakerVerification:
              All:
                test:
                  uri: lists/V/test.lst

              # The other one.
              Other: {train: {uri: other.lst}}
        # The end.
        """,
    )
    protocols = {"All": subsets(lists, "test", trials=True), "More": subsets(lists, "test")}
    register(database_yml, "V", ["v/{uri}.wav"], protocols, lists)
    lines = [line.strip() for line in database_yml.read_text().splitlines()]
    assert lines[lines.index("# The other one.") + 1].startswith("Other:")
    assert lines.index(f"trial: {lists}/test.trial") < lines.index("# The other one.")
    assert lines.index("# The end.") > lines.index("More:")


def test_twice_is_as_good_as_once(database_yml: Path, lists: Path) -> None:
    for _ in range(2):
        register(database_yml, "V", ["v/{uri}.wav"], {"All": subsets(lists, "train")}, lists)
        contents = database_yml.read_bytes()
    register(database_yml, "V", ["v/{uri}.wav"], {"All": subsets(lists, "train")}, lists)
    assert database_yml.read_bytes() == contents


@pytest.mark.parametrize(
    "text",
    [
        "Databases:\r\n  A: a/{uri}.wav  # theirs\r\n# the end\r\n",
        "Databases:\n    # theirs\n    A: a/{uri}.wav\n\nProtocols:\n    A:\n        B: {C: {}}\n",
        "Databases:\n    A:\n        - a/{uri}.wav\n        - b/{uri}.wav  # both\n",
    ],
)
def test_lines_keep_their_ends_and_margins(database_yml: Path, lists: Path, text: str) -> None:
    database_yml.write_bytes(text.encode())
    database_yml.chmod(0o640)
    register(database_yml, "V", ["v/{uri}.wav"], {"All": subsets(lists, "train")}, lists)
    lines = database_yml.read_bytes().splitlines(keepends=True)
    assert [line for line in text.encode().splitlines(keepends=True) if line not in lines] == []
    assert len({line.endswith(b"\r\n") for line in lines}) == 1
    assert database_yml.stat().st_mode & 0o777 == 0o640


class TestTemplates:
    def after(self, database_yml: Path, lists: Path, protocols: dict = ALL) -> list[str]:
        register(database_yml, "V", ["new/{uri}.wav"], protocols, lists)
        return yaml.safe_load(database_yml.read_text())["Databases"]["V"]

    def test_of_the_same_folder_are_replaced(self, database_yml: Path, lists: Path) -> None:
        for part in ("", "dev/", "dev/aac/"):
            (database_yml.parent / "new" / part).mkdir(exist_ok=True, parents=True)
        old = ["new/{uri}.flac", "new/dev/{uri}.wav", f"{lists}/audio/{{uri}}.wav"]
        database_yml.write_text(yaml.safe_dump({"Databases": {"V": old}}))
        assert self.after(database_yml, lists) == ["new/{uri}.wav"]

    def test_of_a_folder_that_is_there_stay(self, database_yml: Path, lists: Path) -> None:
        (database_yml.parent / "theirs").mkdir()
        database_yml.write_text("Databases:\n  V: theirs/{uri}.wav\n")
        assert self.after(database_yml, lists) == ["theirs/{uri}.wav", "new/{uri}.wav"]

    def test_of_a_folder_that_moved_go(self, database_yml: Path, lists: Path) -> None:
        database_yml.write_text("Databases:\n  V: gone/{uri}.wav\n")
        assert self.after(database_yml, lists) == ["new/{uri}.wav"]

    def test_of_another_corpus_of_that_name_are_refused(
        self, database_yml: Path, lists: Path
    ) -> None:
        (database_yml.parent / "theirs").mkdir()
        content = {
            "Databases": {"V": "theirs/{uri}.wav"},
            "Protocols": {"V": {"SpeakerVerification": ALL}},
        }
        database_yml.write_text(yaml.safe_dump(content))
        before = database_yml.read_bytes()
        arguments = (database_yml, "V", lists, ["new/{uri}.wav"], ["All"])
        with pytest.raises(UserError, match=r"already has a database called 'V', in .*theirs"):
            check_free(*arguments)
        with pytest.raises(UserError, match="already has a database"):
            self.after(database_yml, lists)
        assert database_yml.read_bytes() == before
        check_free(*arguments[:-1], ["Another"])


class _Tree:
    """Random YAML that people might have written, and what it means."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.comments = 0
        lines, self.content = self._mapping(3, "")
        self.text = "\n".join([*lines, *self._above("")]) + "\n"

    def _chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def _comment(self, probability: float = 0.4) -> str:
        if not self._chance(probability):
            return ""
        self.comments += 1
        return f"  # {self.comments}"

    def _above(self, margin: str) -> list[str]:
        lines = []
        while self._chance(0.3):
            lines += [""] * self._chance(0.3)
            lines.append((margin if self._chance(0.8) else "") + self._comment(1.0).strip())
        return lines

    def _mapping(self, depth: int, margin: str) -> tuple[list[str], dict]:
        lines: list[str] = []
        content: dict = {}
        for key in self.rng.permutation(list("abcdefg"))[: self.rng.integers(1, 4)].tolist():
            lines += self._above(margin)
            kind = self.rng.integers(6) if depth else self.rng.integers(3, 6)
            if kind < 3:
                inside, content[key] = self._mapping(depth - 1, margin + "  ")
                lines += [f"{margin}{key}:{self._comment()}", *inside]
            elif kind == 3:
                content[key] = [f"i{n}" for n in range(self.rng.integers(1, 4))]
                lines.append(f"{margin}{key}:{self._comment()}")
                for item in content[key]:
                    lines += [*self._above(f"{margin}  "), f"{margin}  - {item}{self._comment()}"]
            else:
                text, content[key] = ("{x: y}", {"x": "y"}) if kind == 4 else ("v", "v")
                lines.append(f"{margin}{key}: {text}{self._comment()}")
        return lines, content


@pytest.mark.parametrize("seed", range(40))
def test_whatever_changes_no_comment_is_lost(seed: int) -> None:
    tree = _Tree(seed)
    writer = YAML()
    writer.indent(mapping=2, sequence=4, offset=2)
    content, expected = writer.load(tree.text), tree.content
    for _ in range(3):
        edited, known = content, expected
        key = "abcdefgh"[tree.rng.integers(8)]
        while isinstance(known.get(key), dict) and tree._chance(0.6):
            edited, known = edited[key], known[key]
            key = "abcdefgh"[tree.rng.integers(8)]
        if tree._chance(0.3) and len(known) > 1:
            remove(edited, [key])
            known.pop(key, None)
        elif tree._chance(0.5):
            put_list(edited, key, ["i1", "new"])
            known[key] = ["i1", "new"]
        else:
            put_mapping(edited, key, {"a": {"n": "1"}, "n": "2"})
            old = known[key] if isinstance(known.get(key), dict) else {}
            inner = old["a"] if isinstance(old.get("a"), dict) else {}
            known[key] = {**old, "a": {**inner, "n": "1"}, "n": "2"}
    written = io.StringIO()
    writer.dump(content, written)
    assert _sorted(yaml.safe_load(written.getvalue())) == _sorted(expected)
    assert Counter(re.findall(r"# \d+", written.getvalue())) == {
        f"# {number + 1}": 1 for number in range(tree.comments)
    }


def _sorted(content):
    if isinstance(content, dict):
        return {key: _sorted(value) for key, value in content.items()}
    return sorted(content) if isinstance(content, list) else content
