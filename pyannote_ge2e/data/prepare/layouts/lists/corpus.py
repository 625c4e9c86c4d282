"""Lists of recordings: Kaldi's data folders, tables with a header, and `path speaker -1`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pyannote_ge2e.data.prepare.genders import read_genders
from pyannote_ge2e.data.prepare.given_trials import TrialLines, is_trial_list, trial_sets
from pyannote_ge2e.data.prepare.layouts.found import recordings_of
from pyannote_ge2e.data.prepare.layouts.lists.files import (
    ListedFile,
    each_once,
    files_of,
    found_of,
)
from pyannote_ge2e.data.prepare.layouts.lists.kaldi import is_kaldi, kaldi_trials, read_kaldi
from pyannote_ge2e.data.prepare.layouts.lists.rows import AudioPaths, Listed
from pyannote_ge2e.data.prepare.layouts.lists.tables import is_speaker_table, read_speaker_table
from pyannote_ge2e.data.prepare.layouts.lists.three_columns import (
    is_three_columns,
    read_three_columns,
)
from pyannote_ge2e.data.prepare.layouts.lists.unlisted import unlisted
from pyannote_ge2e.data.prepare.layouts.options import Options
from pyannote_ge2e.data.prepare.layouts.plans import (
    one_protocol,
    rest_for_training,
    shared_speakers,
    subset_named,
)
from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut
from pyannote_ge2e.data.prepare.scan import AUDIO_SUFFIXES
from pyannote_ge2e.errors import UserError

__all__ = ["lists_corpus", "looks_like_lists"]

_EXPECTED = (
    "a Kaldi folder with wav.scp and utt2spk, a table whose header names a path and a speaker, or "
    "lines 'path speaker -1'"
)


def lists_corpus(paths: Sequence[Path], options: Options) -> Corpus:
    r"""Find the recordings that lists name.

    Of several lists, those called after subsets are these subsets. Lists of trials may stand
    among them.

    Parameters
    ----------
    paths : sequence of Path
        Kaldi folders, tables, lists of lines `path speaker -1`, lists of trials.
    options : Options

    Returns
    -------
    corpus : Corpus

    Raises
    ------
    UserError
        Naming the line that is malformed, or when a list is none of these.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("ann 1.wav", "bob 1.wav"):
    ...     (folder / name).touch()
    >>> _ = (folder / "a.csv").write_text("path,speaker\nann 1.wav,ann\nbob 1.wav,bob\n")
    >>> [recording.uri for recording in lists_corpus([folder / "a.csv"], Options()).recordings]
    ['ann%201', 'bob%201']
    """
    left_out: list[LeftOut] = []
    notes: list[str] = []
    lists, trial_lists = _sorted_out(paths)
    sets = trial_sets([*options.trial_lists, *trial_lists])
    rows = {path: _read(path, left_out, notes) for path in lists}
    if len(lists) > 1:
        rows = {path: _in_subset(its, subset_named(path.name)) for path, its in rows.items()}
    files: list[ListedFile] = []
    for path, its in rows.items():
        files += files_of(its, AudioPaths(_bases(path)), left_out)
    files = each_once(files, left_out)
    known = {each: file.path for file in files for each in file.names}
    for parts in sets:
        more = _add_unlisted(parts, files, known)
        if more:
            notes.append(
                f"'{parts[0].source}' names {more:,} file(s) that no list names: their speakers "
                "are those that the trials tell."
            )
    if tuple(options.suffixes) != AUDIO_SUFFIXES:
        files = [file for file in files if file.path.lower().endswith(tuple(options.suffixes))]
    if not files:
        raise UserError(_nothing(paths, left_out))
    found, rest = rest_for_training(found_of(files), "the lists")
    genders = read_genders(options.genders) if options.genders else {}
    recordings, renamed = recordings_of(found, genders=genders, listed=True)
    corpus = Corpus(
        layout="lists",
        name=_name(lists[0]),
        recordings=recordings,
        protocols=[],
        left_out=left_out,
        notes=[*notes, *rest, *shared_speakers(recordings)],
    )
    uris = {recording.path: recording.uri for recording in recordings} if sets else {}
    written = {name: uris[path] for name, path in known.items() if path in uris}
    one_protocol(corpus, sets, {**renamed, **written})
    return corpus


def looks_like_lists(paths: Sequence[Path]) -> bool:
    """Tell whether these are files, or folders of Kaldi's.

    Examples
    --------
    >>> looks_like_lists([Path("nowhere")])
    False
    """
    return all(path.is_file() or bool(_kaldi_folders(path)) for path in paths)


def _sorted_out(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the lists of recordings and those of trials, in full."""
    lists: dict[Path, None] = {}
    trials: dict[Path, None] = {}
    for path in paths:
        path = path.expanduser()
        if not path.exists():
            raise UserError(f"No such file or folder: '{path}'. Check the path.")
        path = path.resolve()
        folders = _kaldi_folders(path.parent if path.name == "wav.scp" else path)
        if folders:
            lists.update(dict.fromkeys(folders))
            trials.update(dict.fromkeys(each for f in folders for each in kaldi_trials(f)))
        elif path.is_dir():
            raise UserError(f"'{path}' holds no wav.scp: expected {_EXPECTED}.")
        elif path.suffix.lower() in AUDIO_SUFFIXES:
            raise UserError(
                f"'{path}' is one recording: expected a folder of speaker/utterance.wav, or a list "
                f"of many: {_EXPECTED}."
            )
        elif is_three_columns(path) or is_speaker_table(path):
            lists[path] = None
        elif is_trial_list(path):
            trials[path] = None
        else:
            raise UserError(f"'{path}' is no list that is known: expected {_EXPECTED}.")
    if not lists:
        raise UserError(f"No list of recordings among the lists of trials: expected {_EXPECTED}.")
    return list(lists), list(trials)


