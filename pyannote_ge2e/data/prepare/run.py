"""From recordings on disk to protocols that pyannote reads: lists, trials, database.yml."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.prepare import database_yml as registry
from pyannote_ge2e.data.prepare.layouts import find_corpus
from pyannote_ge2e.data.prepare.links import make_links, remove_other_links
from pyannote_ge2e.data.prepare.lists import (
    LEFT_OUT,
    LINKS,
    MEASURED,
    publish,
    staging,
    write_left_out,
)
from pyannote_ge2e.data.prepare.lock import Say, alone
from pyannote_ge2e.data.prepare.make_trials import Wanted
from pyannote_ge2e.data.prepare.measure import Progress, measure
from pyannote_ge2e.data.prepare.other_formats import readable_formats
from pyannote_ge2e.data.prepare.plan import Corpus, LeftOut
from pyannote_ge2e.data.prepare.prepared import Prepared, SubsetSummary
from pyannote_ge2e.data.prepare.subset_tables import write_subsets
from pyannote_ge2e.data.prepare.subsets import Choice, choose_subsets
from pyannote_ge2e.data.prepare.templates import relative_template
from pyannote_ge2e.errors import UserError

__all__ = ["Prepared", "SubsetSummary", "prepare"]


def prepare(
    paths: Path | Sequence[Path],
    name: str | None = None,
    database_yml: Path = Path("database.yml"),
    *,
    layout: str = "auto",
    extensions: Collection[str] | None = None,
    trial_lists: Sequence[Path] = (),
    genders: Path | None = None,
    min_utterances: int = 1,
    min_seconds: float = 0.0,
    data_ratio: float = 1.0,
    ratios: Sequence[float] | None = None,
    trials: Wanted = 20_000,
    same_gender: bool = False,
    seed: int = 0,
    threads: int = 8,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Prepared:
    """Turn recordings into verification protocols.

    Writes the tables, lists and trials of each subset to `lists/<name>/` beside `database_yml`,
    and `<name>.SpeakerVerification.<protocol>` into it. The same corpus gives the same files, byte
    for byte. What is left out, if anything, is in `lists/<name>/left_out.txt` with the reason.

    Parameters
    ----------
    paths : Path or sequence of Path
        Folders of the corpus, or its lists.
    name : str, optional
        Name of the database. Defaults to what the layout calls it: the folder's name, say.
    database_yml : Path, optional
        Made when missing, else merged: nothing else in it changes.
    layout : str, optional
        See `find_corpus`; so for `extensions`, `trial_lists` and `genders`.
    min_utterances, min_seconds, data_ratio, ratios : optional
        Which speakers to take, and how to split them: see `Choice`.
    trials : int, pair of int or "all", optional
        Trials to draw of development and of test: see `make_trials`.
    same_gender : bool, optional
        Draw non-target trials between speakers of one gender.
    seed : int, optional
        Of the split and of the trials.
    threads : int, optional
        Files measured at a time.
    progress : callable, optional
        Called with (files measured, files in all) now and then.
    say : callable, optional
        Called with a sentence when it has to wait for another process.

    Returns
    -------
    prepared : Prepared
        Unreadable files are left out, and listed there.

    Raises
    ------
    UserError
        When there is nothing to prepare, an option makes no sense, the name cannot be used, or
        `database_yml` is malformed, already describes another corpus of that name, or stands
        beside lists of that name that are another's. What was there before is then as it was.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pyannote_ge2e.data.synthetic.corpus import make_corpus
    >>> folder = TemporaryDirectory()
    >>> corpus = make_corpus(Path(folder.name) / "voices", speakers=6, utterances=2)
    >>> prepared = prepare(corpus, "Voices", Path(folder.name) / "database.yml")
    >>> prepared.protocol, {s: summary.speakers for s, summary in prepared.subsets.items()}
    ('Voices.SpeakerVerification.All', {'train': 2, 'development': 2, 'test': 2})
    """
    database_yml = _registry_path(database_yml)
    choice = Choice(min_utterances, min_seconds, data_ratio, ratios, seed)
    if name is not None:
        registry.check_name(name)
    paths = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    corpus = find_corpus(
        paths, layout, extensions=extensions, trial_lists=trial_lists, genders=genders
    )
    if name is None:
        name = registry.check_name(registry.suggested_name(corpus.name))
    if same_gender and not any(recording.gender for recording in corpus.recordings):
        raise UserError(
            "No speaker's gender is known, which trials of one gender need: give lines such as "
            "'speaker f' with --genders."
        )
    lists = database_yml.parent / "lists" / name
    with alone(database_yml.with_name(f".lists.{name}.lock"), say, f"'{lists}'"):
        templates = _templates(corpus, range(len(corpus.recordings)), database_yml, lists)
        plans = [plan.name for plan in corpus.protocols]
        registry.check_free(database_yml, name, lists, templates, plans)

        files = [recording.path for recording in corpus.recordings]
        measured = measure(files, lists / MEASURED, progress, threads)
        corpus, milliseconds, left_out = readable_formats(corpus, measured, threads)
        subsets, too_few, notes = choose_subsets(corpus, milliseconds, choice)
        left_out = _shown([*left_out, *corpus.left_out, *too_few], paths)
        _check_enough(corpus, milliseconds, left_out)
        if not subsets:
            raise UserError(f"Nothing is left of the corpus; {_for_one(left_out)}")
        with staging(lists) as new:
            written = write_subsets(
                new,
                corpus,
                milliseconds,
                subsets,
                trials=trials,
                same_gender=same_gender,
                seed=seed,
            )
            if left_out:
                write_left_out(new, left_out)
            rows = np.unique(np.concatenate([subset.rows for subset in subsets])).tolist()
            links = _links(corpus, rows)
            make_links(lists / LINKS, links)
            forgotten = registry.register(
                database_yml,
                name,
                _templates(corpus, rows, database_yml, lists),
                _absolute(written.files, lists),
                lists,
                after=lambda: publish(new, lists),
                say=say,
            )
        _tidy(lists, forgotten, links, bool(left_out))
    protocols = {
        f"{name}.{registry.TASK}.{plan}": summaries for plan, summaries in written.summaries.items()
    }
    notes = [*corpus.notes, *notes, *written.notes]
    return Prepared(corpus.layout, protocols, database_yml, lists, left_out, notes)


def _registry_path(database_yml: Path) -> Path:
    path = Path(database_yml).expanduser().resolve()
    if {"{", "}", "*"} & set(str(path)):
        raise UserError(f"'{path}' has braces or a * in its path, which pyannote wants to fill in.")
    return path


def _check_enough(corpus: Corpus, milliseconds: np.ndarray, left_out: list[LeftOut]) -> None:
    usable = [corpus.recordings[row] for row in np.flatnonzero(milliseconds).tolist()]
    if not usable:
        total = sum(item.files for item in left_out)
        raise UserError(f"None of the {total:,} audio files can be used; {_for_one(left_out)}")
    speakers = {recording.speaker for recording in usable}
    if len(speakers) == 1:
        raise UserError(
            f"The corpus holds one speaker ('{usable[0].speaker}'), and verification compares "
            "speakers: expected two folders or more, each with one speaker's utterances."
        )


def _for_one(left_out: Sequence[LeftOut]) -> str:
    return f"'{left_out[0].name}', for one: {left_out[0].reason}."


def _shown(left_out: list[LeftOut], paths: Sequence[Path]) -> list[LeftOut]:
    """Name files by their paths within the corpus, when it is one folder."""
    if len(paths) > 1:
        return left_out
    root = f"{os.path.realpath(paths[0].expanduser())}/"
    return [LeftOut(item.path.removeprefix(root), item.reason, item.files) for item in left_out]


def _links(corpus: Corpus, rows: Sequence[int]) -> dict[str, str]:
    """Return the files that no template leads to, by the names that links to them shall have."""
    recordings = (corpus.recordings[row] for row in rows)
    return {
        recording.uri + os.path.splitext(recording.path)[1]: recording.path
        for recording in recordings
        if not recording.template
    }


def _templates(corpus: Corpus, rows: Sequence[int], database_yml: Path, lists: Path) -> list[str]:
    """Return where pyannote finds the audio of some recordings."""
    recordings = [corpus.recordings[row] for row in rows]
    templates = {recording.template for recording in recordings} - {""}
    for recording in recordings:
        if not recording.template:
            suffix = os.path.splitext(recording.path)[1]
            templates.add(f"{lists.as_posix()}/{LINKS}/{{uri}}{suffix}")
    return [relative_template(template, database_yml) for template in sorted(templates)]


def _absolute(
    files: dict[str, dict[str, dict[str, str]]], lists: Path
) -> dict[str, dict[str, dict[str, str]]]:
    """Name lists in full: pyannote looks for others in the current folder first."""
    return {
        protocol: {
            subset: {key: (lists / name).as_posix() for key, name in its.items()}
            for subset, its in subsets.items()
        }
        for protocol, subsets in files.items()
    }


def _tidy(lists: Path, forgotten: list[Path], links: dict[str, str], left_out: bool) -> None:
    """Remove what an earlier run wrote and nothing names any more."""
    for path in forgotten:
        path.unlink(missing_ok=True)
    if not left_out:
        (lists / LEFT_OUT).unlink(missing_ok=True)
    remove_other_links(lists / LINKS, links)
