from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from scratch_environment import Environment, copy_of_the_source, shared_packages


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("building the package needs setuptools 77 or newer: install '.[test]'")
    return shared_packages(tmp_path_factory.mktemp("packages") / "shared")


@pytest.fixture
def environment(tmp_path: Path, packages: Path) -> Callable[[str], Environment]:
    def make(installer: str) -> Environment:
        if importlib.util.find_spec(installer) is None:
            pytest.skip(f"{installer} is not installed here: install '.[test]'")
        return Environment(tmp_path / "environment", installer, packages)

    return make


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return copy_of_the_source(tmp_path / "source")
