"""The scale benchmark measures whole processes that do what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pyannote.database import registry

from bench import scale
from bench.processes import peak_above
from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.protocol import load_protocol


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    scale.declare(folder, 2_000, 80)
    return folder


def test_the_listing_has_the_shape_of_voxceleb2(declared, monkeypatch):
    for name in ("sources", "databases", "configs"):  # what is declared here is unknown to others
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    index = build_index(load_protocol(scale.PROTOCOL, declared / "database.yml"))
    assert len(index.uris) == len(index.speaker) == 2_000
    assert len(index.speakers) == 80
    assert index.durations.min() >= 4
    assert 7.5 < index.durations.mean() < 9


@pytest.mark.parametrize("kind", ["floor", "cold", "stream"])
def test_every_kind_is_measured_in_a_process_of_its_own(declared, kind):
    command = [sys.executable, "-m", "bench.scale", kind, str(declared)]
    root = Path(scale.__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["seconds"] > 0
    batch = 4e-6 * scale.NUM_CLASSES * scale.NUM_CHUNKS * scale.DURATION * 16_000
    if kind == "cold":
        assert batch < measured["mb"] < batch + 150
        assert (declared / "cache").is_dir()


def test_memory_above_the_beginning_is_the_peak_and_not_the_end():
    with peak_above() as memory:
        block = bytearray(b"x" * 60_000_000)
        del block
    assert 50 < memory.mb < 200
