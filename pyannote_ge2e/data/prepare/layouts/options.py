"""What a layout may be told, beside where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """What a layout may be told.

    Attributes
    ----------
    suffixes : sequence of str
        Of the files to take, in lower case, with their dots.
    trial_lists : sequence of Path
        Files of trials.
    genders : Path, optional
        File that gives the gender of speakers.
    """

    suffixes: Sequence[str] = AUDIO_SUFFIXES
    trial_lists: Sequence[Path] = field(default=())
    genders: Path | None = None
