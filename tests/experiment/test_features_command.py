"""`emb features`: what is stored, what is kept, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from typer.testing import CliRunner

from pyannote_ge2e.architectures import MelLSTM
from pyannote_ge2e.data.audio.reader import read_segment
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment import log_mel
from pyannote_ge2e.experiment.features import features
from pyannote_ge2e.experiment.layout import read_yaml


class Corpus:
    """Recordings of a protocol, that a test may change."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.protocol = f"{name}.SpeakerVerification.All"
        self.audio = root / "audio"
        self.audio.mkdir(parents=True)
        lists = {}
        for subset, uris in (("train", ["a/1", "a/2", "b/1"]), ("test", ["c/1", "d/1"])):
            for uri in uris:
                self.write(uri, 0.7)
            (root / f"{subset}.lst").write_text("".join(f"{uri}\n" for uri in uris))
            lists[subset] = {"uri": str(root / f"{subset}.lst")}
        (root / "test.trial").write_text("1 c/1 d/1\n")
        lists["test"]["trial"] = str(root / "test.trial")
        content = {
            "Databases": {name: str(self.audio / "{uri}.wav")},
            "Protocols": {name: {"SpeakerVerification": {"All": {"scope": "global", **lists}}}},
        }
        (root / "database.yml").write_text(yaml.safe_dump(content))

    def write(self, uri: str, seconds: float, rate: int = 16000, seed: int = 0) -> Path:
        path = self.audio / f"{uri}.wav"
        path.parent.mkdir(exist_ok=True)
        noise = np.random.default_rng(seed).normal(0, 0.05, round(seconds * rate))
        soundfile.write(path, noise, rate)
        return path

    def store(self, config: dict | None = None, **options) -> Path:
        experiment = self.root / "experiment"
        experiment.mkdir(exist_ok=True)
        if config is not None:
            (experiment / "config.yml").write_text(yaml.safe_dump(config))
        settings = {"parallel": 0, "registry": self.root / "database.yml", **options}
        return features(experiment, self.protocol, self.root / "feats", **settings)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    # Each has a name of its own: pyannote.database keeps what it has loaded.
    return Corpus(tmp_path, tmp_path.name.replace("_", ""))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def made(folder: Path) -> dict[str, int]:
    """Which file each is: another one once it has been replaced."""
    paths = folder.rglob("*.npy")
    return {f"{path.parent.name}/{path.stem}": path.stat().st_ino for path in paths}


def mel_lstm(**mel) -> dict:
    return {"architecture": {"name": "MelLSTM", "params": {"mel": mel}}, "task": "GE2E"}


def test_what_is_stored_is_what_the_model_would_compute(corpus):
    folder = corpus.store(mel_lstm(num_mels=24, window=0.03, hop=0.012, stack=3), dtype="float32")
    name = corpus.protocol.split(".")[0]
    assert files(folder) == {
        "features.yml",
        *(f"{name}/{uri}.npy" for uri in ("a/1", "a/2", "b/1", "c/1", "d/1")),
    }
    model = MelLSTM(mel={"num_mels": 24, "window": 0.03, "hop": 0.012}, preset="td-sv")
    waveform = torch.from_numpy(read_segment(str(corpus.audio / "a/1.wav")))[None, None]
    expected = model.mel.window_features(waveform)[0].T
    np.testing.assert_allclose(np.load(folder / name / "a/1.npy"), expected, atol=1e-5)
    told = read_yaml(folder / "features.yml")
    assert told.pop("package").startswith("pyannote-ge2e")
    assert told == {
        "name": "LogMel",
        "dimension": 24,
        "step": 0.012,
        "window": 0.03,
        "sample_rate": 16000,
        "dtype": "float32",
        "format": 1,
    }


@pytest.mark.parametrize("hop", [0.01, 0.0125])
def test_long_recordings_in_blocks_are_the_same_as_whole(corpus, monkeypatch, hop):
    path = corpus.write("a/1", 7.3, rate=44100)
    monkeypatch.setattr(log_mel, "_BLOCK", 1.0)
    folder = corpus.store(mel_lstm(hop=hop), dtype="float32")
    model = MelLSTM(mel={"hop": hop}, preset="td-sv")
    waveform = torch.from_numpy(read_segment(str(path)))
    expected = model.mel.window_features(waveform[None, None])[0].T
    found = np.load(next(folder.rglob("a/1.npy")))
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_without_a_config_the_front_end_is_the_default_one(corpus, capsys):
    folder = corpus.store(subset="test")
    assert read_yaml(folder / "features.yml")["dimension"] == 40
    assert len(list(folder.rglob("*.npy"))) == 2
    assert np.load(next(folder.rglob("*.npy"))).dtype == np.float16
    assert "the default front-end of MelLSTM" in " ".join(capsys.readouterr().out.split())


def test_a_rerun_does_only_what_is_new_or_changed(corpus, capsys):
    folder = corpus.store(subset="train")
    before = made(folder)
    assert "3 stored, 0 there already" in capsys.readouterr().out
    later = corpus.write("a/2", 0.9, seed=1)
    os.utime(later, ns=(1, later.stat().st_mtime_ns - 10**9))  # older than what it replaces
    broken = next(folder.rglob("b/1.npy"))
    broken.write_bytes(broken.read_bytes()[:-7])
    os.utime(broken, ns=(1, (corpus.audio / "b/1.wav").stat().st_mtime_ns))
    corpus.store(subset="train", parallel=1)
    assert "2 stored, 1 there already" in capsys.readouterr().out
    after = made(folder)
    assert {uri for uri in after if after[uri] != before[uri]} == {"a/2", "b/1"}
    assert len(np.load(next(folder.rglob("a/2.npy")))) == 88
    corpus.store()
    assert "2 stored, 3 there already" in capsys.readouterr().out


