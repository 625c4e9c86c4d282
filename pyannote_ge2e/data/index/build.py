"""From a protocol to the index of its speech."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyannote_ge2e.data.index import audio
from pyannote_ge2e.data.index.declared import declared
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.index.lists import ListedFile, listed_files
from pyannote_ge2e.data.index.parts import index_of_parts
from pyannote_ge2e.data.index.speech import merged, speaker_name, speech_turns
from pyannote_ge2e.data.protocol import Subset, audio_path, protocol_name, subset_files
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol

__all__ = ["build_index", "index_of_turns", "recordings"]


def build_index(protocol: Protocol, subset: Subset = "train", check_audio: bool = True) -> Index:
    """Read a subset of a protocol into an index.

    What a database.yml declares by lists or by a table is read line by line; anything else goes
    through pyannote. Turns of a speaker that touch or overlap are one utterance. The scope of the
    protocol's labels says who is who: "file" keeps labels apart by file, "database" by database,
    "global" takes them as they are.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}
    check_audio : bool
        Whether audio files must be there: all of them, or a sample when there are very many.

    Returns
    -------
    index : Index

    Raises
    ------
    UserError
        If the subset is missing, empty, has no annotation, or names a missing audio file.
    """
    parts = declared(protocol, subset)
    if parts is None:
        index = Index.of(_utterances(protocol, subset, check_audio))
    else:
        index = index_of_parts(parts)
    if len(index.speaker) == 0:
        raise UserError(
            f"No speaker is annotated in the {subset} subset of {protocol_name(protocol)}: "
            "training needs two at least."
        )
    if parts is not None and check_audio:
        audio.check_audio(index, parts)
    return index


def index_of_turns(protocol: Protocol, subset: Subset) -> Index:
    """Index the speech turns of a subset; recordings that are not annotated have none.

    Whether audio files are there is for whoever reads them to ask.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}

    Returns
    -------
    index : Index
        Perhaps an empty one.

    Raises
    ------
    UserError
        If the subset is missing, or a line of its lists is malformed.
    """
    parts = declared(protocol, subset)
    if parts is None:
        files = _annotated_files(protocol, subset)
        return Index.of(turn for file in files if file.turns is not None for turn in _turns(file))
    return index_of_parts([part for part in parts if part.annotation is not None])


def recordings(protocol: Protocol, subset: Subset) -> Iterator[ListedFile]:
    """Stream the recordings of a subset, from its lists if it is declared by such.

    Raises
    ------
    UserError
        Naming the line that is malformed, or the audio file that is missing.
    """
    parts = declared(protocol, subset)
    if parts is None:
        yield from _annotated_files(protocol, subset)
        return
    for part in parts:
        for file in listed_files(part):
            yield file._replace(path=audio.audio_of(file.uri, file.database, [part]))


def _utterances(protocol: Protocol, subset: Subset, check_audio: bool) -> Iterator[Utterance]:
    for file in _annotated_files(protocol, subset, check_audio):
        if file.turns is None:
            raise UserError(
                f"{protocol_name(protocol)} has no annotation for '{file.uri}': say who speaks "
                f"when with an 'annotation' entry under '{subset}' in database.yml."
            )
        yield from _turns(file)


def _turns(file: ListedFile) -> Iterator[Utterance]:
    for label, start, end in merged(file.turns or []):
        speaker = speaker_name(label, file.scope, file.database, file.uri)
        yield Utterance(speaker, file.database, file.path, start, end, file.uri)


def _annotated_files(
    protocol: Protocol, subset: Subset, check_audio: bool = True
) -> Iterator[ListedFile]:
    """Recordings of any protocol, through pyannote's own objects."""
    for file in subset_files(protocol, subset):
        if file["uri"] == "":  # of a blank line in a list
            continue
        annotation = file.get("annotation")
        turns = None if annotation is None else speech_turns(annotation)
        try:
            path = audio_path(file)
        except UserError:
            if check_audio:
                raise
            path = ""
        yield ListedFile(file["uri"], file["database"], file.get("scope"), path, turns)
