"""Training whose products are in 16 bits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from pyannote.audio import Model
from trained_weights import assert_identical, weights_of

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.train import train


@pytest.mark.parametrize("architecture", ["SincNetLSTM", "MelLSTM", "XVectorSincNet"])
def test_mixed_precision_leaves_weights_in_float32_and_is_reproducible(
    experiment: Path, tiny_protocol, tmp_path: Path, architecture: str
) -> None:
    config = yaml.safe_load((experiment / "config.yml").read_text())
    if config["architecture"]["name"] != architecture:
        config["architecture"] = {"name": architecture, "params": {"dimension": 8}}
    config["task"]["params"]["batches_per_epoch"] = 2
    (experiment / "config.yml").write_text(yaml.safe_dump(config))
    other, single = tmp_path / "other", tmp_path / "single"
    for copy in (other, single):
        shutil.copytree(experiment, copy)

    def trained(root: Path, **options) -> dict:
        options |= {"to_epoch": 1, "parallel": 0, "device": "cpu"}
        folder = train(root, tiny_protocol.no_development, **options)
        return Model.from_pretrained(folder / "weights" / "0001.pt").state_dict()

    weights = trained(experiment, precision="bf16")
    assert {tensor.dtype for tensor in weights.values() if tensor.is_floating_point()} == {
        torch.float32
    }
    assert_identical(weights, trained(other, precision="bf16"))
    unlike = trained(single)
    assert any(not torch.equal(weights[name], unlike[name]) for name in weights)


def test_a_run_goes_on_in_the_precision_that_it_began_with(
    experiment: Path, tiny_protocol, tmp_path: Path
) -> None:
    name, options = tiny_protocol.no_development, {"parallel": 0, "device": "cpu"}
    stopped = tmp_path / "stopped"
    shutil.copytree(experiment, stopped)
    whole = train(experiment, name, to_epoch=2, precision="bf16", **options)
    train(stopped, name, to_epoch=1, precision="bf16", **options)
    resumed = train(stopped, name, from_epoch="last", to_epoch=2, **options)
    assert_identical(weights_of(whole, 2), weights_of(resumed, 2))


def test_mixed_precision_is_validated_in_float32(experiment: Path, tiny_protocol) -> None:
    options = {"to_epoch": 1, "parallel": 0, "device": "cpu", "precision": "bf16"}
    seen = []

    def look(module: torch.nn.Module, *_: object) -> None:
        if isinstance(module, torch.nn.LSTM):
            seen.append((module.training, torch.is_autocast_enabled("cpu")))

    with torch.nn.modules.module.register_module_forward_hook(look):
        train(experiment, tiny_protocol.name, **options)
    assert set(seen) == {(True, True), (False, False)}


def test_a_precision_that_the_device_lacks_is_refused(experiment: Path, tiny_protocol) -> None:
    with pytest.raises(UserError, match="'fp16' needs an NVIDIA GPU: use --precision bf16"):
        train(experiment, tiny_protocol.name, device="cpu", precision="fp16")
