"""Rooms import one way: a metric knows no model, and nothing knows the command line."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pyannote_ge2e"

# Rooms that each room may import; `errors` is everybody's.
ROOMS = {
    "losses": set(),
    "metrics": set(),
    "scoring": {"metrics"},
    "data": set(),
    "architectures": set(),
    "tasks": {"data", "losses", "scoring", "metrics"},
    "report": {"metrics"},
    "interop": {"architectures"},
    "experiment": {
        *("architectures", "data", "hub", "interop", "losses", "metrics", "report", "scoring"),
        *("tasks", "weights"),
    },
    "cli": {"data", "experiment", "interop"},
}

# Rooms that are of use without a training library, and what these may import.
LIGHT = {
    "metrics": {"numpy", "scipy"},
    "scoring": {"numpy", "scipy", "threadpoolctl", "torch"},
    "report": {"numpy", "scipy", "matplotlib", "rich"},
}


def imported(room: str) -> Iterator[tuple[str, str]]:
    """File and module of each import, also of those within functions."""
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path.name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: name the whole module"
                module = str(node.module)
                if module == "pyannote_ge2e":
                    yield from ((path.name, f"{module}.{alias.name}") for alias in node.names)
                else:
                    yield path.name, module


def test_every_room_is_known() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_those_below_it_only(room: str) -> None:
    allowed = ROOMS[room] | {room, "errors", "__version__"}
    ours = [
        (file, module) for file, module in imported(room) if module.startswith("pyannote_ge2e.")
    ]
    assert [each for each in ours if each[1].split(".")[1] not in allowed] == []


@pytest.mark.parametrize("room", LIGHT)
def test_a_light_room_stays_light(room: str) -> None:
    allowed = LIGHT[room] | {"pyannote_ge2e", *sys.stdlib_module_names}
    found = list(imported(room))
    assert found
    assert [each for each in found if each[1].split(".")[0] not in allowed] == []
