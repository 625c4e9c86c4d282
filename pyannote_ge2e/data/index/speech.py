"""Speech turns: whose they are throughout a protocol, and which of them are one utterance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyannote.core import Annotation

    from pyannote_ge2e.data.index.lists import Turns

__all__ = ["merged", "speaker_name", "speech_turns"]

_PRECISION = 1e-6  # seconds, as in pyannote.core


def speaker_name(label: Any, scope: str | None, database: str, uri: str) -> str:
    """Name under which a label stands for one person throughout a protocol.

    Examples
    --------
    >>> speaker_name("A", "file", "AMI", "ES2002a"), speaker_name("A", "global", "AMI", "ES2002a")
    ('AMI|ES2002a|A', 'A')
    """
    if scope == "global":
        return str(label)
    if scope == "database":
        return f"{database}|{label}"
    return f"{database}|{uri}|{label}"


def speech_turns(annotation: Annotation) -> Turns:
    """Label, start and end (in seconds) of every speech turn of a file, as annotated."""
    tracks = annotation.itertracks(yield_label=True)
    return [(str(label), segment.start, segment.end) for segment, _, label in tracks]


def merged(turns: Turns) -> Turns:
    """Speech turns in which those of one label that touch or overlap are one.

    Examples
    --------
    >>> merged([("A", 3.0, 4.0), ("A", 0.0, 1.0), ("B", 0.5, 2.0), ("A", 1.0, 2.0)])
    [('A', 0.0, 2.0), ('A', 3.0, 4.0), ('B', 0.5, 2.0)]
    """
    found: Turns = []
    for label, start, end in sorted(turns):
        if end - start <= _PRECISION:
            continue
        if found and found[-1][0] == label and start <= found[-1][2] + _PRECISION:
            found[-1] = (label, found[-1][1], max(end, found[-1][2]))
        else:
            found.append((label, start, end))
    return found
