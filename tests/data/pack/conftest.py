"""Files to pack, and where to."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import soundfile
from made_packs import RATE, noise

SUFFIXES = ["wav", "flac", "ogg"]


@pytest.fixture(scope="session")
def nine_files() -> dict[str, bytes]:
    """Nine files of 0.6 to 1.4 s."""
    files = {}
    for k in range(9):
        suffix = SUFFIXES[k % 3]
        soundfile.write(file := io.BytesIO(), noise(0.6 + 0.1 * k, k), RATE, format=suffix)
        files[f"utterance{k}.{suffix}"] = file.getvalue()
    return files


@pytest.fixture
def paths(tmp_path: Path, nine_files: dict[str, bytes]) -> list[Path]:
    """The nine files, to pack and to spoil."""
    (tmp_path / "audio").mkdir()
    for name, content in nine_files.items():
        (tmp_path / "audio" / name).write_bytes(content)
    return [tmp_path / "audio" / name for name in nine_files]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pack"
