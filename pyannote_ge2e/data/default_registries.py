"""The files that pyannote.database loads when it is imported, each of them once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["default_registries", "named_once"]

_VARIABLE = "PYANNOTE_DATABASE_CONFIG"


def default_registries() -> list[Path]:
    """Return the paths of these files, there or not, in pyannote's order."""
    return [*_before(), *(Path(name).expanduser() for name in _names() if name)]


@contextmanager
def named_once() -> Iterator[None]:
    """Hide from pyannote, in the block, what PYANNOTE_DATABASE_CONFIG names once more.

    A file that is loaded right after itself changes nothing, and pyannote warns of each protocol
    that it replaces by itself: as when the variable names the `database.yml` of the current folder.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "database.yml"
    >>> path.touch()
    >>> getfixture("monkeypatch").setenv("PYANNOTE_DATABASE_CONFIG", f"{path};{path};other.yml")
    >>> with named_once():
    ...     os.environ["PYANNOTE_DATABASE_CONFIG"] == f"{path};other.yml"
    True
    """
    last = next((path.resolve() for path in reversed(_before()) if path.is_file()), None)
    kept = []
    for name in _names():
        path = Path(name).expanduser()
        if name and path.is_file():
            if path.resolve() == last:
                continue
            last = path.resolve()
        kept.append(name)
    before = os.environ.get(_VARIABLE)
    if before is not None:
        os.environ[_VARIABLE] = ";".join(kept)
    try:
        yield
    finally:
        if before is not None:
            os.environ[_VARIABLE] = before


def _before() -> list[Path]:
    """Paths of what is loaded before what the variable names."""
    return [Path("~/.pyannote/database.yml").expanduser(), Path("database.yml")]


def _names() -> list[str]:
    return os.environ.get(_VARIABLE, "").split(";")
