"""From a protocol to the index of its speech: who is who, and which turns are one utterance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.index.lists import ListedFile, Turns, declared, listed_files
from pyannote_ge2e.data.protocol import Subset, audio_path, protocol_name, subset_files
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.core import Annotation
    from pyannote.database import Protocol

_PRECISION = 1e-6  # seconds, as in pyannote.core


def build_index(protocol: Protocol, subset: Subset = "train") -> Index:
    """Stream a subset of a protocol into an index.

    Lists that a database.yml declares are read line by line; anything else goes through pyannote.
    Turns of a speaker that touch or overlap are one utterance. The scope of the protocol's labels
    says who is who: "file" keeps labels apart by file, "database" by database, "global" takes
    them as they are.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}

    Returns
    -------
    index : Index

    Raises
    ------
    UserError
        If the subset is missing, empty, has no annotation, or names a missing audio file.
    """
    index = Index.of(_utterances(protocol, subset))
    if len(index.speaker) == 0:
        raise UserError(
            f"No speaker is annotated in the {subset} subset of {protocol_name(protocol)}: "
            "training needs two at least."
        )
    return index


def recordings(protocol: Protocol, subset: Subset) -> Iterator[ListedFile]:
    """Stream the recordings of a subset, from its lists if it is declared by plain ones."""
    parts = declared(protocol, subset)
    if parts is None:
        return _annotated_files(protocol, subset)
    return (file for part in parts for file in listed_files(part))


def _utterances(protocol: Protocol, subset: Subset) -> Iterator[Utterance]:
    for uri, database, scope, path, turns in recordings(protocol, subset):
        if turns is None:
            raise UserError(
                f"{protocol_name(protocol)} has no annotation for '{uri}': say who speaks when "
                f"with an 'annotation' entry under '{subset}' in database.yml."
            )
        for label, start, end in merged(turns):
            yield Utterance(
                speaker_name(label, scope, database, uri), database, path, start, end, uri
            )


def _annotated_files(protocol: Protocol, subset: Subset) -> Iterator[ListedFile]:
    """Recordings of any protocol, through pyannote's own objects."""
    for file in subset_files(protocol, subset):
        annotation = file.get("annotation")
        turns = None if annotation is None else speech_turns(annotation)
        yield ListedFile(file["uri"], file["database"], file.get("scope"), audio_path(file), turns)


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
