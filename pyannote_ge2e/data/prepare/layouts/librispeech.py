"""LibriSpeech and what is laid out like it: `train-clean-100/103/1240/103-1240-0000.flac`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyannote_ge2e.data.prepare.genders import read_genders
from pyannote_ge2e.data.prepare.given_trials import trial_sets
from pyannote_ge2e.data.prepare.layouts.found import Found, recordings_of
from pyannote_ge2e.data.prepare.layouts.options import Options
from pyannote_ge2e.data.prepare.layouts.plans import one_protocol, shared_speakers
from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut
from pyannote_ge2e.data.prepare.scan import checked_folders, nothing_found, walk

__all__ = ["librispeech_corpus", "looks_like_librispeech"]

_EXPECTED = "train-clean-100/103/1240/103-1240-0000.flac, as LibriSpeech is unpacked"
_SUBSETS = {"train": "train", "dev": "development", "test": "test"}
_PLACE = re.compile(r"(.*)/((train|dev|test)-[^/]+/(\d+)/\d+/)")  # the last of several
_MOST_BESIDE = 20  # folders in which a corpus is looked for
_SPEAKERS = ("speakers.txt", "speakers.tsv")


def librispeech_corpus(paths: Sequence[Path], options: Options) -> Corpus:
    """Find LibriSpeech, or some of its subsets, below some folders.

    `SPEAKERS.TXT` gives the genders when it stands in one of them, or above one that is a subset.

    Parameters
    ----------
    paths : sequence of Path
    options : Options

    Returns
    -------
    corpus : Corpus

    Raises
    ------
    UserError
        When one is no folder, or none is laid out so.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> corpus = TemporaryDirectory()
    >>> file = Path(corpus.name) / "LibriSpeech/dev-clean/84/121123/84-121123-0000.flac"
    >>> file.parent.mkdir(parents=True)
    >>> file.touch()
    >>> librispeech_corpus([Path(corpus.name)], Options()).recordings[0].uri
    'dev-clean/84/121123/84-121123-0000'
    """
    roots = checked_folders(paths, _EXPECTED)
    left_out: list[LeftOut] = []
    tables: list[Path] = []
    found: list[Found] = []
    for root in roots:
        within = f"{root}/" if len(roots) > 1 else ""
        found.extend(_below(root, within, options.suffixes, left_out, tables))
    if not found:
        raise nothing_found("recording of LibriSpeech", roots, left_out, _EXPECTED)
    genders: dict[str, str] = {}
    for path in [*tables, *filter(None, [options.genders])]:
        genders.update(read_genders(path))
    recordings, renamed = recordings_of(found, genders=genders)
    corpus = Corpus(
        layout="librispeech",
        name=os.path.basename(found[0].root) or "LibriSpeech",
        recordings=recordings,
        protocols=[],
        left_out=sorted(left_out, key=lambda item: item.path),
        notes=shared_speakers(recordings),
    )
    one_protocol(corpus, trial_sets(options.trial_lists), renamed)
    return corpus


def looks_like_librispeech(paths: Sequence[Path]) -> bool:
    """Tell whether there are subsets of LibriSpeech in these folders, or whether they are some.

    Examples
    --------
    >>> looks_like_librispeech([Path("nowhere")])
    False
    """
    return all(map(_holds_subsets, map(os.path.realpath, paths)))


def _holds_subsets(folder: str, depth: int = 2) -> bool:
    """Tell whether a folder is a subset, or holds one, among few folders."""
    if _is_subset(folder):
        return True
    inside = _folders(folder) if depth else []
    return len(inside) <= _MOST_BESIDE and any(_holds_subsets(f, depth - 1) for f in inside)


def _is_subset(folder: str) -> bool:
    """Tell whether a folder is called as a subset and holds speaker/chapter, all numbers."""
    if not re.match(r"(train|dev|test)-", os.path.basename(folder)):
        return False
    speakers = [inner for inner in _folders(folder) if os.path.basename(inner).isdecimal()]
    chapters = [inner for speaker in speakers[:3] for inner in _folders(speaker)]
    return bool(chapters) and all(os.path.basename(inner).isdecimal() for inner in chapters)


def _folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        return []


def _below(
    root: str,
    within: str,
    suffixes: Sequence[str],
    left_out: list[LeftOut],
    tables: list[Path],
) -> Iterator[Found]:
    """Yield the files of chapters below a folder; tables of speakers go to `tables`."""
    wanted = frozenset(suffixes)
    for folder, names in walk(root, left_out, within):
        tables.extend(Path(root) / folder / name for name in names if name.lower() in _SPEAKERS)
        files = [os.path.splitext(name) for name in sorted(names)]
        files = [(stem, suffix) for stem, suffix in files if suffix.lower() in wanted]
        # The root itself may be a subset.
        match = _PLACE.fullmatch(f"{root}/{folder}")
        if match is not None:
            parent, place, subset, speaker = match.groups()
            for stem, suffix in files:
                yield Found(place + stem, parent, suffix, speaker, _SUBSETS[subset])
        elif files:
            reason = "it is in no folder like train-clean-100/103/1240"
            first = f"{within}{folder}{''.join(files[0])}"
            left_out.append(LeftOut(first, reason, len(files)))
    if not tables and re.match(r"(train|dev|test)-", os.path.basename(root)):
        above = Path(root).parent
        beside = above.iterdir() if os.access(above, os.R_OK) else ()
        tables.extend(path for path in beside if path.name.lower() in _SPEAKERS)
