"""Where on this machine we keep what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["VARIABLE", "cache_root"]

VARIABLE = "PYANNOTE_GE2E_CACHE"


def cache_root() -> Path:
    """Folder of everything that can be made again: `PYANNOTE_GE2E_CACHE`, or under `~/.cache`."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "pyannote-ge2e"
