from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
import yaml
from pyannote.audio import Model
from trained_weights import assert_identical, weights_of

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.layout import TrainFolder
from pyannote_ge2e.experiment.train import train


def edit(root: Path, section: str, **params: object) -> None:
    path = root / "config.yml"
    config = yaml.safe_load(path.read_text())
    config[section]["params"].update(params)
    path.write_text(yaml.safe_dump(config))


def test_weights_of_each_epoch_load_in_plain_pyannote_without_a_warning(
    experiment: Path, tiny_protocol
) -> None:
    folder = train(experiment, tiny_protocol.name, to_epoch=2, parallel=0, device="cpu")
    assert folder == experiment / "train" / f"{tiny_protocol.name}.train"
    assert TrainFolder(folder).epochs() == [1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Model.from_pretrained(folder / "weights" / "0002.pt")
    assert model.eval()(torch.randn(1, 1, 8000)).shape == (1, 8)
    assert len(model.specifications.classes) == 8
    assert list(folder.glob("events.out.tfevents.*"))
    assert not list(folder.rglob("*.tmp"))


def test_upstream_architectures_load_in_plain_pyannote_without_a_warning(
    experiment: Path, tiny_protocol
) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["architecture"] = {"name": "XVectorSincNet", "params": {"dimension": 8}}
    config["task"]["params"]["batches_per_epoch"] = 1
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    folder = train(experiment, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Model.from_pretrained(folder / "weights" / "0001.pt")
    assert type(model).__name__ == "XVectorSincNet"


@pytest.mark.parametrize(
    ("parallel", "scheduler"),
    [(0, "Step"), (2, "Step"), (0, "Halving"), (0, "OneCycleLR"), (0, "ReduceLROnPlateau")],
)
def test_resuming_equals_never_having_stopped(
    experiment: Path, tmp_path: Path, tiny_protocol, parallel: int, scheduler: str
) -> None:
    params = {
        "Step": {"every": 2, "gamma": 0.5},
        # Needs the length of an epoch, for which Lightning makes an iterator before it resumes.
        "Halving": {"every": 2, "warmup_steps": 2},
        # As long as the longer of the two runs, which the shorter one cannot know.
        "OneCycleLR": {"total_steps": 9},
        "ReduceLROnPlateau": {"patience": 0, "factor": 0.5},
    }[scheduler]
    config = yaml.safe_load((experiment / "config.yml").read_text())
    config["scheduler"] = {"name": scheduler, "params": {"learning_rate": 0.01, **params}}
    text = yaml.safe_dump(config)
    folders = []
    for name in ("whole", "stopped"):
        root = tmp_path / name
        root.mkdir()
        (root / "config.yml").write_text(text)
        stops = (3,) if name == "whole" else (1, 3)
        for stop in stops:
            folder = train(
                root,
                tiny_protocol.name,
                from_epoch=0 if stop == stops[0] else "last",
                to_epoch=stop,
                parallel=parallel,
                device="cpu",
            )
        folders.append(folder)
    assert_identical(*(weights_of(folder, 3) for folder in folders))


def test_the_seed_decides_the_weights(experiment: Path, tiny_protocol) -> None:
    weights = []
    for seed in (1, 1, 2):
        folder = train(
            experiment,
            tiny_protocol.no_development,
            to_epoch=1,
            parallel=0,
            seed=seed,
            device="cpu",
            force=True,
        )
        weights.append(weights_of(folder, 1))
    assert_identical(weights[0], weights[1])
    assert not torch.equal(weights[0]["projection.weight"], weights[2]["projection.weight"])
    assert len(list((experiment / "train").iterdir())) == 3


def test_existing_weights_are_never_lost(experiment: Path, tiny_protocol) -> None:
    options = {"parallel": 0, "device": "cpu"}
    folder = train(experiment, tiny_protocol.no_development, to_epoch=2, **options)
    before = {path: path.read_bytes() for path in folder.rglob("*.pt")}
    for wrong, words in [
        ({"to_epoch": 3}, "--from=last"),
        ({"from_epoch": 1, "to_epoch": 3}, "epoch 2"),
        ({"from_epoch": "last", "to_epoch": 2}, "--to above 2"),
        ({"from_epoch": "last", "to_epoch": 3, "seed": 5}, "--seed"),
        ({"from_epoch": "last", "to_epoch": 3, "force": True}, "--force"),
        ({"from_epoch": "last", "to_epoch": 3, "pretrained": "x.pt"}, "--pretrained"),
    ]:
        with pytest.raises(UserError, match=words):
            train(experiment, tiny_protocol.no_development, **options, **wrong)
    assert {path: path.read_bytes() for path in folder.rglob("*.pt")} == before


def test_going_on_with_other_speakers_is_refused(experiment: Path, tiny_protocol) -> None:
    options = {"parallel": 0, "device": "cpu"}
    train(experiment, tiny_protocol.no_development, to_epoch=1, **options)
    path = tiny_protocol.database_yml.parent / "Tiny" / "train.annotation.rttm"
    content = path.read_text()
    try:
        path.write_text(content.replace(" train7 ", " train6 "))
        with pytest.raises(UserError, match=r"8 speakers.* 7.*--pretrained"):
            train(
                experiment, tiny_protocol.no_development, from_epoch="last", to_epoch=2, **options
            )
    finally:
        path.write_text(content)
    train(experiment, tiny_protocol.no_development, from_epoch="last", to_epoch=2, **options)


def test_going_on_without_weights_is_refused(experiment: Path, tiny_protocol) -> None:
    with pytest.raises(UserError, match="no weights"):
        train(experiment, tiny_protocol.name, from_epoch="last", device="cpu")


def test_keep_bounds_the_disk(experiment: Path, tiny_protocol) -> None:
    folder = train(
        experiment, tiny_protocol.no_development, to_epoch=3, keep=2, parallel=0, device="cpu"
    )
    assert TrainFolder(folder).epochs() == [2, 3]


def test_nothing_is_written_when_the_input_is_wrong(experiment: Path, tiny_protocol) -> None:
    with pytest.raises(UserError, match=r"Tiny\.SpeakerVerification\.All"):
        train(experiment, "Tiny.SpeakerVerification.Al", device="cpu")
    edit(experiment, "task", duration=100.0, short="skip")
    with pytest.raises(UserError):
        train(experiment, tiny_protocol.name, device="cpu")
    assert [path.name for path in experiment.iterdir()] == ["config.yml"]


def test_a_diverging_loss_stops_training_and_keeps_the_weights(
    experiment: Path, tiny_protocol
) -> None:
    folder = train(experiment, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    config = yaml.safe_load((folder / "config.yml").read_text())
    config["optimizer"] = {"name": "SGD", "params": {"gradient_clip": 0, "weight_decay": 1e38}}
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="loss is"):
        train(
            experiment,
            tiny_protocol.no_development,
            to_epoch=5,
            parallel=0,
            device="cpu",
            force=True,
        )
    kept = next(path for path in (experiment / "train").iterdir() if path != folder)
    assert load_model(kept / "weights" / "0001.pt")


@pytest.mark.parametrize("development", [True, False])
def test_weights_that_are_no_numbers_do_not_take_the_place_of_good_ones(
    experiment: Path, tiny_protocol, development: bool
) -> None:
    """The last step of an epoch may diverge without any loss having told."""
    name = tiny_protocol.name if development else tiny_protocol.no_development
    edit(experiment, "task", batches_per_epoch=1)
    folder = train(experiment, name, to_epoch=1, parallel=0, device="cpu")
    checkpoint = torch.load(folder / "weights" / "0001.pt", weights_only=False)
    checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] = float("inf")
    torch.save(checkpoint, folder / "weights" / "0001.pt")
    before = (folder / "weights" / "0001.pt").read_bytes()
    with pytest.raises(UserError, match="diverged"):
        train(experiment, name, from_epoch="last", to_epoch=2, keep=1, parallel=0, device="cpu")
    assert [path.name for path in (folder / "weights").iterdir()] == ["0001.pt"]
    assert (folder / "weights" / "0001.pt").read_bytes() == before


def test_training_that_stops_early_names_the_weights_that_are_there(
    experiment: Path, tiny_protocol, capsys: pytest.CaptureFixture
) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    stop = {"monitor": "loss/train", "stopping_threshold": 100.0}
    config["callbacks"] = [{"name": "EarlyStopping", "params": stop}]
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    train(experiment, tiny_protocol.no_development, to_epoch=5, parallel=0, device="cpu")
    assert capsys.readouterr().out.rstrip().endswith("weights/0001.pt'.")


def test_a_disk_that_fills_up_keeps_the_weights_that_were_there(
    experiment: Path, tiny_protocol, files_no_larger_than
) -> None:
    folder = train(experiment, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    path = TrainFolder(folder).weights_of(1)
    before = path.read_bytes()
    with (
        files_no_larger_than(len(before) // 2),
        pytest.raises(UserError, match=r"Cannot write .*0002\.pt"),
    ):
        train(
            experiment,
            tiny_protocol.no_development,
            from_epoch="last",
            to_epoch=2,
            parallel=0,
            device="cpu",
        )
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["0001.pt"]


def test_training_on_a_diarization_protocol(experiment: Path, tiny_protocol) -> None:
    folder = train(experiment, tiny_protocol.diarization, to_epoch=1, parallel=0, device="cpu")
    assert TrainFolder(folder).epochs() == [1]


def test_another_subset_can_be_trained_on(experiment: Path, tiny_protocol) -> None:
    folder = train(
        experiment,
        tiny_protocol.name,
        subset="development",
        to_epoch=1,
        parallel=0,
        device="cpu",
    )
    assert folder.name.endswith(".development")
    specs = yaml.safe_load((folder / "specs.yml").read_text())
    assert specs["classes"] == [f"dev{k}" for k in range(4)]


def test_a_folder_that_cannot_be_written_is_one_sentence(experiment: Path, tiny_protocol) -> None:
    (experiment / "train").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="Cannot write"):
        train(experiment, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")


def test_going_on_with_the_weights_of_another_run_names_both_files(
    experiment: Path, tiny_protocol
) -> None:
    folder = train(experiment, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    config = yaml.safe_load((folder / "config.yml").read_text())
    config["architecture"]["params"]["dimension"] = 5
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match=r"0001\.pt' does not fit .*config\.yml"):
        train(
            experiment,
            tiny_protocol.no_development,
            from_epoch="last",
            to_epoch=2,
            parallel=0,
            device="cpu",
        )


def test_going_on_says_that_an_edited_config_waits_for_the_next_run(
    experiment: Path, tiny_protocol, capsys: pytest.CaptureFixture
) -> None:
    options = {"parallel": 0, "device": "cpu"}
    train(experiment, tiny_protocol.no_development, to_epoch=1, **options)
    train(experiment, tiny_protocol.no_development, from_epoch="last", to_epoch=2, **options)
    assert "was edited" not in capsys.readouterr().out
    edit(experiment, "scheduler", learning_rate=0.5)
    train(experiment, tiny_protocol.no_development, from_epoch="last", to_epoch=3, **options)
    assert "was edited" in capsys.readouterr().out
