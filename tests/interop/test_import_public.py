"""What is read of a public checkpoint, what is written, and what is refused."""

from __future__ import annotations

import io
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from pyannote.audio import Inference, Model
from torch import nn
from typer.testing import CliRunner

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.cli.app import app
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.pretrained import load_pretrained
from pyannote_ge2e.interop.public import import_public, resemblyzer_weights, save_public
from pyannote_ge2e.interop.torchscript import torchscript_state


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["emb", "import", *map(str, words)])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("resemblyzer", "w 12 and b -4 of GE2E, after 1,000 steps"),
        ("dvector-attention", "256-d embeddings by attention over frames"),
        ("dvector-last", "yistLin/dvector: 3 LSTM layers of 256, 256-d embeddings."),
        ("harryvolek", "its kin: 3 LSTM layers of 64, 48-d embeddings."),
        ("kunhankh", "w 11 and b -6 of GE2E"),
        ("pase", "48-d embeddings of stored features (256 a frame, as PASE gives)"),
    ],
)
def test_the_command_says_what_it_recognised(checkpoint, tmp_path, kind, said) -> None:
    output = tmp_path / "out" / "weights.pt"
    code, printed = run(checkpoint(kind), "--output", output)
    assert (code, said in printed.replace("\n", "")) == (0, True), printed
    assert [path.name for path in output.parent.iterdir()] == ["weights.pt"]
    assert type(load_model(output)).__name__ == ("MelLSTM" if kind == "pase" else "DVector")


