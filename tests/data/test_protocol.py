"""From a name to a protocol, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pyannote_ge2e.data.protocol import (
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
