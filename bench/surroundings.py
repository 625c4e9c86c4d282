"""When, on what and at which commit: what a figure means nothing without."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import numpy
import torch


def surroundings() -> str:
    """One line on date, commit, machine and versions.

    Returns
    -------
    line : str

    Examples
    --------
    >>> surroundings()  # doctest: +ELLIPSIS
    '..., commit ..., ... cores of ..., Python ..., torch ..., numpy ...'
    """
    today = datetime.now(timezone.utc).date().isoformat()
    return (
        f"{today}, commit {_commit()}, {os.cpu_count()} cores of {_processor()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, numpy {numpy.__version__}"
    )


def _commit() -> str:
    """Short hash, marked when the files measured differ from it."""
    here = Path(__file__).parent.parent
    command = ["git", "describe", "--always", "--dirty=-modified", "--exclude=*"]
    try:
        found = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _processor() -> str:
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        described = ""
    for row in described.splitlines():
        if row.startswith("model name"):
            return row.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
