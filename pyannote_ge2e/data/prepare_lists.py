"""The lists of a protocol, in the formats that pyannote.database reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.folder import Utterance
from pyannote_ge2e.data.split import SUBSETS

__all__ = ["LISTS", "audio_templates", "list_lines", "write_lists"]

LISTS = {"uri": "lst", "annotation": "rttm", "annotated": "uem", "trial": "trial"}
"""Suffix of the list that holds each of pyannote's keys."""

# Words that pandas, with which pyannote reads an RTTM, takes for a missing label.
_MISSING = {
    *("NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "null", "NULL"),
    *("None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
}


def list_lines(
    utterances: Iterable[Utterance], durations: Mapping[str, int]
) -> dict[str, list[str]]:
    """Return the lines of the lists of some utterances.

    Parameters
    ----------
    utterances : iterable of Utterance
    durations : mapping of str to int
        Milliseconds of each uri.

    Returns
    -------
    lines : dict of str to list of str
        For the suffixes lst, rttm and uem.

    Examples
    --------
    >>> lines = list_lines([Utterance("alice/1", ".wav", "alice", None)], {"alice/1": 1250})
    >>> lines["rttm"], lines["uem"]
    (['SPEAKER alice/1 1 0.000 1.250 <NA> <NA> alice <NA> <NA>'], ['alice/1 1 0.000 1.250'])
    """
    lines: dict[str, list[str]] = {"lst": [], "rttm": [], "uem": []}
    for utterance in utterances:
        uri, seconds = utterance.uri, f"{durations[utterance.uri] / 1000:.3f}"
        lines["lst"].append(uri)
        lines["rttm"].append(
            f"SPEAKER {uri} 1 0.000 {seconds} <NA> <NA> {_label(utterance.speaker)} <NA> <NA>"
        )
        lines["uem"].append(f"{uri} 1 0.000 {seconds}")
    return lines


def write_lists(folder: Path, contents: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Write `<folder>/<subset>.<suffix>`, and remove what an earlier run wrote and this does not.

    Parameters
    ----------
    folder : Path
        Made when missing.
    contents : mapping
        Lines, by subset and suffix.
    """
    for subset in SUBSETS:
        for suffix in LISTS.values():
            path = folder / f"{subset}.{suffix}"
            lines = contents.get(subset, {}).get(suffix)
            if lines is None:
                path.unlink(missing_ok=True)
                continue
            with replacing(path) as temporary:
                temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def audio_templates(root: Path, database_yml: Path, suffixes: Collection[str]) -> list[str]:
    """Return where pyannote finds a uri, relative to database.yml when the corpus is beside it.

    Examples
    --------
    >>> audio_templates(Path("/data/voices"), Path("/data/database.yml"), {".wav", ".ogg"})
    ['voices/{uri}.ogg', 'voices/{uri}.wav']
    """
    parent = database_yml.parent
    folder = root.relative_to(parent) if root.is_relative_to(parent) else root
    escaped = folder.as_posix().replace("{", "{{").replace("}", "}}")
    return [f"{escaped}/{{uri}}{suffix}" for suffix in sorted(suffixes)]


def _label(speaker: str) -> str:
    return f"speaker-{speaker}" if speaker in _MISSING else speaker
