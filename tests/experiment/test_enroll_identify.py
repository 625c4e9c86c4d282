"""Speakers that are remembered, in one file that is never half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from typer.testing import CliRunner, Result

from pyannote_ge2e import embed, enroll, identify
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.verification.decision import Decision
from pyannote_ge2e.experiment.verification.enroll import remove_speaker, speakers
from pyannote_ge2e.experiment.verification.store import read_store
from pyannote_ge2e.metrics import ErrorRates, Figure


def run(*words: object) -> Result:
    return CliRunner().invoke(
        app, ["emb", *map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


@pytest.fixture(scope="module")
def files(voices: Path) -> list[list[Path]]:
    """Recordings of each speaker."""
    folders = sorted(each for each in voices.iterdir() if each.is_dir())
    return [sorted(folder.rglob("*.wav")) for folder in folders]


@pytest.fixture(scope="module")
def filled(files, small_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three speakers by two recordings each: to read, not to change."""
    store = tmp_path_factory.mktemp("store") / "speakers.safetensors"
    for name, recordings in zip(("alice", "bob", "carol"), files, strict=True):
        enroll(name, recordings[:2], store=store, model=small_weights, device="cpu")
    return store


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "speakers.safetensors"))


def test_means_are_those_of_the_unit_embeddings(store: Path, files, small_weights: Path) -> None:
    voices = read_store(store)
    assert voices.names == ["alice", "bob", "carol"]
    assert voices.counts.tolist() == [2, 2, 2]
    wanted = embed(files[1][:2], model=small_weights, device="cpu").embeddings.mean(axis=0)
    np.testing.assert_allclose(voices.means[1], wanted, atol=1e-6)


def test_more_recordings_are_added_or_replace_what_there_was(
    store: Path, files, small_weights: Path
) -> None:
    every = embed(files[1], model=small_weights, device="cpu").embeddings
    found = enroll("bob", files[1][2], store=store, device="cpu")
    assert (found.recordings, found.speakers) == (3, 3)
    np.testing.assert_allclose(read_store(store).means[1], every.mean(axis=0), atol=1e-6)
    assert enroll("bob", files[1][2], store=store, device="cpu", replace=True).recordings == 1
    np.testing.assert_allclose(read_store(store).means[1], every[2], atol=1e-6)
    assert read_store(store).counts.tolist() == [2, 1, 2]


def test_a_recording_that_was_enrolled_is_recognised(store: Path, files) -> None:
    for name, recordings in zip(("alice", "bob", "carol"), files, strict=True):
        enroll(name, recordings[0], store=store, device="cpu", replace=True)
    for name, recordings in zip(("alice", "bob", "carol"), files, strict=True):
        found = identify(recordings[0], store=store, device="cpu", threshold=0.9)
        assert found.name == name
        assert found.candidates[0].score == pytest.approx(1, abs=1e-4)
    scores = [each.score for each in found.candidates]
    assert scores == sorted(scores, reverse=True)
    assert {each.name for each in found.candidates} == {"alice", "bob", "carol"}


def test_below_the_threshold_nobody_is_named(store: Path, files) -> None:
    words = ["identify", files[0][2], "--store", store]
    unknown = run(*words, "--threshold", "1.01")
    assert unknown.exit_code == 0, unknown.output
    assert unknown.stdout.startswith("unknown: nobody reaches the threshold, 1.010")
    answer = json.loads(run(*words, "--threshold", "-1", "--top", "2", "--json").stdout)
    assert len(answer["candidates"]) == 2
    assert answer["name"] == answer["candidates"][0]["name"]
    without = run(*words)
    assert "emb calibrate" in without.stdout
    assert "2 recordings" in without.stdout


def test_a_calibration_of_other_windows_than_the_stores_is_refused(
    store: Path, files, tmp_path: Path
) -> None:
    few = Figure(0.1, 0.0, 0.2)
    decision = Decision(
        model=read_store(store).digest,
        windows={"duration": 0.5, "step": 0.25},
        threshold=0.5,
        scale=1.0,
        offset=0.0,
        prior=0.5,
        equal_error_rate=few,
        rates=[ErrorRates(0.5, few, few)],
        level=0.95,
        method="trial",
        protocol="Tiny.SpeakerVerification.All",
        subset="development",
        trials=10,
        targets=5,
        speakers=None,
    )
    decision.write(tmp_path / "calibration.yml")
    said = r"windows of 1 s, a step of 0\.25 .* was calibrated with 0\.5 s, a step of 0\.25"
    with pytest.raises(UserError, match=said):
        identify(files[0][2], store=store, calibration=tmp_path / "calibration.yml", device="cpu")


