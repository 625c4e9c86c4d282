"""The cohort of score normalisation: recordings of other speakers, from a protocol's subset."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np

from pyannote_ge2e.data.index.build import recordings
from pyannote_ge2e.data.index.speech import merged, speaker_name
from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.data.trials.trials import Segments, TrialIndex
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.evaluation.model import EvaluatedModel
from pyannote_ge2e.experiment.reading import AUDIO, Reading
from pyannote_ge2e.report.words import counted


@dataclass
class Cohort:
    """Speech of C recordings, one speaker each.

    Attributes
    ----------
    name : str
        `<protocol>.<subset>`.
    paths : list of C str
        A recording of several speakers is here once for each of them.
    segments : list of C lists of (start, end)
        Turns of the speaker, in seconds; the whole file where nothing is annotated.
    speakers : list of C str, or None where nothing is annotated
        Names that hold throughout the protocol.
    left_out : int
        Recordings without any speech turn.
    """

    name: str
    paths: list[str]
    segments: list[Segments]
    speakers: list[str] | None
    left_out: int = 0

    def summary(self) -> str:
        """What the cohort holds, in a few words.

        Examples
        --------
        >>> Cohort("Debug.SpeakerVerification.All.train", ["a.wav"], [[(0, 1)]], ["a"]).summary()
        'Debug.SpeakerVerification.All.train: 1 recording of 1 speaker'
        """
        counts = counted(len(self.paths), "recording")
        if self.speakers is not None:
            counts += f" of {counted(len(set(self.speakers)), 'speaker')}"
        return f"{self.name}: {counts}"


def find_cohort(
    asked: str | None,
    model: EvaluatedModel,
    per_speaker: bool = False,
    registry: Path | None = None,
    reading: Reading = AUDIO,
) -> Cohort:
    """Cohort that is asked for, else what the model was trained on.

    Parameters
    ----------
    asked : str or None
        What `--cohort` says.
    model : EvaluatedModel
    per_speaker : bool
        Whether its speakers have to be known.
    registry : Path, optional
        Further `database.yml`.
    reading : Reading
        What files are read as.

    Raises
    ------
    UserError
        If it cannot be found, is empty, or its speakers are not known and have to be.
    """
    if asked is not None:
        protocol, subset = split_name(asked)
        try:
            cohort = read_cohort(protocol, subset, registry, reading)
        except UserError as error:
            raise UserError(f"--cohort: {error}") from error
    elif model.trained_on is not None:
        try:
            cohort = read_cohort(*model.trained_on, registry, reading)
        except UserError as error:
            raise UserError(
                f"The cohort would be what the model was trained on: {error} "
                "Give another with --cohort <protocol.subset>."
            ) from error
    else:
        raise UserError(
            f"Nothing tells what '{model.name}' was trained on: "
            "give --cohort <protocol.subset> to normalise scores."
        )
    if per_speaker and cohort.speakers is None:
        raise UserError(
            f"--cohort-per-speaker: {cohort.name} does not tell who speaks in each recording."
        )
    return cohort


def split_name(word: str) -> tuple[str, Subset]:
    """Protocol and subset that `--cohort` names.

    Raises
    ------
    UserError
        If it names no subset.

    Examples
    --------
    >>> split_name("X.SpeakerVerification.All.train")
    ('X.SpeakerVerification.All', 'train')
    """
    protocol, _, subset = word.rpartition(".")
    subset = {"dev": "development"}.get(subset, subset)
    if not protocol or subset not in get_args(Subset):
        raise UserError(
            f"--cohort '{word}': expected <protocol>.<subset>, such as "
            "VoxCeleb.SpeakerVerification.VoxCeleb2.train."
        )
    return protocol, cast(Subset, subset)


def read_cohort(
    protocol: str, subset: Subset, registry: Path | None = None, reading: Reading = AUDIO
) -> Cohort:
    """List the recordings of a subset, by speaker.

    Parameters
    ----------
    protocol, subset : str
    registry : Path, optional
        Further `database.yml`.
    reading : Reading
        What files are read as.

    Returns
    -------
    cohort : Cohort

    Raises
    ------
    UserError
        If the protocol is unknown, has no such subset, or the subset holds no speech.
    """
    name = f"{protocol}.{subset}"
    turns: dict[tuple[str, str], Segments] = defaultdict(list)
    unknown: dict[str, None] = {}  # in order, each once
    left_out = 0
    with reading.telling(protocol, subset):
        files = recordings(reading.protocol(protocol, registry), subset)
        for uri, database, scope, path, spoken in files:
            if spoken is None:
                unknown.setdefault(path)
                continue
            found = merged(spoken)
            left_out += not found
            for label, start, end in found:
                turns[path, speaker_name(label, scope, database, uri)].append((start, end))
    if not turns and not unknown:
        raise UserError(f"The cohort {name} is empty: it holds no speech. Give another --cohort.")
    paths = [path for path, _ in turns] + list(unknown)
    whole: list[Segments] = [[(0.0, reading.duration(path))] for path in unknown]
    speakers = None if unknown else [speaker for _, speaker in turns]
    # A recording that is listed twice has its turns twice.
    segments = [sorted(set(spoken)) for spoken in turns.values()] + whole
    return Cohort(name, paths, segments, speakers, left_out)


def own_rows(trials: TrialIndex, speakers: np.ndarray | None, cohort: Cohort) -> np.ndarray:
    """Row of the cohort that each file of the trials is itself.

    Parameters
    ----------
    trials : TrialIndex
    speakers : (F,) str array, or None
        Speaker of each file of the trials.
    cohort : Cohort

    Returns
    -------
    rows : (F,) int64 array
        -1 where the cohort does not hold the file.
    """
    by_path: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(cohort.paths):
        by_path[os.path.abspath(path)].append(row)
    rows = np.full(len(trials.paths), -1, np.int64)
    for position, path in enumerate(trials.paths):
        same = by_path.get(os.path.abspath(path), [])
        if len(same) > 1 and speakers is not None and cohort.speakers is not None:
            # Of several speakers in one recording, the one whom the trial is about.
            ends = f"|{speakers[position]}"
            same = [row for row in same if f"|{cohort.speakers[row]}".endswith(ends)] or same
        if same:
            rows[position] = same[0]
    return rows
