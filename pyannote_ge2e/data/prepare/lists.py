"""The lists of a protocol, in the formats that pyannote.database reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.prepare.folder import LeftOut, Utterance
from pyannote_ge2e.data.prepare.split import SUBSETS

__all__ = ["LEFT_OUT", "LISTS", "audio_templates", "list_lines", "list_paths", "write_lists"]

LISTS = {"uri": "lst", "annotation": "rttm", "annotated": "uem", "trial": "trial"}
"""Suffix of the list that holds each of pyannote's keys."""

LEFT_OUT = "left_out.txt"
"""What is in none of the lists: path, tab, reason."""

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


def list_paths(folder: Path, subset: str, suffixes: Collection[str]) -> dict[str, str]:
    """Return how database.yml names the lists of a subset.

    In full: pyannote looks for a relative path in the current folder before that of database.yml.

    Examples
    --------
    >>> list_paths(Path("/data/lists/Voices"), "train", {"lst"})
    {'uri': '/data/lists/Voices/train.lst'}
    """
    return {
        key: (folder / f"{subset}.{suffix}").as_posix()
        for key, suffix in LISTS.items()
        if suffix in suffixes
    }


def write_lists(
    folder: Path,
    contents: Mapping[str, Mapping[str, list[str]]],
    left_out: Iterable[LeftOut] = (),
) -> None:
    """Write `<folder>/<subset>.<suffix>`, and remove what an earlier run wrote and this does not.

    Parameters
    ----------
    folder : Path
        Made when missing.
    contents : mapping
        Lines, by subset and suffix.
    left_out : iterable of LeftOut, optional
        Goes to `<folder>/left_out.txt`.
    """
    for subset in SUBSETS:
        for suffix in LISTS.values():
            _write(folder / f"{subset}.{suffix}", contents.get(subset, {}).get(suffix))
    _write(folder / LEFT_OUT, [f"{item.name}\t{item.reason}" for item in left_out] or None)


def _write(path: Path, lines: list[str] | None) -> None:
    if lines is None:
        path.unlink(missing_ok=True)
        return
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