def test_recordings_that_cannot_be_read_are_listed_and_skipped(corpus, capsys):
    (corpus.audio / "a/1.wav").write_bytes(b"RIFF but no audio at all")
    (corpus.audio / "a/2.wav").unlink()
    corpus.write("b/1", 0.01)
    folder = corpus.store()
    out = capsys.readouterr().out
    for uri in ("a/1", "a/2", "b/1"):
        assert f"Left out '{uri}': " in out
    assert "b/1.wav' is shorter than a window" in out
    assert "2 stored, 0 there already, 3 left out" in out
    assert {path.stem for path in folder.rglob("*.npy")} == {"1"}
    assert len(list(folder.rglob("*.npy"))) == 2
    for path in (corpus.audio / "c/1.wav", corpus.audio / "d/1.wav"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"No recording of .* could be read"):
        corpus.store(force=True)


@pytest.mark.parametrize("parallel", [0, 1])
def test_features_that_cannot_be_written_stop_the_work(corpus, parallel):
    (corpus.root / "feats").mkdir()
    corpus.store(subset="test")
    database = corpus.root / "feats" / corpus.protocol.split(".")[0]
    (database / "a").write_text("a file where a folder should be")
    with pytest.raises(UserError, match=r"Cannot write '.*/a/1\.npy'"):
        corpus.store(subset="train", parallel=parallel)


def test_other_parameters_in_the_same_folder_are_refused_or_forced(corpus, capsys):
    folder = corpus.store(mel_lstm())
    for options in ({"config": mel_lstm(num_mels=24)}, {"dtype": "float32"}):
        with pytest.raises(UserError, match=r"holds other features \(LogMel, 40 numbers"):
            corpus.store(**{"config": mel_lstm(), **options})
    corpus.store(mel_lstm(num_mels=24), force=True)
    assert "was moved to" in capsys.readouterr().out
    assert read_yaml(folder / "features.yml")["dimension"] == 24
    assert read_yaml(folder.with_name("feats.1") / "features.yml")["dimension"] == 40
    # What differs after the front-end is the same before it.
    corpus.store(mel_lstm(num_mels=24, stack=3, normalise=False))
    assert "5 there already" in capsys.readouterr().out


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_something_else_is_left_alone(corpus, force):
    (corpus.root / "feats").mkdir()
    (corpus.root / "feats" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"not empty, and has no features\.yml"):
        corpus.store(force=force)
    assert files(corpus.root / "feats") == {"thesis.tex"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"architecture": "SincNetLSTM"}, "only MelLSTM has features to store"),
        (
            {"architecture": {"name": "MelLSTM", "params": {"features": {"dimension": 6}}}},
            "features of its own",
        ),
        (
            {"architecture": {"name": "MelLSTM", "params": {"second": {}}}},
            "it cannot start from stored features",
        ),
        (mel_lstm(num_mel=24), "did you mean 'num_mels'"),
        (mel_lstm(hop=1e-7), "hop is shorter than one sample"),
    ],
)
def test_experiments_without_log_mel_energies_are_refused(corpus, config, said):
    with pytest.raises(UserError, match=said):
        corpus.store({"task": "GE2E", **config})
    assert not (corpus.root / "feats").exists()


def test_a_folder_that_config_could_not_name_is_refused(corpus):
    with pytest.raises(UserError, match="has braces in its name"):
        features(corpus.root, corpus.protocol, corpus.root / "feats{uri}")
    assert not (corpus.root / "feats{uri}").exists()


def test_ctrl_c_says_how_to_go_on(corpus, monkeypatch):
    def interrupted(self, item):
        raise KeyboardInterrupt

    monkeypatch.setattr(log_mel.Extraction, "__getitem__", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"Stopped\. .*feats' stays so: run the same"):
        corpus.store()
    monkeypatch.undo()
    assert len(list(corpus.store().rglob("*.npy"))) == 5


def test_subsets_that_are_not_there_are_told(corpus):
    with pytest.raises(UserError, match="no development subset"):
        corpus.store(subset="development")
    with pytest.raises(UserError, match="no folder"):
        features(corpus.root / "nowhere", corpus.protocol, corpus.root / "feats")


def test_features_may_be_stored_before_the_folder_that_config_names_is_there(corpus):
    params = {"path": str(corpus.root / "feats")}
    source = {"feature_extraction": {"name": "Precomputed", "params": params}}
    folder = corpus.store({**mel_lstm(num_mels=24), **source})
    assert read_yaml(folder / "features.yml")["dimension"] == 24


def test_the_command_takes_its_words(corpus):
    from pyannote_ge2e.cli.emb import emb

    arguments = [str(corpus.root), corpus.protocol, str(corpus.root / "feats"), "--parallel", "0"]
    options = ["--subset", "test", "--dtype", "float32"]
    registry = ["--registry", str(corpus.root / "database.yml")]
    result = CliRunner().invoke(emb, ["features", *arguments, *options, *registry])
    assert result.exit_code == 0, result.output
    assert np.load(next((corpus.root / "feats").rglob("c/1.npy"))).dtype == np.float32
    result = CliRunner().invoke(emb, ["features", *arguments, "--subset", "tests", *registry])
    assert result.exit_code == 2
    assert "all." in result.output
