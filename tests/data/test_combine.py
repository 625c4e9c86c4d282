"""`emb combine`: several protocols become one, to train on together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pyannote_ge2e.cli.app import app
from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.prepare.combine import combine
from pyannote_ge2e.data.prepare.run import prepare
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.data.synthetic.corpus import make_corpus
from pyannote_ge2e.errors import UserError

COMMENTS = "# mine\nDatabases:\n  Old: old/{uri}.wav  # and this\n\n# at the end\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora of which the speakers have the same names."""
    folder = tmp_path_factory.mktemp("combined")
    (folder / "database.yml").write_text(COMMENTS)
    for seed, name in enumerate(("CombinedA", "CombinedB")):
        corpus = make_corpus(folder / name, speakers=6, utterances=2, seed=seed)
        prepare(corpus, database_yml=folder / "database.yml")
    return folder / "database.yml"


@pytest.fixture
def database_yml(prepared: Path, tmp_path: Path) -> Path:
    path = tmp_path / "database.yml"
    text = prepared.read_text()
    for name in ("CombinedA", "CombinedB"):  # beside the other file
        text = text.replace(f"- {name}/", f"- {prepared.parent}/{name}/")
    path.write_text(text)
    return path


A, B = (f"{name}.SpeakerVerification.All" for name in ("CombinedA", "CombinedB"))


def combined(database_yml: Path, name: str = "Both") -> dict:
    content = yaml.safe_load(database_yml.read_text())
    return content["Protocols"]["X"]["SpeakerVerification"][name]


def test_training_sees_the_speakers_of_all(database_yml: Path) -> None:
    name = combine("CombinedTraining", [A, B, f"{A}.development"], database_yml)
    protocol = load_protocol(name, database_yml)
    index = build_index(protocol)
    assert {speaker.split("|")[0] for speaker in index.speakers} == {"CombinedA", "CombinedB"}
    assert len(index.speakers) == 2 * 2
    assert {file["database"] for file in protocol.development()} == {"CombinedA"}


def test_parts_are_training_subsets_unless_they_say_another(database_yml: Path) -> None:
    combine("Both", [A, f"{B}.train", f"{B}.development", f"{A}.test"], database_yml)
    assert combined(database_yml) == {
        "train": {A: ["train"], B: ["train"]},
        "development": {B: ["development"]},
        "test": {A: ["test"]},
    }


def test_all_else_stays(database_yml: Path) -> None:
    before = database_yml.read_text()
    combine("Both", [A, B], database_yml)
    after = database_yml.read_text()
    assert re.findall("#.*", after) == re.findall("#.*", before)
    content = yaml.safe_load(after)
    del content["Protocols"]["X"]
    assert content == yaml.safe_load(before)
    combine("Both", [A, B], database_yml)
    assert database_yml.read_text() == after


def test_another_combination_of_that_name_is_replaced_by_force_alone(database_yml: Path) -> None:
    combine("Both", [A, B, f"{A}.development"], database_yml)
    before = database_yml.read_bytes()
    with pytest.raises(UserError, match=r"already has another 'X\.Speaker.*--force"):
        combine("Both", [A], database_yml)
    assert database_yml.read_bytes() == before
    combine("Both", [A], database_yml, force=True)
    assert combined(database_yml) == {"train": {A: ["train"]}}


@pytest.mark.parametrize(
    ("name", "parts", "message"),
    [
        ("Both", [A, "CombinedC.SpeakerVerification.All"], rf"not declare 'CombinedC.*has .*{A}"),
        ("Both", [A, "CombinedB"], r"does not declare 'CombinedB'; it has"),
        ("Both", [f"{A}.dev"], rf"does not declare '{A}\.dev'"),
        ("Both", ["X.SpeakerVerification.Both"], r"does not declare 'X\."),
        ("a.b", [A, B], "'a.b' cannot name a protocol"),
    ],
)
def test_what_is_not_there_is_named(
    database_yml: Path, name: str, parts: list[str], message: str
) -> None:
    before = database_yml.read_bytes()
    with pytest.raises(UserError, match=message):
        combine(name, parts, database_yml)
    assert database_yml.read_bytes() == before


def test_a_subset_that_is_not_there_is_named(database_yml: Path) -> None:
    combine("Both", [A], database_yml)
    with pytest.raises(UserError, match="Both has no development subset: it has train"):
        combine("More", ["X.SpeakerVerification.Both.development"], database_yml)


def test_a_registry_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No such registry.*emb prepare"):
        combine("Both", [A], tmp_path / "database.yml")
    assert not list(tmp_path.iterdir())


def test_what_is_no_declaration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "database.yml"
    path.write_text("Protocols:\n  A:\n    SpeakerVerification: [All]\n")
    with pytest.raises(UserError, match="line 3: 'SpeakerVerification' should hold names"):
        combine("Both", ["A.SpeakerVerification.All"], path)


def test_the_command_says_what_to_type_next(database_yml: Path) -> None:
    words = ["emb", "combine", "Both", A, f"{B}.train", "--registry", str(database_yml)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.stdout == "pyannote-audio emb train models/GE2E X.SpeakerVerification.Both\n"
    assert combined(database_yml) == {"train": {A: ["train"], B: ["train"]}}
    result = CliRunner().invoke(app, ["emb", "combine", "More", "A.B.C", *words[-2:]])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: '{database_yml}' does not declare 'A.B.C'")
