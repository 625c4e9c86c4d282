from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications

from pyannote_ge2e.architectures import MelLSTM
from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.pretrained import load_pretrained
from pyannote_ge2e.experiment.train import train
from pyannote_ge2e.interop.exports.forms import stripped


@pytest.fixture
def pretrained(experiment: Path, tiny_protocol) -> Path:
    """Weights trained for one epoch."""
    folder = train(experiment, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    return folder / "weights" / "0001.pt"


def fine_tune(root: Path, protocol: str, weights: Path | str, to_epoch: int = 1) -> Path:
    return train(
        root, protocol, pretrained=str(weights), to_epoch=to_epoch, parallel=0, device="cpu"
    )


def test_fine_tuning_needs_no_config_and_starts_from_the_weights(
    pretrained: Path, tmp_path: Path, tiny_protocol
) -> None:
    folder = fine_tune(tmp_path / "tuned", tiny_protocol.diarization, pretrained)
    start = load_checkpoint(folder / "weights" / "0000.pt")
    source = load_checkpoint(pretrained)
    for name, value in source["state_dict"].items():
        assert torch.equal(start["state_dict"][name], value), name
    # w and b are kept too.
    assert start["pyannote.audio"]["loss"].keys() == {"loss_func.w", "loss_func.b"}
    for name, value in source["pyannote.audio"]["loss"].items():
        assert torch.equal(start["pyannote.audio"]["loss"][name], value), name
    # The softmax loss does not depend on b.
    assert source["pyannote.audio"]["loss"]["loss_func.w"].item() != 10.0
    assert yaml.safe_load((folder / "config.yml").read_text())["architecture"]["name"] == "MelLSTM"


def test_a_partial_config_is_laid_over_that_of_the_pretrained_model(
    pretrained: Path, tmp_path: Path, tiny_protocol
) -> None:
    root = tmp_path / "tuned"
    root.mkdir()
    (root / "config.yml").write_text(
        "task: {params: {num_classes_per_batch: 3}}\nscheduler: null\nfreeze: [lstm]\n"
    )
    folder = fine_tune(root, tiny_protocol.no_development, pretrained)
    config = yaml.safe_load((folder / "config.yml").read_text())
    assert config["task"]["params"]["num_classes_per_batch"] == 3
    assert config["task"]["params"]["duration"] == 0.5
    assert "scheduler" not in config
    start, end = (load_checkpoint(folder / "weights" / f"{k:04d}.pt") for k in (0, 1))
    for name, value in start["state_dict"].items():
        assert torch.equal(value, end["state_dict"][name]) == name.startswith(("lstm", "mel")), name


@pytest.mark.parametrize("own", [None, 15.0])
def test_w_goes_on_from_the_weights_unless_config_says_where_it_starts(
    experiment: Path, tmp_path: Path, tiny_protocol, own: float | None
) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["task"]["params"]["w"] = 20.0
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    source = train(experiment, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    weights = source / "weights" / "0001.pt"
    trained = load_checkpoint(weights)["pyannote.audio"]["loss"]["loss_func.w"].item()
    assert trained == pytest.approx(20.0, abs=0.1)
    assert trained != 20.0

    root = tmp_path / "tuned"
    root.mkdir()
    if own is not None:
        (root / "config.yml").write_text(f"task: {{params: {{w: {own}}}}}\n")
    folder = fine_tune(root, tiny_protocol.no_development, weights)
    start = load_checkpoint(folder / "weights" / "0000.pt")["pyannote.audio"]["loss"]
    assert start["loss_func.w"].item() == (trained if own is None else own)


def test_fine_tuning_resumes_like_any_run(pretrained: Path, tmp_path: Path, tiny_protocol) -> None:
    whole = fine_tune(tmp_path / "whole", tiny_protocol.no_development, pretrained, to_epoch=2)
    stopped = fine_tune(tmp_path / "stopped", tiny_protocol.no_development, pretrained)
    train(
        tmp_path / "stopped",
        tiny_protocol.no_development,
        from_epoch="last",
        to_epoch=2,
        parallel=0,
        device="cpu",
    )
    one, other = (load_checkpoint(f / "weights" / "0002.pt") for f in (whole, stopped))
    for name, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][name]), name


