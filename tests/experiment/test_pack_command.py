"""`emb pack`, and `emb train --pack`: the same weights from a pack as from the files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner, Result

from pyannote_ge2e import GE2E
from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.cli.emb import emb
from pyannote_ge2e.data.audio.pack.read import Pack
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.pack import pack
from pyannote_ge2e.experiment.train import train


def run(*words: object) -> Result:
    return CliRunner().invoke(emb, [str(word) for word in words], env={"COLUMNS": "200"})


def shown(result: Result) -> str:
    """The screen, as one line."""
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, tiny_protocol) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "pack"
    pack(tiny_protocol.name, folder, parallel=2)
    return folder


def test_the_command_packs_goes_on_and_verifies(tmp_path: Path, tiny_protocol) -> None:
    folder = tmp_path / "pack"
    words = (tiny_protocol.name, folder, "--registry", tiny_protocol.database_yml)
    result = run("pack", *words, "--shard-size", "1MB")
    assert result.exit_code == 0, result.output
    assert f"'{folder}' is complete: 32 utterances" in shown(result)
    assert f"Train from it with --pack {folder}." in shown(result)
    assert len(list(folder.glob("*.pcm"))) == 2
    assert f"'{folder}' is up to date: 32 utterances" in shown(run("pack", *words))
    result = run("pack", *words, "--verify")
    assert f"'{folder}' is as it was written: 32 utterances" in shown(result)

    shard = folder / "00001.pcm"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    result = run("pack", *words, "--verify")
    assert result.exit_code == 1
    assert f"Damaged in '{folder}': 1 of 32 utterances, 'train" in shown(result)
    assert "of Tiny the first. Remove '00001.pcm' from it and run" in shown(result)
    shard.unlink()
    assert "read now" in shown(run("pack", *words))
    assert run("pack", *words, "--verify").exit_code == 0


def test_a_meta_protocol_and_another_subset_are_packed(tmp_path: Path, tiny_protocol) -> None:
    pack(tiny_protocol.combined, tmp_path / "both")
    assert set(Pack(tmp_path / "both").table.names.databases) == {"Tiny", "Small"}
    words = ("pack", tiny_protocol.name, tmp_path / "dev")
    assert run(*words, "--subset", "dev").exit_code == 0
    assert len(Pack(tmp_path / "dev").samples) == 12
    for options in ((), ("--subset", "dev"), ("--sample-rate", 16000)):
        result = run(*words, *options, "--verify")
        assert f"'{tmp_path / 'dev'}' is as it was written: 12 utterances" in shown(result)


@pytest.mark.parametrize(
    ("option", "value", "refusal"),
    [
        ("--subset", "dev", "is the pack of the train subset, not of development."),
        ("--subset", "test", "is the pack of the train subset, not of test."),
        ("--sample-rate", 8000, "is a pack at 16000 Hz, not at 8000 Hz."),
    ],
)
def test_another_pack_than_was_asked_for_is_not_verified(
    packed: Path, tiny_protocol, option: str, value: object, refusal: str
) -> None:
    result = run("pack", tiny_protocol.name, packed, option, value, "--verify")
    assert result.exit_code == 1
    assert f"error: '{packed}' {refusal}" in shown(result)


@pytest.mark.parametrize("size", ["2XB", "10", "-1GB", "GB"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, tiny_protocol, size: str) -> None:
    result = run("pack", tiny_protocol.name, tmp_path / "pack", "--shard-size", size)
    assert result.exit_code == 2
    assert "is not a size of 1MB or more, such as 500MB or 2GB" in result.output


def test_training_from_a_pack_gives_the_weights_of_training_from_the_files(
    experiment: Path, tmp_path: Path, packed: Path, tiny_protocol
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.yml").write_text((experiment / "config.yml").read_text())
    folders = [
        train(experiment, tiny_protocol.name, to_epoch=2, parallel=0, device="cpu"),
        train(other, tiny_protocol.name, to_epoch=2, parallel=2, device="cpu", pack=packed),
    ]
    files, memory = (load_checkpoint(f / "weights" / "0002.pt")["state_dict"] for f in folders)
    assert files.keys() == memory.keys()
    assert all(torch.equal(files[name], memory[name]) for name in files)


def test_a_pack_that_does_not_fit_is_refused_before_anything_is_written(
    experiment: Path, tmp_path: Path, packed: Path, tiny_protocol
) -> None:
    words = ("--registry", tiny_protocol.database_yml, "--cpu", "--to", 1)
    result = run("train", experiment, tiny_protocol.name, *words, "--pack", tmp_path / "none")
    assert result.exit_code == 1
    assert f"There is no pack '{tmp_path / 'none'}'" in shown(result)

    result = run("train", experiment, tiny_protocol.combined, *words, "--pack", packed)
    assert result.exit_code == 1
    assert f"The pack '{packed}' lacks 'other0/0', and 5 more" in shown(result)
    assert f"'pyannote-audio emb pack {tiny_protocol.name} {packed}'" in shown(result)

    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["feature_extraction"] = {"name": "RawAudio", "params": {"sample_rate": 8000}}
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    result = run("train", experiment, tiny_protocol.name, *words, "--pack", packed)
    assert result.exit_code == 1
    assert "is at 16000 Hz and the model works at 8000 Hz" in shown(result)
    assert not (experiment / "train").exists()


def test_a_pack_that_is_not_complete_is_refused_with_the_command_that_finishes_it(
    experiment: Path, tmp_path: Path, packed: Path, tiny_protocol
) -> None:
    unfinished = tmp_path / "unfinished pack"
    packed.rename(unfinished)
    (unfinished / "pack.json").rename(tmp_path / "pack.json")
    try:
        words = ("--registry", tiny_protocol.database_yml, "--cpu", "--pack", unfinished)
        result = run("train", experiment, tiny_protocol.name, *words)
    finally:
        (tmp_path / "pack.json").rename(unfinished / "pack.json")
        unfinished.rename(packed)
    assert result.exit_code == 1
    assert f"The pack '{unfinished}' is not complete (32 of 32 utterances)" in shown(result)
    assert f"'pyannote-audio emb pack {tiny_protocol.name} '{unfinished}''" in shown(result)


def test_utterances_that_could_not_be_packed_are_told_when_training_starts(
    tmp_path: Path, tiny_protocol, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "pack"
    audio = tiny_protocol.database_yml.parent / "Tiny" / "train0" / "0.wav"
    content, times = audio.read_bytes(), (audio.stat().st_atime_ns, audio.stat().st_mtime_ns)
    audio.write_bytes(content[:1000])
    try:
        result = run("pack", tiny_protocol.name, folder)
        task = GE2E(load_protocol(tiny_protocol.name), pack=folder, num_classes_per_batch=4)
        task.prepare_data()
    finally:
        audio.write_bytes(content)
        os.utime(audio, ns=times)
    assert "Left out, and training goes without (1, all of them in" in shown(result)
    assert "train0/0: '" in shown(result)
    assert "is truncated" in shown(result)
    assert "1 of 32 files could not be packed and are left out" in caplog.text
    assert task.index is not None
    assert np.bincount(task.index.speaker).tolist() == [3, *[4] * 7]


def test_a_pack_and_stored_features_exclude_each_other(
    tmp_path: Path, packed: Path, tiny_protocol
) -> None:
    with pytest.raises(UserError, match="pack: it holds audio"):
        GE2E(
            load_protocol(tiny_protocol.name),
            pack=packed,
            features=StoredFeatures(str(tmp_path), dimension=40),
        )