def test_speakers_are_listed_and_forgotten(store: Path) -> None:
    assert run("speakers", "--store", store).stdout.splitlines() == [
        "alice  2 recordings",
        "bob    2 recordings",
        "carol  2 recordings",
    ]
    left = run("speakers", "--store", store, "--remove", "bob")
    assert [line.split()[0] for line in left.stdout.splitlines()] == ["alice", "carol"]
    for name in ("alice", "carol"):
        remove_speaker(name, store)
    assert speakers(store) == {}
    assert "Nobody is enrolled" in run("speakers", "--store", store).stdout


def test_unknown_names_bring_the_nearest_ones(store: Path) -> None:
    result = run("speakers", "--store", store, "--remove", "alise")
    assert result.exit_code == 1
    assert result.stderr == "error: Nobody was enrolled as 'alise'. Did you mean 'alice'?\n"
    assert len(speakers(store)) == 3


def test_another_models_store_is_refused_and_left_alone(
    store: Path, files, small_weights: Path, tmp_path: Path
) -> None:
    checkpoint = torch.load(small_weights, weights_only=False)
    checkpoint["state_dict"]["projection.bias"] += 1
    torch.save(checkpoint, tmp_path / "other.pt")
    before = store.read_bytes()
    for act in (enroll, lambda name, *rest, **options: identify(*rest, **options)):
        with pytest.raises(UserError, match="cannot be compared"):
            act("dora", files[0][0], store=store, model=tmp_path / "other.pt", device="cpu")
    assert store.read_bytes() == before


def test_the_same_weights_in_another_file_are_the_same_model(
    store: Path, files, small_weights: Path, tmp_path: Path
) -> None:
    exported = tmp_path / "small.safetensors"
    words = ["export", small_weights, "--to", "safetensors", "-o", exported]
    assert run(*words).exit_code == 0
    found = identify(files[0][2], store=store, model=exported, device="cpu")
    assert len(found.candidates) == 3


def test_damaged_newer_and_foreign_stores_are_named(store: Path, files, tmp_path: Path) -> None:
    content = store.read_bytes()
    with safe_open(store, "numpy") as file:
        said = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    flipped = bytearray(content)
    flipped[-3] ^= 1
    for damaged in (content[:-7], content[:20], b"", bytes(flipped)):
        store.write_bytes(damaged)
        with pytest.raises(UserError, match="damaged"):
            speakers(store)
        with pytest.raises(UserError, match="damaged"):
            enroll("dora", files[0][0], store=store, device="cpu")
        assert store.read_bytes() == damaged
    save_file(tensors, store, {**said, "format": "99"})
    with pytest.raises(UserError, match="newer version"):
        speakers(store)
    save_file(tensors, store, {"format": "pt"})
    with pytest.raises(UserError, match="not a store of speakers"):
        speakers(store)
    with pytest.raises(UserError, match="There is no store"):
        identify(files[0][0], store=tmp_path / "gone.safetensors")


def test_a_bad_recording_or_name_leaves_the_store_as_it_was(
    store: Path, files, tmp_path: Path
) -> None:
    import soundfile

    before = store.read_bytes()
    soundfile.write(tmp_path / "silent.wav", np.zeros(32000), 16000)
    with pytest.raises(UserError, match=r"silent.wav' is silent"):
        enroll("bob", [files[1][2], tmp_path / "silent.wav"], store=store, device="cpu")
    with pytest.raises(UserError, match="is no name"):
        enroll(" ", files[1][2], store=store, device="cpu")
    assert store.read_bytes() == before
    assert sorted(path.name for path in store.parent.iterdir()) == [
        "silent.wav",
        "speakers.safetensors",
    ]


def test_what_is_no_place_for_a_store_is_named(files, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a folder: give the file"):
        enroll("dora", files[0][0], store=tmp_path, device="cpu")
    with pytest.raises(UserError, match="choose another with --store"):
        enroll("dora", files[0][0], store=tmp_path / "file" / "x.safetensors", device="cpu")
    with pytest.raises(UserError, match="threshold must be a number"):
        identify(files[0][0], store=tmp_path / "gone", threshold=float("nan"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_store_stays_as_private_as_it_was_and_a_link_a_link(
    store: Path, files, tmp_path: Path
) -> None:
    store.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(store)
    enroll("dora", files[0][0], store=link, device="cpu")
    assert link.is_symlink()
    assert len(speakers(store)) == 4
    assert store.stat().st_mode & 0o777 == 0o600


def test_processes_that_enrol_at_once_lose_nobody(store: Path, files, small_weights: Path) -> None:
    code = (
        "import sys\n"
        "from pyannote_ge2e.experiment.verification.store import update_store\n"
        "import numpy as np\n"
        "for number in range(15):\n"
        "    name = f'{sys.argv[2]}{number}'\n"
        "    update_store(__import__('pathlib').Path(sys.argv[1]), lambda voices: "
        "voices.with_recordings(name, np.ones((1, 12)) / 12**.5))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, store, name]) for name in ("x", "y")]
    assert [process.wait() for process in running] == [0, 0]
    assert len(speakers(store)) == 3 + 30