def test_stripped_weights_can_be_fine_tuned(
    pretrained: Path, tmp_path: Path, tiny_protocol
) -> None:
    checkpoint = torch.load(pretrained, weights_only=False)
    kept = ("pyannote.audio", "pytorch-lightning_version", "hyper_parameters", "state_dict")
    torch.save({key: checkpoint[key] for key in kept}, tmp_path / "stripped.bin")
    folder = fine_tune(tmp_path / "tuned", tiny_protocol.no_development, tmp_path / "stripped.bin")
    assert (folder / "weights" / "0001.pt").is_file()


def test_an_upstream_model_can_be_fine_tuned(tmp_path: Path, tiny_protocol) -> None:
    """As `pyannote/embedding` would: its checkpoint knows no configuration of ours."""
    from pyannote.audio.models.embedding import XVectorSincNet

    model = XVectorSincNet(dimension=8)
    model.specifications = Specifications(Problem.REPRESENTATION, Resolution.CHUNK, 0.5)
    checkpoint = {
        "pytorch-lightning_version": "2.6.0",
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "upstream.bin")
    root = tmp_path / "tuned"
    root.mkdir()
    (root / "config.yml").write_text(
        "task: {name: GE2E, params: {duration: 0.5, num_classes_per_batch: 3,"
        " num_chunks_per_class: 2, batches_per_epoch: 1}}"
    )
    folder = fine_tune(root, tiny_protocol.no_development, tmp_path / "upstream.bin")
    assert isinstance(Model.from_pretrained(folder / "weights" / "0001.pt"), XVectorSincNet)


def test_weights_of_another_architecture_are_refused(
    pretrained: Path, tmp_path: Path, tiny_protocol
) -> None:
    root = tmp_path / "tuned"
    root.mkdir()
    for architecture in ("{name: SincNetLSTM}", "{params: {dimension: 5}}"):
        (root / "config.yml").write_text(f"architecture: {architecture}")
        with pytest.raises(UserError, match="remove 'architecture'"):
            fine_tune(root, tiny_protocol.no_development, pretrained)
    assert [path.name for path in root.iterdir()] == ["config.yml"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("feature_extraction: {params: {sample_rate: 8000}}", "'sample_rate: 16000'"),
        ("architecture: {params: {mel: {hop: 0.02}}}", "'hop: 0.01'"),
        ("architecture: {params: {mel: {normalise: false}}}", "'normalise: True'"),
    ],
)
def test_weights_are_not_given_energies_that_they_do_not_know(
    pretrained: Path, tmp_path: Path, tiny_protocol, change: str, named: str
) -> None:
    """All of these would train: they fit the weights, and mean something else."""
    root = tmp_path / "tuned"
    root.mkdir()
    (root / "config.yml").write_text(change)
    with pytest.raises(UserError, match=f"{named}.*: remove it"):
        fine_tune(root, tiny_protocol.no_development, pretrained)
    assert [path.name for path in root.iterdir()] == ["config.yml"]


