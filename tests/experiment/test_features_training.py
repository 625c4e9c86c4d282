"""Training from stored log-mel energies is training from audio."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pyannote.audio import Inference, Model

from pyannote_ge2e.architectures.loading import load_checkpoint
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.apply import apply
from pyannote_ge2e.experiment.evaluate import evaluate
from pyannote_ge2e.experiment.features import features
from pyannote_ge2e.experiment.layout import TrainFolder, read_yaml
from pyannote_ge2e.experiment.train import train
from pyannote_ge2e.experiment.validate import validate

CONFIG = {
    "architecture": {
        "name": "MelLSTM",
        "params": {
            "mel": {"num_mels": 24, "stack": 3},
            "lstm": {"hidden_size": 8, "num_layers": 2, "proj_size": 0, "dropout": 0.2},
            "pooling": "stats",
            "dimension": 8,
        },
    },
    "task": {
        "name": "GE2E",
        "params": {
            "duration": 0.6,
            "min_duration": 0.4,
            "step": 0.5,
            "num_classes_per_batch": 4,
            "num_chunks_per_class": 3,
            "batches_per_epoch": 4,
        },
    },
    "optimizer": {"name": "Adam", "params": {"lr": 0.01}},
}


def experiment(root: Path, **sections) -> Path:
    """Folder of an experiment whose config.yml has other sections."""
    root.mkdir(parents=True)
    config = {key: value for key, value in {**CONFIG, **sections}.items() if value is not None}
    (root / "config.yml").write_text(yaml.safe_dump(config))
    return root


def precomputed(path: Path, **params) -> dict:
    return {"name": "Precomputed", "params": {"path": str(path), **params}}


@pytest.fixture(scope="module")
def stored(tmp_path_factory, tiny_protocol) -> Path:
    """Log-mel energies of the tiny protocol, in float32."""
    root = tmp_path_factory.mktemp("features")
    return features(
        experiment(root / "experiment"), tiny_protocol.name, root / "stored", dtype="float32"
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory, tiny_protocol, stored) -> tuple[Path, Path]:
    """Runs of two epochs: from audio cut on the frame grid, and from stored features."""
    root = tmp_path_factory.mktemp("both")
    task = {**CONFIG["task"], "params": {**CONFIG["task"]["params"], "frame_grid": True}}
    runs = []
    for folder in (
        experiment(root / "audio", task=task),
        experiment(root / "features", feature_extraction=precomputed(stored)),
    ):
        runs.append(train(folder, tiny_protocol.name, to_epoch=2, parallel=0, device="cpu"))
    return runs[0], runs[1]


def losses(run: Path) -> list[float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run)).Reload()
    return [event.value for event in events.Scalars("loss/train")]


def test_losses_and_weights_are_those_of_training_from_audio(both):
    audio, features = both
    np.testing.assert_allclose(losses(features), losses(audio), rtol=1e-5)
    assert len(losses(audio)) == 2
    checkpoints = [load_checkpoint(TrainFolder(run).weights_of(2)) for run in both]
    first, second = (checkpoint["state_dict"] for checkpoint in checkpoints)
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-4, rtol=1e-4, msg=name)
    for checkpoint in checkpoints:
        assert checkpoint["pyannote.audio"]["specifications"].duration == 0.6
        assert checkpoint["pyannote.audio"]["specifications"].min_duration == 0.4


def test_weights_learned_from_features_take_audio_in_plain_pyannote(both, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).normal(size=16000), 16000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Model.from_pretrained(TrainFolder(both[1]).weights_of(2))
    assert model.hparams["mel"]["num_mels"] == 24
    embedding = Inference(model.eval(), window="whole")(tmp_path / "a.wav")
    assert embedding.shape == (8,)
    other = Inference(Model.from_pretrained(TrainFolder(both[0]).weights_of(2)).eval(), "whole")
    np.testing.assert_allclose(embedding, other(tmp_path / "a.wav"), atol=1e-3)


@pytest.fixture(scope="module")
def on_grid(tmp_path_factory) -> str:
    """A protocol whose files last whole hundredths of a second: 4 speakers x 3, and trials."""
    import soundfile
    from pyannote.database import registry

    root = tmp_path_factory.mktemp("grid")
    rng = np.random.default_rng(1)
    uris = [f"s{speaker}_{k}" for speaker in range(4) for k in range(3)]
    for uri in uris:
        time = np.arange(round(rng.integers(70, 160)) * 160) / 16000
        pitch = 100 * 1.2 ** int(uri[1])
        waveform = 0.1 * np.sign(np.sin(2 * np.pi * pitch * time)) + rng.normal(0, 0.02, len(time))
        soundfile.write(root / f"{uri}.wav", waveform, 16000)
    (root / "all.lst").write_text("".join(f"{uri}\n" for uri in uris))
    (root / "all.trial").write_text(
        "".join(f"{int(a[:2] == b[:2])} {a} {b}\n" for i, a in enumerate(uris) for b in uris[:i])
    )
    lists = {"uri": str(root / "all.lst"), "trial": str(root / "all.trial")}
    content = {
        "Databases": {"Grid": str(root / "{uri}.wav")},
        "Protocols": {"Grid": {"SpeakerVerification": {"All": {"development": lists}}}},
    }
    (root / "database.yml").write_text(yaml.safe_dump(content))
    registry.load_database(root / "database.yml")
    return "Grid.SpeakerVerification.All"


def test_error_rate_embeddings_and_scores_are_those_of_audio(both, on_grid, stored, tmp_path):
    audio, run = both
    features(run, on_grid, stored, subset="development", dtype="float32", parallel=1)
    # The same weights, so that nothing but what is read differs.
    for epoch in (1, 2):
        weights = TrainFolder(audio).weights_of(epoch)
        weights.write_bytes(TrainFolder(run).weights_of(epoch).read_bytes())
    validated = [validate(each, on_grid, parallel=0, device="cpu") for each in both]
    first, second = (read_yaml(folder / "epochs.yml")["epochs"] for folder in validated)
    assert [first[epoch]["equal_error_rate"] for epoch in (1, 2)] == [
        second[epoch]["equal_error_rate"] for epoch in (1, 2)
    ]

    scores = []
    for each, folder in zip(both, ("audio", "features"), strict=True):
        out = evaluate(
            str(each),
            on_grid,
            subset="development",
            output=tmp_path / folder,
            parallel=0,
            device="cpu",
            resamples=10,
        )
        lines = (out / "scores.txt").read_text().splitlines()
        scores.append([float(line.split()[-1]) for line in lines])
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)
    assert "LogMel, 24 numbers" in (tmp_path / "features" / "report.html").read_text()

    applied = [
        apply(
            folder, on_grid, subset="development", from_epoch=2, parallel=0, device="cpu", step=0.5
        )
        for folder in validated
    ]
    metadata = [read_yaml(folder / "metadata.yml") for folder in applied]
    assert (
        metadata[0] == metadata[1] == {"start": 0.0, "duration": 0.6, "step": 0.3, "dimension": 8}
    )
    rows = [np.load(folder / "Grid" / "s1_2.npy") for folder in applied]
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-3)
    assert len(rows[0]) >= 1


def test_step_of_applied_windows_is_whole_frames(both, tiny_protocol):
    folder = validate(both[1], tiny_protocol.name, parallel=0, device="cpu")
    applied = apply(
        folder, tiny_protocol.name, subset="development", parallel=0, device="cpu", step=0.26
    )
    assert read_yaml(applied / "metadata.yml")["step"] == pytest.approx(0.16)


def test_embeddings_of_audio_and_of_features_are_kept_apart(
    both, on_grid, stored, tmp_path, capsys
):
    features(both[1], on_grid, stored, subset="development", dtype="float32", parallel=0)
    weights = TrainFolder(both[1]).weights_of(2)
    run = tmp_path / "run"
    (run / "weights").mkdir(parents=True)
    (run / "weights" / "0002.pt").write_bytes(weights.read_bytes())
    config = read_yaml(both[1] / "config.yml")
    for source in (config["feature_extraction"], "RawAudio"):
        (run / "config.yml").write_text(yaml.safe_dump({**config, "feature_extraction": source}))
        evaluate(
            str(run),
            on_grid,
            subset="development",
            output=tmp_path / "out",
            parallel=0,
            device="cpu",
            duration=0.51,
            resamples=10,
        )
        assert "12 files to embed, 0 known already" in " ".join(capsys.readouterr().out.split())


def test_missing_features_are_told_with_the_command_that_stores_them(both, tiny_protocol, tmp_path):
    run = tmp_path / "run"
    (run / "weights").mkdir(parents=True)
    (run / "weights" / "0001.pt").write_bytes(TrainFolder(both[1]).weights_of(1).read_bytes())
    config = read_yaml(both[1] / "config.yml")
    (tmp_path / "empty").mkdir()
    config["feature_extraction"]["params"]["path"] = str(tmp_path / "empty")
    (run / "config.yml").write_text(yaml.safe_dump(config))
    command = (
        f"pyannote-audio emb features {run} {tiny_protocol.name} {tmp_path / 'empty'} "
        "--subset development"
    )
    for attempt in (
        lambda: validate(run, tiny_protocol.name, parallel=0, device="cpu"),
        lambda: evaluate(
            str(run),
            tiny_protocol.name,
            subset="development",
            output=tmp_path / "out",
            parallel=0,
            device="cpu",
        ),
    ):
        # Nothing says that the folder is one of log-mel energies.
        with pytest.raises(UserError, match="nothing says that"):
            attempt()
    features(run, tiny_protocol.no_development, tmp_path / "empty", dtype="float32", parallel=0)
    with pytest.raises(UserError, match=r"there is no .*dev0/1\.npy.*Store features first") as told:
        validate(run, tiny_protocol.name, parallel=0, device="cpu")
    assert command in str(told.value)
    # A template of the same places is the folder; of other places, that command is of no use.
    for template, said in (
        ("{database}/{uri}.npy", command),
        ("{uri}.npy", "let 'path' be such a FOLDER"),
    ):
        config["feature_extraction"]["params"]["path"] = str(tmp_path / "empty" / template)
        (run / "config.yml").write_text(yaml.safe_dump(config))
        with pytest.raises(UserError, match=r"there is no .*dev0/1\.npy") as told:
            validate(run, tiny_protocol.name, parallel=0, device="cpu")
        assert said in str(told.value)


def test_a_model_that_takes_audio_reads_it_where_features_are_not(
    both, tiny_protocol, tmp_path, capsys
):
    run = tmp_path / "run"
    (run / "weights").mkdir(parents=True)
    (run / "weights" / "0001.pt").write_bytes(TrainFolder(both[1]).weights_of(1).read_bytes())
    config = read_yaml(both[1] / "config.yml")
    config["feature_extraction"]["params"]["path"] = str(tmp_path / "elsewhere")
    (run / "config.yml").write_text(yaml.safe_dump(config))
    validate(run, tiny_protocol.name, parallel=0, device="cpu")
    assert "audio is read instead" in " ".join(capsys.readouterr().out.split())


def test_a_run_goes_on_with_what_was_filled_in(both, tiny_protocol, stored, tmp_path, capsys):
    root = experiment(tmp_path / "experiment", feature_extraction=precomputed(stored))
    train(root, tiny_protocol.name, to_epoch=1, parallel=0, device="cpu")
    run = train(root, tiny_protocol.name, from_epoch="last", to_epoch=2, parallel=0, device="cpu")
    assert "was edited" not in capsys.readouterr().out
    kept = read_yaml(run / "config.yml")
    assert kept["feature_extraction"]["params"]["dimension"] == 24
    assert kept["architecture"]["params"]["mel"]["hop"] == 0.01
    once, again = (load_checkpoint(TrainFolder(each).weights_of(2)) for each in (both[1], run))
    for name, weights in once["state_dict"].items():
        assert torch.equal(weights, again["state_dict"][name]), name


def test_weights_learned_from_audio_are_fine_tuned_on_stored_features(
    both, tiny_protocol, stored, tmp_path
):
    root = tmp_path / "fine"
    root.mkdir()
    (root / "config.yml").write_text(yaml.safe_dump({"feature_extraction": precomputed(stored)}))
    weights = str(TrainFolder(both[0]).weights_of(2))
    run = train(root, tiny_protocol.name, pretrained=weights, to_epoch=1, parallel=0, device="cpu")
    assert TrainFolder(run).epochs() == [0, 1]
    assert read_yaml(run / "config.yml")["feature_extraction"]["params"]["step"] == 0.01


@pytest.mark.parametrize("said", [True, False])
def test_weights_that_know_another_hop_are_refused(tiny_protocol, stored, tmp_path, said):
    mel = {"num_mels": 24, "stack": 3, "hop": 0.012}
    params = {**CONFIG["architecture"]["params"], "mel": mel}
    audio = experiment(tmp_path / "audio", architecture={"name": "MelLSTM", "params": params})
    run = train(audio, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    root = tmp_path / "fine"
    root.mkdir()
    config = {"feature_extraction": precomputed(stored)}
    if not said:  # what the weights were learned with is in the checkpoint all the same
        config["architecture"] = {"params": {"mel": {"hop": None}}}
    (root / "config.yml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="hop"):
        train(
            root,
            tiny_protocol.name,
            pretrained=str(TrainFolder(run).weights_of(1)),
            to_epoch=1,
            parallel=0,
            device="cpu",
        )
    assert not (root / "train").exists()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory, tiny_protocol) -> Path:
    """Features of another origin, 6 numbers a frame every 20 ms, told in features.yml."""
    from pyannote.database import get_protocol

    from pyannote_ge2e.data.protocol import with_audio

    root = tmp_path_factory.mktemp("foreign")
    protocol = with_audio(get_protocol(tiny_protocol.name))
    rng = np.random.default_rng(0)
    for file in [*protocol.train(), *protocol.development()]:
        path = root / "feats" / f"{file['uri']}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = round(file["annotated"].duration() / 0.02)
        np.save(path, rng.normal(size=(frames, 6)).astype(np.float16))
    (root / "feats" / "features.yml").write_text("name: PASE+\ndimension: 6\nstep: 0.02\n")
    return root / "feats"


def test_features_of_another_origin_are_learned_from(foreign, tiny_protocol, tmp_path):
    architecture = {
        "name": "MelLSTM",
        "params": {"lstm": {"hidden_size": 8, "proj_size": 0}, "dimension": 8, "pooling": "mean"},
    }
    root = experiment(
        tmp_path / "experiment",
        architecture=architecture,
        feature_extraction=precomputed(foreign / "{uri}.npy"),
    )
    run = train(root, tiny_protocol.name, to_epoch=1, parallel=1, device="cpu")
    weights = TrainFolder(run).weights_of(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Model.from_pretrained(weights)
    assert model.hparams["features"]["name"] == "PASE+"
    assert model.eval()(torch.randn(2, 6, 30)).shape == (2, 8)
    validate(run, tiny_protocol.name, parallel=0, device="cpu")
    with pytest.raises(UserError, match=r"PASE\+ features, 6 every 0\.02 s"):
        model(torch.randn(1, 1, 16000))


def refused(root: Path, protocol: str, match: str) -> None:
    with pytest.raises(UserError, match=match) as told:
        train(root, protocol, to_epoch=1, parallel=0, device="cpu")
    assert "\n" not in str(told.value)
    assert not (root / "train").exists()


def test_what_stored_features_cannot_serve_is_refused(stored, foreign, tiny_protocol, tmp_path):
    def attempt(match: str, **sections) -> None:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        refused(experiment(folder, **sections), tiny_protocol.name, match)

    source = {"feature_extraction": precomputed(stored)}
    attempt("SincNetLSTM starts from audio", architecture="SincNetLSTM", **source)
    attempt(
        "changes waveforms, and feature_extraction is Precomputed",
        data_augmentation="PolarityInversion",
        **source,
    )
    attempt(
        "num_mels is 40, and .* holds LogMel, 24 numbers",
        architecture={"name": "MelLSTM", "params": {"mel": {"num_mels": 40}}},
        **source,
    )
    attempt(
        "line 17: .*'dimension' is 9, and 24 in",
        feature_extraction=precomputed(stored, dimension=9),
    )
    attempt("there is no folder", feature_extraction=precomputed(tmp_path / "nowhere"))
    attempt("did you mean 'path'", feature_extraction=precomputed(stored, pathh="x"))
    attempt("'mel' is for log-mel", feature_extraction=precomputed(foreign))
    attempt(
        "no frames on a grid",
        architecture="SincNetLSTM",
        task={"name": "GE2E", "params": {"frame_grid": True}},
    )
    on_grid = {"task": {"name": "GE2E", "params": {"frame_grid": True}}}
    attempt(
        "line 14: data_augmentation Pol.*moves frames",
        data_augmentation="PolarityInversion",
        **on_grid,
    )
    attempt(
        "'frame_grid' should be true or false, not 'maybe'",
        task={"name": "GE2E", "params": {"frame_grid": "maybe"}},
    )
    attempt(
        "takes no audio", architecture={"name": "MelLSTM", "params": {"features": {"dimension": 6}}}
    )


def test_masks_of_frames_are_applied_to_stored_features(stored, tiny_protocol, tmp_path):
    root = experiment(
        tmp_path / "experiment",
        feature_extraction=precomputed(stored),
        data_augmentation={"name": "SpecAugment", "params": {}},
    )
    run = train(root, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    plain = experiment(tmp_path / "plain", feature_extraction=precomputed(stored))
    other = train(plain, tiny_protocol.no_development, to_epoch=1, parallel=0, device="cpu")
    assert losses(run) != losses(other)
