"""Writing subsets: a table, a list and trials for each, once even where protocols share it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.prepare.make_trials import Wanted
from pyannote_ge2e.data.prepare.plan import Corpus
from pyannote_ge2e.data.prepare.prepared import SubsetSummary
from pyannote_ge2e.data.prepare.subset_trials import SubsetTrials, subset_trials, write_trials
from pyannote_ge2e.data.prepare.subsets import Subset
from pyannote_ge2e.data.tables.write import write_table

__all__ = ["Written", "list_stem", "write_subsets"]


class Written(NamedTuple):
    """What was written of the subsets.

    Attributes
    ----------
    files : dict
        Names of the files of each subset of each protocol, by pyannote's key for them.
    summaries : dict
        `SubsetSummary` of each subset of each protocol.
    notes : list of str
        What one should know of the trials.
    """

    files: dict[str, dict[str, dict[str, str]]]
    summaries: dict[str, dict[str, SubsetSummary]]
    notes: list[str]


def list_stem(protocol: str, subset: str) -> str:
    """Return what the lists of a subset are called, without their suffixes.

    Examples
    --------
    >>> list_stem("All", "train"), list_stem("VoxCeleb2", "train")
    ('train', 'VoxCeleb2.train')
    """
    return subset if protocol == "All" else f"{protocol}.{subset}"


def write_subsets(
    folder: Path,
    corpus: Corpus,
    milliseconds: np.ndarray,
    subsets: Sequence[Subset],
    *,
    trials: Wanted = 20_000,
    same_gender: bool = False,
    seed: int = 0,
) -> Written:
    """Write the lists of some subsets, and draw their trials where none are given.

    Parameters
    ----------
    folder : Path
    corpus : Corpus
    milliseconds : (R,) int array
        Durations of its recordings.
    subsets : sequence of Subset
    trials, same_gender, seed : optional
        See `subset_trials`.

    Returns
    -------
    written : Written
    """
    written = Written({}, {}, [])
    known: dict[tuple[str, bytes, int | str | None], tuple[dict[str, str], SubsetSummary]] = {}
    for subset in subsets:
        kind = subset.trials if isinstance(subset.trials, str | None) else id(subset.trials)
        key = (subset.name, subset.rows.tobytes(), kind)
        if key not in known:
            its, notes = subset_trials(corpus, subset, trials, same_gender, seed)
            written.notes.extend(note for note in notes if note not in written.notes)
            files = _write(folder, corpus, milliseconds, subset, its)
            known[key] = files, _summary(corpus, milliseconds, subset, its)
        files, summary = known[key]
        written.files.setdefault(subset.protocol, {})[subset.name] = files
        written.summaries.setdefault(subset.protocol, {})[subset.name] = summary
    return written


def _write(
    folder: Path,
    corpus: Corpus,
    milliseconds: np.ndarray,
    subset: Subset,
    trials: SubsetTrials | None,
) -> dict[str, str]:
    stem = list_stem(subset.protocol, subset.name)
    members = [corpus.recordings[row] for row in subset.rows.tolist()]
    paths = write_table(
        folder,
        stem,
        [member.uri for member in members],
        [member.speaker for member in members],
        milliseconds[subset.rows].tolist(),
    )
    files = {key: path.name for key, path in paths.items()}
    if trials is not None:
        files["trial"] = f"{stem}.trial"
        write_trials(folder / files["trial"], trials, corpus)
    return files


def _summary(
    corpus: Corpus, milliseconds: np.ndarray, subset: Subset, trials: SubsetTrials | None
) -> SubsetSummary:
    seconds = milliseconds[subset.rows] / 1000
    return SubsetSummary(
        speakers=len({corpus.recordings[row].speaker for row in subset.rows.tolist()}),
        utterances=len(subset.rows),
        seconds=float(seconds.sum()),
        shortest=float(seconds.min()),
        longest=float(seconds.max()),
        trials=0 if trials is None else len(trials.labels),
        targets=0 if trials is None else int(trials.labels.sum()),
    )
