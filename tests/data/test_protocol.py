"""From a name to a protocol, and what is said when there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyannote.database
import pytest

from pyannote_ge2e.data.protocol import (
    NoSubset,
    audio_path,
    check_database_yml,
    load_protocol,
    subset_files,
    train_on,
)
from pyannote_ge2e.errors import UserError


def test_protocol_knows_where_its_audio_is(tiny_protocol):
    protocol = load_protocol(tiny_protocol.name)
    assert all(Path(file["audio"]).is_file() for file in protocol.train())


def test_registry_is_loaded_besides_those_that_pyannote_finds(tiny_protocol, tmp_path: Path):
    other = tmp_path / "database.yml"
    other.write_text(
        tiny_protocol.database_yml.read_text().replace("Tiny", "Other").replace("X:", "Y:")
    )
    assert load_protocol("Other.SpeakerVerification.All", other).name.startswith("Other")
    assert load_protocol(tiny_protocol.name, other).name == tiny_protocol.name


def test_unknown_protocol_lists_the_known_ones_nearest_first(tiny_protocol):
    with pytest.raises(
        UserError, match=r"known ones are Tiny\.SpeakerVerification\.All, "
    ) as raised:
        load_protocol("Tiny.SpeakerVerification.Al")
    assert tiny_protocol.diarization in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_registry_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"nowhere\.yml"):
        load_protocol("A.B.C", tmp_path / "nowhere.yml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Protocols:\n  A: [1\n", "line 3"),
        ("- a list\n", "expected sections"),
        ("Protocols:\n  A: text\n", "Protocols > A"),
        ("Protocols:\n  A:\n    SpeakerVerification:\n      All: 3\n", None),
        ("Databases: 3\n", "mapping under Databases"),
        ("Databases: {Mine: }\n", "Databases > Mine, not None"),
        ("Databases: {Mine: [a.wav, 3]}\n", r"Databases > Mine, not \['a.wav', 3\]"),
    ],
)
def test_malformed_database_yml_is_named_with_what_is_wrong(tmp_path: Path, text, message):
    path = tmp_path / "database.yml"
    path.write_text(text)
    with pytest.raises(UserError, match=message or "Protocols > A > SpeakerVerification"):
        check_database_yml(path)


def test_malformed_default_registry_is_one_sentence_not_a_traceback(tmp_path: Path):
    path = tmp_path / "database.yml"
    path.write_text("Protocols:\n  A: [1\n")
    code = (
        "from pyannote_ge2e.data.protocol import load_protocol\n"
        "from pyannote_ge2e.errors import UserError\n"
        "try: load_protocol('A.B.C')\n"
        "except UserError as error: print('SAID', error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYANNOTE_DATABASE_CONFIG": str(path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PATH": "",
        },
        cwd=tmp_path.parent,
    )
    assert run.stdout.startswith("SAID"), run.stderr
    assert f"'{path}', line 3" in run.stdout


def test_registry_that_is_named_again_is_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
):
    """By the current folder, by PYANNOTE_DATABASE_CONFIG, and by `registry`."""
    path = tmp_path / "database.yml"
    path.write_text(
        "Protocols:\n  Once: {SpeakerVerification: {All: {scope: global}}}\n"
        "  X: {SpeakerVerification: {Both: {train: {}}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYANNOTE_DATABASE_CONFIG", config := f"{path};database.yml;nowhere.yml")
    # As before its first import.
    monkeypatch.setattr(pyannote, "database", pyannote.database)
    for name in ("pyannote.database", "pyannote.database.registry"):
        monkeypatch.delitem(sys.modules, name)
    for name in ("Once.SpeakerVerification.All", "X.SpeakerVerification.Both"):
        assert load_protocol(name, Path("database.yml")).name == name
    assert list(pyannote.database.registry.configs) == [path]
    assert not [warning for warning in recwarn if "existing" in str(warning.message)]
    assert os.environ["PYANNOTE_DATABASE_CONFIG"] == config


def test_task_that_pyannote_does_not_know_is_named_and_stops_nothing_else(
    tiny_protocol, tmp_path: Path
):
    path = tmp_path / "database.yml"
    path.write_text("Protocols:\n  Odd: {SpkVerification: {All: {train: {uri: a.lst}}}}\n")
    with pytest.raises(UserError, match=r"'SpkVerification'.*call it SpeakerVerification") as said:
        load_protocol("Odd.SpkVerification.All", path)
    assert f"'{path}'" in str(said.value)
    assert load_protocol(tiny_protocol.name).name == tiny_protocol.name


@pytest.mark.parametrize(
    ("key", "meant"), [("training", "train"), ("fit", "train or development or test")]
)
def test_subset_that_pyannote_does_not_know_is_named(tmp_path: Path, recwarn, key, meant):
    path = tmp_path / "database.yml"
    path.write_text(
        "Protocols:\n  Misnamed:\n    SpeakerVerification:\n"
        f"      {key.title()}: {{scope: global, {key}: {{uri: a.lst}}}}\n"
    )
    protocol = load_protocol(f"Misnamed.SpeakerVerification.{key.title()}", path)
    with pytest.raises(NoSubset) as said:
        list(subset_files(protocol, "train"))
    assert str(said.value).endswith(
        f"no train subset. '{path}' has '{key}' there, which pyannote ignores: call it {meant}."
    )
    assert not [warning for warning in recwarn if "Ignoring" in str(warning.message)]


def test_template_says_where_audio_is_and_missing_audio_is_named(tiny_protocol, tmp_path: Path):
    template = f"{tmp_path}/{{database}}/{{uri}}.wav"
    protocol = load_protocol(tiny_protocol.name, preprocessors={"audio": template})
    file = next(subset_files(protocol, "train"))
    path = tmp_path / "Tiny" / f"{file['uri']}.wav"
    with pytest.raises(UserError, match=f"There is no '{path}'"):
        audio_path(file)
    path.parent.mkdir(parents=True)
    path.touch()
    assert audio_path(file) == str(path)


def test_another_subset_can_take_the_place_of_training(tiny_protocol):
    protocol = train_on(load_protocol(tiny_protocol.name), "development")
    assert {file["uri"].split("/")[0] for file in protocol.train()} == {
        "dev0",
        "dev1",
        "dev2",
        "dev3",
    }


def test_missing_subset_is_named(tiny_protocol):
    with pytest.raises(UserError, match="has no test subset"):
        list(subset_files(load_protocol(tiny_protocol.name), "test"))
