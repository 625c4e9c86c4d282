from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pyannote_ge2e import hub
from pyannote_ge2e.errors import UserError

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "arguments", ["'ge2e', pretrained=False", *(f"{name!r}" for name in hub.PRETRAINED)]
)
def test_torch_hub_loads_from_anywhere(tmp_path: Path, arguments: str) -> None:
    script = (
        "import torch\n"
        f"model = torch.hub.load({str(REPOSITORY)!r}, source='local', model={arguments})\n"
        "print(model(torch.randn(3, 1, 16000)).shape, model.specifications.duration > 0)\n"
    )
    result = subprocess.run(
        # -I: the package must come from the repository, as on a machine that only has torch.hub.
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "torch.Size([3, 256]) True" in result.stdout


@pytest.mark.parametrize("name", list(hub.PRETRAINED))
def test_the_weights_in_the_repository_are_the_ones_that_were_published(name: str) -> None:
    assert hub.weights_of(name).stat().st_size < 25e6


def test_wrong_names_and_damaged_weights_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="known:"):
        hub.weights_of("ge3e")
    monkeypatch.setitem(hub.PRETRAINED, "damaged", hub.Weights("LICENSE", "0" * 64))
    with pytest.raises(UserError, match="damaged"):
        hub.weights_of("damaged")
    monkeypatch.setitem(hub.PRETRAINED, "gone", hub.Weights("models/gone.pt", "0" * 64))
    with pytest.raises(UserError, match="part of the repository"):
        hub.weights_of("gone")
