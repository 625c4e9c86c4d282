"""The trials to evaluate: what their files are called, and who speaks in each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.index.speech import speaker_name
from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.data.score_files import read_utt2spk
from pyannote_ge2e.data.score_files.trial_speakers import speakers_from
from pyannote_ge2e.data.trials.trials import TrialIndex, trial_index
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.reading import AUDIO, Reading
from pyannote_ge2e.metrics.resampling.drawing import Redrawn


@dataclass
class EvaluatedTrials:
    """Trials of a subset, over F files.

    Attributes
    ----------
    index : TrialIndex
    names : list of F str
        What the files are called in score files: see `unique_names`.
    speakers : (T, 2) str array, or None
        Both speakers of each trial.
    source : str
        Where the speakers come from; empty when they are unknown.
    """

    index: TrialIndex
    names: list[str]
    speakers: np.ndarray | None
    source: str

    @cached_property
    def file_speakers(self) -> np.ndarray | None:
        """Speaker of each file, (F,) array of str, where they are known."""
        if self.speakers is None:
            return None
        found = np.empty(len(self.names), object)
        found[self.index.trials.ravel()] = self.speakers.ravel()
        return found.astype(str)

    def speakers_among(self, names: Iterable[str]) -> set[str]:
        """Speakers of the trials whom a list of names holds too, whatever the scope of labels.

        Parameters
        ----------
        names : iterable of str
            From `speaker_name`.
        """
        known = set(names)
        if self.file_speakers is None or not known:
            return set()
        databases = self.index.databases or [""] * len(self.names)
        return {
            str(speaker)
            for uri, database, speaker in zip(
                self.index.uris, databases, self.file_speakers, strict=True
            )
            if not known.isdisjoint(
                speaker_name(speaker, scope, database, uri)
                for scope in ("global", "database", "file")
            )
        }


def read_trials(
    protocol: str,
    subset: Subset,
    registry: Path | None = None,
    utt2spk: Path | None = None,
    reading: Reading = AUDIO,
) -> EvaluatedTrials:
    """List the trials of a subset.

    Parameters
    ----------
    protocol, subset : str
    registry : Path, optional
        Further `database.yml`.
    utt2spk : Path, optional
        Lines `uri speaker`, looked at where the protocol does not tell who speaks.
    reading : Reading
        What files are read as.

    Returns
    -------
    trials : EvaluatedTrials

    Raises
    ------
    UserError
        If there are no trials, or `utt2spk` is malformed, lacks a file or contradicts a trial.
    """
    with reading.telling(protocol, subset):
        index = trial_index(reading.protocol(protocol, registry), subset, reading.duration)
    names = unique_names(index)
    if index.speakers is not None:
        source = "as the protocol tells"
        if utt2spk is not None:
            read_utt2spk(utt2spk)  # a word that was mistyped is named all the same
            source += f": '{utt2spk}' was not needed"
        return EvaluatedTrials(index, names, index.speakers[index.trials], source)
    if utt2spk is None:
        return EvaluatedTrials(index, names, None, "")
    speakers = speakers_from(utt2spk, names, index.trials, index.labels)
    return EvaluatedTrials(index, names, speakers, f"as '{utt2spk}' tells")


def unique_names(index: TrialIndex) -> list[str]:
    """Names of the files of trials: their uris, behind their databases if uris recur.

    Examples
    --------
    >>> none = np.zeros((0, 2), np.int64)
    >>> unique_names(TrialIndex(["1", "1"], [], [], none, none, databases=["A", "B"]))
    ['A/1', 'B/1']
    """
    names = index.uris
    if len(set(names)) < len(names) and index.databases is not None:
        names = [f"{base}/{uri}" for base, uri in zip(index.databases, names, strict=True)]
    if len(set(names)) < len(names):  # a turn that the protocol lists twice
        names = [f"{name}#{row}" for row, name in enumerate(names)]
    return names


def interval_method(asked: Redrawn | None, trials: EvaluatedTrials) -> Redrawn:
    """What intervals resample: speakers where they are known.

    Raises
    ------
    UserError
        If speakers are asked for and not known.
    """
    if asked == "speaker" and trials.speakers is None:
        raise UserError(
            "--ci speaker: the protocol does not tell who speaks in each file of its trials"
            + (", or contradicts them" if len(trials.index.denied) else "")
            + "; give --speakers utt2spk, or --ci trial."
        )
    return asked or ("trial" if trials.speakers is None else "speaker")
