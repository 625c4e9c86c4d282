"""Models out: each file gives what the model gives, and a folder is ready to be uploaded."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pyannote.audio import Inference, Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from typer.testing import CliRunner, Result

from pyannote_ge2e import verify
from pyannote_ge2e.architectures import DVector, MelLSTM, SincNetLSTM
from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.interop.exports.check import check_same
from pyannote_ge2e.interop.exports.forms import FORMS, stripped

SMALL = {"hidden_size": 12, "num_layers": 2}
MODELS = {
    "sincnet": lambda: SincNetLSTM(lstm=SMALL, dimension=8),
    "sincnet, attention, both ways": lambda: SincNetLSTM(
        lstm={**SMALL, "bidirectional": True}, pooling="attention", dimension=8
    ),
    "mel, mean": lambda: MelLSTM(
        mel={"stack": 3}, lstm={**SMALL, "proj_size": 0}, pooling="mean", dimension=8
    ),
    "mel, projections, last frame": lambda: MelLSTM(lstm={**SMALL, "proj_size": 6}, dimension=8),
    "mel, projections both ways, as it is": lambda: MelLSTM(
        mel={"normalise": False},
        lstm={**SMALL, "proj_size": 6, "bidirectional": True},
        pooling="last",
        projection=False,
    ),
    "two networks with stems": lambda: SincNetLSTM(
        sinc={"stack": 3},
        stem={"channels": 4},
        lstm=SMALL,
        dimension=8,
        second={
            "sinc": {"stride": 160, "window": 0.064, "filter_size": 1023, "stack": 3},
            "stem": {"channels": 4, "blocks": 1},
            "lstm": SMALL,
            "dimension": 8,
        },
    ),
}


def run(*words: object) -> Result:
    return CliRunner().invoke(
        app, ["emb", *map(str, words)], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


def saved(model: Model, path: Path, duration: float = 1.0) -> Path:
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION,
        resolution=Resolution.CHUNK,
        duration=duration,
        classes=["alice", "bob"],
    )
    torch.save(stripped(model), path)
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_the_file_gives_what_the_model_gives(name: str, form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime", reason="ONNX models need onnxruntime")
    torch.manual_seed(0)
    weights = saved(MODELS[name](), tmp_path / "model.pt")
    suffix = ".safetensors" if form == "safetensors" else ".out"
    output = tmp_path / f"exported{suffix}"
    result = run("export", weights, "--to", form, "-o", output)
    assert result.exit_code == 0, result.output
    model, again = load_model(weights), FORMS[form][1](output)
    waveforms = 0.1 * torch.randn(4, 1, 23456)
    with torch.inference_mode():
        torch.testing.assert_close(again(waveforms), model(waveforms), atol=1e-5, rtol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [output.name, "model.pt"]


def test_other_programs_read_the_files_without_this_package(
    small_weights: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="ONNX models need onnxruntime")
    run("export", small_weights, "--to", "torchscript", "-o", tmp_path / "model.ts")
    run("export", small_weights, "--to", "onnx", "-o", tmp_path / "model.onnx")
    waveforms = 0.1 * np.random.default_rng(0).standard_normal((2, 1, 20000)).astype(np.float32)
    np.save(tmp_path / "waveforms.npy", waveforms)
    code = (
        "import numpy as np, onnxruntime, sys, torch\n"
        "waveforms = np.load('waveforms.npy')\n"
        "[one] = onnxruntime.InferenceSession('model.onnx').run(None, {'waveforms': waveforms})\n"
        "other = torch.jit.load('model.ts')(torch.from_numpy(waveforms)).detach().numpy()\n"
        "np.save('one.npy', one); np.save('other.npy', other)\n"
        "assert not {'pyannote_ge2e', 'pyannote.audio'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    with torch.inference_mode():
        wanted = load_model(small_weights)(torch.from_numpy(waveforms)).numpy()
    for name in ("one", "other"):
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), wanted, atol=1e-5)


def test_a_file_that_differs_is_not_kept(small_weights: Path) -> None:
    model = load_model(small_weights)
    assert check_same(model, model) == 0
    with pytest.raises(UserError, match="differs by"):
        check_same(model, lambda waveforms: model(waveforms) + 1e-4)
    with pytest.raises(UserError, match="gives"):
        check_same(model, lambda waveforms: model(waveforms)[:1])
    with pytest.raises(UserError, match="fails on"):
        check_same(model, lambda waveforms: model(waveforms[:, 0]))


@pytest.mark.parametrize("form", ["torchscript", "onnx"])
def test_what_cannot_be_exported_is_said_and_what_was_there_stays(
    form: str, tmp_path: Path
) -> None:
    weights = saved(DVector(lstm={"hidden_size": 8, "num_layers": 1}), tmp_path / "d.pt", 1.6)
    output = tmp_path / "there"
    output.write_text("before")
    result = run("export", weights, "--to", form, "-o", output)
    assert result.exit_code == 1
    assert "DVector cuts an utterance into windows" in result.stderr
    assert output.read_text() == "before"
    result = run("export", weights, "--to", "pyannote", "-o", output)
    assert result.exit_code == 0, result.output
    assert isinstance(load_model(output), DVector)


def test_missing_extras_are_named(
    small_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = run("export", small_weights, "--to", "onnx", "-o", tmp_path / "x.onnx")
    assert result.exit_code == 1
    assert "pip install 'pyannote-ge2e[onnx]'" in result.stderr
    assert not (tmp_path / "x.onnx").exists()
    wrong = run("export", small_weights, "--to", "pyannote", "-o", tmp_path / "x.safetensors")
    assert "let the two agree" in wrong.stderr


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    small_weights: Path, tmp_path: Path, form: str, full_disk: Callable
) -> None:
    output = tmp_path / f"x.{form}"
    with full_disk():
        result = run("export", small_weights, "--to", form, "-o", output)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: Cannot write '{output}': ")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_stored_features_is_exported_and_published(tmp_path: Path) -> None:
    lstm = {"hidden_size": 8, "proj_size": 0}
    model = MelLSTM(features={"dimension": 6, "normalise": False}, lstm=lstm)
    weights = saved(model, tmp_path / "features.pt")
    output = tmp_path / "x.safetensors"
    assert run("export", weights, "--to", "safetensors", "-o", output).exit_code == 0
    features = torch.randn(2, 6, 50)
    with torch.inference_mode():
        torch.testing.assert_close(load_model(output)(features), load_model(weights)(features))
    result = run("publish", weights, tmp_path / "published")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("export gone.pt --to onnx -o x.onnx", "CHECKPOINT: there is no file 'gone.pt'."),
        ("publish gone.pt folder", "CHECKPOINT: there is no file 'gone.pt'."),
        ("publish gone.pt file", "choose another with FOLDER"),
        ("export gone.pt --to onnx -o file/x", "choose another with --output"),
        ("export gone.pt --to onnx -o .", "it is a folder; choose another with --output"),
    ],
)
def test_where_from_and_where_to_are_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    result = run(*words.split())
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_damaged_safetensors_are_named(small_weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    run("export", small_weights, "--to", "safetensors", "-o", path)
    content = path.read_bytes()
    for damaged in (content[:-9], content[:50], b""):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"x\.safetensors' is damaged"):
            load_model(path)
    with pytest.raises(UserError, match="no such file"):
        load_model(tmp_path / "gone.safetensors")


@pytest.fixture(scope="module")
def published(trained_once: Path, tiny_protocol, tmp_path_factory) -> Path:
    """What `emb publish` makes of a trained, evaluated and calibrated model."""
    from pyannote_ge2e.experiment.evaluate import evaluate
    from pyannote_ge2e.experiment.verification.calibrate import calibrate

    weights = trained_once / "weights" / "0003.pt"
    evaluate(str(weights), tiny_protocol.name, subset="development", resamples=20, device="cpu")
    calibrate(str(weights), tiny_protocol.name, resamples=20, device="cpu")
    folder = tmp_path_factory.mktemp("hub") / "voice-id"
    result = run("publish", weights, folder, "--licence", "cc-by-4.0")
    assert result.exit_code == 0, result.output
    weights.with_name("0003.pt.verification.yml").unlink()
    return folder


def test_pyannote_loads_the_folder_without_a_warning(published: Path, trained_once: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = Model.from_pretrained(published)
    trained = load_model(trained_once / "weights" / "0003.pt")
    waveform = {"waveform": 0.1 * torch.randn(1, 20000), "sample_rate": 16000}
    np.testing.assert_allclose(
        Inference(model, window="whole")(waveform), Inference(trained, window="whole")(waveform)
    )
    kept = torch.load(published / "pytorch_model.bin", weights_only=False)
    assert "optimizer_states" not in kept
    assert "loss_func.w" in kept["pyannote.audio"]["loss"]


def test_the_folder_says_what_it_holds(published: Path, tiny_protocol) -> None:
    card = (published / "README.md").read_text()
    header = yaml.safe_load(card.split("---\n")[1])
    assert f"| trained on | {tiny_protocol.name}, train |" in card
    assert header["license"] == "cc-by-4.0"
    assert "pyannote-audio-model" in header["tags"]
    assert f"| {tiny_protocol.name}, development | 66 | 4 | raw |" in card
    assert "(sets the threshold)" in card
    config = yaml.safe_load((published / "config.yml").read_text())
    assert config["architecture"]["name"] == "MelLSTM"
    assert config["trained_on"]["protocol"] == tiny_protocol.name
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=published, check=False)
    assert done.returncode == 0


def test_the_folder_verifies_with_the_threshold_it_came_with(published: Path, voices: Path) -> None:
    first, second, *_ = sorted(voices.rglob("*.wav"))
    found = verify(first, second, model=published, device="cpu")
    assert found.threshold is not None
    assert "66 trials" in found.source


def test_publishing_writes_over_nothing(published: Path, trained_once: Path) -> None:
    before = sorted(published.iterdir())
    result = run("publish", trained_once / "weights" / "0003.pt", published)
    assert result.exit_code == 1
    assert "exists and is not empty" in result.stderr
    assert sorted(published.iterdir()) == before
