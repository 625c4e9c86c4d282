"""Speaker-embedding training for pyannote.audio 4.

The names below are imported on first use, so that `import pyannote_ge2e` (and with it the
command line's `--help`) costs nothing.

Examples
--------
>>> import pyannote_ge2e
>>> sorted(pyannote_ge2e.__all__)
['GE2E', 'MelLSTM', 'SincNetLSTM', '__version__', 'embed', 'enroll', 'identify', 'verify']
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Any

_HOMES = {
    "GE2E": "pyannote_ge2e.tasks",
    "MelLSTM": "pyannote_ge2e.architectures",
    "SincNetLSTM": "pyannote_ge2e.architectures",
    "embed": "pyannote_ge2e.experiment.embedding.embed",
    "enroll": "pyannote_ge2e.experiment.verification.enroll",
    "identify": "pyannote_ge2e.experiment.verification.identify",
    "verify": "pyannote_ge2e.experiment.verification.verify",
}

__all__ = [
    "GE2E",
    "MelLSTM",
    "SincNetLSTM",
    "__version__",
    "embed",
    "enroll",
    "identify",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("pyannote-ge2e")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
