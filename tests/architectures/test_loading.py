"""Files that are not, or no longer, checkpoints: one sentence that names the file."""

from __future__ import annotations

import random
import sys
import warnings

import pytest
import torch

from pyannote_ge2e.architectures import MelLSTM
from pyannote_ge2e.architectures.loading import build_model, load_checkpoint, load_model
from pyannote_ge2e.errors import UserError


@pytest.fixture
def path(save, tmp_path):
    lstm = {"hidden_size": 16, "proj_size": 8, "num_layers": 1}
    return save(MelLSTM(preset="td-sv", lstm=lstm, dimension=8), tmp_path / "0001.pt")


def test_an_intact_file_gives_the_model_in_evaluation_mode(path, specifications):
    model = load_model(path)
    assert not model.training
    assert model.specifications == specifications


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_truncated_files_are_said_to_be_damaged(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"0001\.pt' is damaged, or is not a"):
        load_model(path)


def test_weights_of_which_a_byte_changed_are_said_to_be_damaged(path):
    """torch reads them as other weights."""
    content = bytearray(path.read_bytes())
    weights = torch.load(path, weights_only=False)["state_dict"]["lstm.weight_ih_l0"].numpy()
    at = content.index(weights.tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"0001\.pt' is damaged, or is not a"):
        load_model(path)


def test_files_without_sums_are_read(path):
    checkpoint = torch.load(path, weights_only=False)
    before = torch.serialization.get_crc32_options()
    try:
        torch.serialization.set_crc32_options(False)
        torch.save(checkpoint, path)
    finally:
        torch.serialization.set_crc32_options(before)
    assert not load_model(path).training


def test_any_bytes_are_refused_without_a_traceback(path):
    generator = random.Random(0)
    for _ in range(200):
        path.write_bytes(generator.randbytes(generator.randrange(1, 200)))
        with pytest.raises(UserError, match=r"0001\.pt' is damaged, or is not a"):
            load_model(path)


@pytest.mark.parametrize("name", ["missing.pt", "."])
def test_what_cannot_be_read_is_told_from_what_is_damaged(tmp_path, name):
    with pytest.raises(UserError, match="Cannot read weights"):
        load_model(tmp_path / name)


def without(*keys):
    def change(checkpoint):
        *parents, last = keys
        for key in parents:
            checkpoint = checkpoint[key]
        del checkpoint[last]

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("state_dict"),
        without("pyannote.audio"),
        without("pyannote.audio", "specifications"),
        without("pyannote.audio", "architecture"),
        without("pyannote.audio", "architecture", "class"),
        lambda checkpoint: checkpoint.update({"pyannote.audio": 3}),
        lambda checkpoint: checkpoint["pyannote.audio"]["architecture"].update(module=""),
    ],
)
def test_incomplete_checkpoints_are_refused(path, change):
    checkpoint = torch.load(path, weights_only=False)
    change(checkpoint)
    torch.save(checkpoint, path)
    with pytest.raises(UserError, match=r"0001\.pt' is not a pyannote\.audio checkpoint"):
        load_model(path)


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        ("os", "system", "names os.system, which is not a pyannote.audio model"),
        ("nowhere", "Model", "holds a nowhere.Model, which cannot be imported"),
        (".relative", "Model", "which cannot be imported"),
    ],
)
def test_only_models_are_built(path, module, name, message):
    checkpoint = torch.load(path, weights_only=False)
    checkpoint["pyannote.audio"]["architecture"] = {"module": module, "class": name}
    torch.save(checkpoint, path)
    with pytest.raises(UserError, match=message):
        load_model(path)


def test_reading_imports_nothing_and_building_imports_the_module(path, tmp_path, monkeypatch):
    (tmp_path / "named_by_a_checkpoint.py").write_text("Model = None")
    monkeypatch.syspath_prepend(tmp_path)
    checkpoint = torch.load(path, weights_only=False)
    architecture = {"module": "named_by_a_checkpoint", "class": "Model"}
    checkpoint["pyannote.audio"]["architecture"] = architecture
    torch.save(checkpoint, path)

    loaded = load_checkpoint(path)
    assert "named_by_a_checkpoint" not in sys.modules
    with pytest.raises(UserError, match=r"not a pyannote\.audio model"):
        build_model(loaded, path)
    assert sys.modules.pop("named_by_a_checkpoint")


def test_options_that_no_longer_exist_are_reported_with_the_file(path):
    checkpoint = torch.load(path, weights_only=False)
    checkpoint["hyper_parameters"]["mel"]["bands"] = 3
    torch.save(checkpoint, path)
    with pytest.raises(UserError, match=r"0001\.pt' do not fit .* Unknown mel option 'bands'"):
        load_model(path)


def test_tensors_that_do_not_fit_are_one_line(path):
    checkpoint = torch.load(path, weights_only=False)
    checkpoint["hyper_parameters"]["dimension"] = 3
    torch.save(checkpoint, path)
    with pytest.raises(UserError, match=r"do not fit .*size mismatch.*\(and 1 more\)$") as refusal:
        load_model(path)
    assert "\n" not in str(refusal.value)


def test_an_archive_of_torchscript_is_refused_without_a_warning(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 3)).save(tmp_path / "scripted.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserError, match=r"scripted\.pt' is damaged, or is not"):
            load_model(tmp_path / "scripted.pt")