def test_pyannote_loads_what_was_written_without_a_warning(checkpoint, tmp_path) -> None:
    imported = import_public(checkpoint("kunhankh"), silence="trim")
    save_public(imported, tmp_path / "weights.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Model.from_pretrained(tmp_path / "weights.pt")
    assert model.hparams["silence"] == "trim"
    file = {"waveform": torch.randn(1, 40000), "sample_rate": 16000}
    whole = [Inference(each, window="whole")(file) for each in (model, imported.model)]
    assert (whole[0] == whole[1]).all()
    # GE2E's scale and offset are there for whoever fine-tunes.
    loss = load_pretrained(str(tmp_path / "weights.pt")).loss
    assert {name: value.item() for name, value in loss.items()} == {"w": 11.0, "b": -6.0}


def test_features_of_pase_give_what_the_original_network_does(checkpoint) -> None:
    path = checkpoint("pase")
    state = torch.load(path, weights_only=True)
    lstm, projection = nn.LSTM(256, 64, 3, batch_first=True), nn.Linear(64, 48)
    for layer, prefix in ((lstm, "LSTM_stack."), (projection, "projection.")):
        layer.load_state_dict(
            {
                name.removeprefix(prefix): value
                for name, value in state.items()
                if name.startswith(prefix)
            }
        )
    features = torch.randn(2, 120, 256)
    with torch.no_grad():
        expected = projection(lstm(features)[0][:, -1])
        found = import_public(path).model(features.transpose(1, 2))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


class Scripted(nn.Module):
    """yistLin's network, by its names."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 8, 3, batch_first=True)
        self.embedding = nn.Linear(8, 6)
        self.linear = nn.Linear(6, 1)
        self.seg_len = 160

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        vectors = torch.tanh(self.embedding(self.lstm(inputs)[0]))
        return (vectors * torch.softmax(self.linear(vectors), dim=1)).sum(1)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scripted") / "dvector.pt"
    torch.manual_seed(0)
    torch.jit.script(Scripted()).save(path)
    return path


def test_torchscript_is_read_for_its_tensors(scripted, monkeypatch) -> None:
    expected = torch.jit.load(scripted).state_dict()
    monkeypatch.setattr(torch.jit, "load", None)  # which runs the code in the file
    found = torchscript_state(scripted)
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert import_public(scripted).model(torch.randn(1, 1, 16000)).shape == (1, 6)


def test_torchscript_that_names_other_code_is_refused(scripted, tmp_path) -> None:
    other = tmp_path / "other.pt"
    with zipfile.ZipFile(scripted) as old, zipfile.ZipFile(other, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith("/data.pkl"):
                content = b"cos\nsystem\n(S'touch /tmp/harm'\ntR."
            new.writestr(entry, content)
    with pytest.raises(UserError, match="TorchScript"):
        import_public(other)


def flip_a_byte(path: Path, scripted: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path, scripted: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def change(path: Path, **values: torch.Tensor | None) -> None:
    state = torch.load(path, weights_only=True)
    for name, value in values.items():
        name = name.replace("__", ".")
        if value is None:
            del state[name]
        else:
            state[name] = value
    torch.save(state, path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: flip_a_byte(path, path), "damaged"),
        (lambda path: cut_short(path, path), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_text("not weights"), "yistLin/dvector"),
        (lambda path: path.unlink(), "No such file"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
        (lambda path: torch.save(nn.Linear(2, 2), path), "damaged, or is not a checkpoint of"),
        (lambda path: torch.save({"weight": torch.ones(2)}, path), "found weight"),
        (lambda path: torch.save([1, 2], path), "no tensor by name"),
        (lambda path: change(path, projection__bias=None), "lacks 'projection.bias'"),
        (lambda path: change(path, LSTM_stack__bias_ih_l2=None), "lacks 'LSTM_stack.bias_ih_l2'"),
        (lambda path: change(path, projection__bias=torch.ones(7)), r"\(7,\), where \(48,\)"),
        (lambda path: change(path, LSTM_stack__extra=torch.ones(7)), "'LSTM_stack.extra', which"),
        (lambda path: change(path, projection__bias=torch.ones(48) / 0), "no numbers"),
        (
            lambda path: change(path, LSTM_stack__weight_ih_l0=torch.ones(256, 80)),
            "80 features a frame",
        ),
    ],
)
def test_what_is_not_whole_is_refused_in_a_sentence(checkpoint, tmp_path, damage, said) -> None:
    path = checkpoint("harryvolek")
    damage(path)
    with pytest.raises(UserError, match=said) as refusal:
        import_public(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_nothing_is_lost_or_half_written(checkpoint, tmp_path) -> None:
    output = tmp_path / "weights.pt"
    output.write_text("mine")
    code, printed = run(checkpoint("harryvolek"), "-o", output)
    assert (code, "exists already" in printed) == (1, True)
    assert output.read_text() == "mine"

    code, printed = run(checkpoint("harryvolek"), "-o", tmp_path / "new.safetensors")
    assert (code, "let its name end in .pt" in printed.replace("\n", " ")) == (1, True)

    code, printed = run(tmp_path / "gone.pt", "-o", tmp_path / "new.pt")
    assert (code, printed.count("\n")) == (1, 1)
    assert not (tmp_path / "new.pt").exists()

    code, printed = run(checkpoint("harryvolek"), "-o", output / "weights.pt")
    assert (code, "Cannot write" in printed) == (1, True)


def test_what_is_ours_already_is_left_alone(checkpoint, tmp_path) -> None:
    save_public(import_public(checkpoint("harryvolek")), tmp_path / "weights.pt")
    with pytest.raises(UserError, match="checkpoint already"):
        import_public(tmp_path / "weights.pt")
    # And what is not is not taken for a pyannote.audio checkpoint.
    with pytest.raises(UserError, match="emb import"):
        load_model(checkpoint("harryvolek"))


def test_silence_is_for_projects_that_drop_it(checkpoint) -> None:
    with pytest.raises(UserError, match="'keep' or 'split' or 'trim', not 'edges'"):
        import_public(checkpoint("harryvolek"), silence="edges")
    with pytest.raises(UserError, match="features, not audio"):
        import_public(checkpoint("pase"), silence="trim")


@pytest.fixture
def installed(checkpoint, tmp_path, monkeypatch) -> Path:
    """A package called resemblyzer, as broken as the real one is with setuptools of today."""
    package = tmp_path / "site" / "resemblyzer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import pkg_resources_that_is_gone")
    checkpoint("resemblyzer").rename(package / "pretrained.pt")
    monkeypatch.setattr(sys, "path", [str(package.parent), *sys.path])
    return package / "pretrained.pt"


def test_weights_of_the_installed_package_without_importing_it(installed, tmp_path) -> None:
    assert resemblyzer_weights() == installed
    code, printed = run("resemblyzer", "-o", tmp_path / "weights.pt")
    assert (code, "Resemblyzer" in printed) == (0, True)
    pretrained = load_pretrained("resemblyzer")
    assert pretrained.loss["w"].item() == 12.0
    assert pretrained.config["architecture"]["params"]["recipe"] == "resemblyzer"


def test_a_package_that_is_not_installed_is_named_with_the_way_to_get_it(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, printed = run("resemblyzer")
    assert (code, "pip install --no-deps resemblyzer" in printed) == (1, True)


def test_a_training_checkpoint_in_the_format_of_old_torch(checkpoint, tmp_path) -> None:
    path = checkpoint("resemblyzer")
    buffer = io.BytesIO()
    torch.save(torch.load(path, weights_only=True), buffer, _use_new_zipfile_serialization=False)
    path.write_bytes(buffer.getvalue())
    assert import_public(path).recipe == "resemblyzer"