def test_both_of_two_networks_are_fine_tuned_and_hear_what_they_know(
    experiment: Path, tmp_path: Path, tiny_protocol
) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    lstm = {"hidden_size": 8, "num_layers": 1, "proj_size": 0}
    second = {"mel": {"window": 0.064}, "stem": {"channels": 2}, "lstm": lstm, "dimension": 4}
    config["architecture"]["params"]["second"] = second
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    folder = train(experiment, tiny_protocol.no_development, to_epoch=2, parallel=0, device="cpu")
    root = tmp_path / "tuned"
    tuned = fine_tune(root, tiny_protocol.diarization, folder / "weights" / "0002.pt")
    start, end = (
        load_checkpoint(tuned / "weights" / f"{epoch}.pt")["state_dict"]
        for epoch in ("0000", "0001")
    )
    source = load_checkpoint(folder / "weights" / "0002.pt")["state_dict"]
    for name, value in source.items():
        assert torch.equal(start[name], value), name
    for name in ("lstm.weight_ih_l0", "second.lstm.weight_ih_l0", "second.stem.entry.weight"):
        assert not torch.equal(end[name], start[name]), name

    half = tmp_path / "half"
    half.mkdir()
    (half / "config.yml").write_text("freeze: [lstm, stem]")
    frozen = fine_tune(half, tiny_protocol.diarization, folder / "weights" / "0002.pt")
    after = load_checkpoint(frozen / "weights" / "0001.pt")["state_dict"]
    for name, value in source.items():
        stays = "lstm" in name or "stem" in name or "mel" in name
        assert torch.equal(after[name], value) == stays, name

    other = tmp_path / "other"
    other.mkdir()
    (other / "config.yml").write_text("architecture: {params: {second: {mel: {window: 0.032}}}}")
    with pytest.raises(UserError, match=r"'second: window: 0.064'.*: remove it"):
        fine_tune(other, tiny_protocol.no_development, folder / "weights" / "0002.pt")


def test_weights_without_a_configuration_go_on_as_they_were_trained(
    tmp_path: Path, tiny_protocol
) -> None:
    """At their sample rate, on chunks of their length, with GE2E."""
    torch.manual_seed(0)
    lstm = {"hidden_size": 8, "num_layers": 1, "proj_size": 0}
    model = MelLSTM(sample_rate=8000, lstm=lstm, dimension=8)
    model.specifications = Specifications(Problem.REPRESENTATION, Resolution.CHUNK, 0.5)
    torch.save(stripped(model), tmp_path / "elsewhere.pt")
    folder = fine_tune(tmp_path / "tuned", tiny_protocol.no_development, tmp_path / "elsewhere.pt")
    config = yaml.safe_load((folder / "config.yml").read_text())
    assert config["feature_extraction"]["params"] == {"sample_rate": 8000}
    assert config["task"] == {"name": "GE2E", "params": {"duration": 0.5}}
    tuned = load_checkpoint(folder / "weights" / "0001.pt")
    assert tuned["hyper_parameters"]["sample_rate"] == 8000


@pytest.mark.parametrize("name", ["dvector", "harryvolek"])
def test_public_weights_that_nobody_may_hand_on_are_imported_first(name: str) -> None:
    with pytest.raises(UserError, match=f"--pretrained '{name}'.*emb import"):
        load_pretrained(name)


@pytest.mark.parametrize("name", ["missing.pt", "models/missing", "a b c", "gee"])
def test_unknown_weights_are_one_sentence(name: str) -> None:
    with pytest.raises(UserError, match="--pretrained"):
        load_pretrained(name)


def test_files_that_are_no_weights_are_one_sentence(pretrained: Path, tmp_path: Path) -> None:
    whole = pretrained.read_bytes()
    for content in (b"", b"not weights", whole[: len(whole) // 2]):
        (tmp_path / "broken.pt").write_bytes(content)
        with pytest.raises(UserError, match=r"broken\.pt"):
            load_pretrained(str(tmp_path / "broken.pt"))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple:
            return (shutil.rmtree, (str(tmp_path / "precious"),))

    (tmp_path / "precious").mkdir()
    torch.save({"pyannote.audio": Harm()}, tmp_path / "harm.pt")
    with pytest.raises(UserError, match=r"harm\.pt"):
        load_pretrained(str(tmp_path / "harm.pt"))
    assert (tmp_path / "precious").is_dir()


def test_a_folder_is_no_weights(pretrained: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        load_pretrained(str(pretrained.parent))