def _kaldi_folders(folder: Path) -> list[Path]:
    """Return a folder of Kaldi's, or those directly in a folder."""
    if is_kaldi(folder):
        return [folder]
    listable = folder.is_dir() and os.access(folder, os.R_OK)
    return sorted(filter(is_kaldi, folder.iterdir())) if listable else []


def _read(path: Path, left_out: list[LeftOut], notes: list[str]) -> list[Listed]:
    if path.is_dir():
        return read_kaldi(path, left_out, notes)
    return (
        read_three_columns(path) if is_three_columns(path) else read_speaker_table(path, left_out)
    )


def _in_subset(rows: Sequence[Listed], subset: str) -> list[Listed]:
    return [row if row.subset else row._replace(subset=subset) for row in rows]


def _bases(path: Path) -> list[Path]:
    """Return the folders from which a list may mean its paths."""
    if path.is_dir():  # Kaldi's recipes run in the folder that holds data/train
        return [path.parent.parent, path, Path.cwd()]
    return [path.parent, path.parent / "clips", Path.cwd()]  # clips: Common Voice


def _add_unlisted(
    parts: Sequence[TrialLines], files: list[ListedFile], known: dict[str, str]
) -> int:
    """Add what only trials name to the files and to what is known, and return how many it is."""
    speakers = {file.path: file.row.speaker for file in files}
    rows, places = unlisted(parts, AudioPaths(_bases(parts[0].source)), known, speakers)
    files += [ListedFile(row, places[row.path]) for row in rows]
    known.update(places)
    return len(rows)


def _name(path: Path) -> str:
    """Return a name for what a list names: its own, or that of its folder."""
    return path.parent.name if subset_named(path.name) else path.stem


def _nothing(paths: Sequence[Path], left_out: Sequence[LeftOut]) -> str:
    where = " or ".join(f"'{path}'" for path in paths)
    if not left_out:
        return f"{where} names no audio."
    first = left_out[0]
    return f"No audio that {where} names can be used; {first.name}, for one: {first.reason}."
