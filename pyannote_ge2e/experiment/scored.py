"""Scored trials and who speaks in them: what `emb score` and `emb compare` start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.score_files import ScoredTrials, read_scores
from pyannote_ge2e.data.score_files.trial_speakers import speakers_by_name, speakers_from
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.metrics.resampling.drawing import Redrawn
from pyannote_ge2e.report.words import counted

__all__ = ["Scored", "Speakers", "find_speakers", "load_scores", "method_of"]


@dataclass(frozen=True)
class Scored:
    """Scored trials, and where they come from.

    Attributes
    ----------
    path : Path
        File of the scores.
    trials : ScoredTrials
    """

    path: Path
    trials: ScoredTrials


@dataclass(frozen=True)
class Speakers:
    """Who speaks in the trials.

    Attributes
    ----------
    sides : (T, 2) array of str, or None
        None where nobody knows.
    source : str
        How that is known, in words.
    """

    sides: np.ndarray | None
    source: str


def load_scores(
    path: Path, trials: Path | None = None, columns: str | None = None, negate: bool = False
) -> Scored:
    """Read a score file whose trials are of both classes.

    Parameters
    ----------
    path, trials, columns
        As in `read_scores`.
    negate : bool
        The scores are distances: turn them round.

    Raises
    ------
    UserError
        As `read_scores`; or if all trials are targets, or none is.
    """
    if path.is_dir():
        raise UserError(f"'{path}' is a folder: name a score file, such as the scores.txt in it.")
    scored = read_scores(path, trials, columns)
    targets = int(scored.labels.sum())
    if targets in (0, len(scored.labels)):
        raise UserError(
            f"'{path}' holds {counted(len(scored.labels), 'trial')}, and no "
            f"{'non-target' if targets else 'target'} among them: error rates need both."
        )
    if negate:
        scored = replace(scored, scores=-scored.scores)
    return Scored(path, scored)


def find_speakers(scored: Scored, utt2spk: Path | None = None) -> Speakers:
    """Find out who speaks in trials.

    Parameters
    ----------
    scored : Scored
    utt2spk : Path, optional
        Speaker of each recording. By default the `utt2spk` beside the scores, or else the names
        of the recordings tell, where they and the labels agree.

    Raises
    ------
    UserError
        If `utt2spk` is malformed, lacks a recording, or contradicts a label.
    """
    trials = scored.trials

    def told_by(path: Path) -> Speakers:
        sides = speakers_from(path, trials.names, trials.trials, trials.labels)
        return Speakers(sides, f"speakers from '{path}'")

    if utt2spk is not None:
        if not trials.names:
            raise UserError(
                f"'{scored.path}' names no recordings, so that '{utt2spk}' cannot tell their "
                "speakers: drop --speakers."
            )
        return told_by(utt2spk)
    beside = scored.path.with_name("utt2spk")
    aside = ""
    if trials.names and beside.is_file():
        try:
            return told_by(beside)
        except UserError as error:
            aside = f" ('{beside}' is left aside. {error})"
    sides = speakers_by_name(trials.names, trials.trials, trials.labels)
    if sides is not None:
        example = trials.names[trials.trials[0, 0]]
        source = f"speakers from the names: '{example}' is of '{sides[0, 0]}'"
        return Speakers(sides, source + aside)
    return Speakers(None, "speakers unknown" + aside)


def method_of(ci: Redrawn | None, speakers: Speakers) -> tuple[Redrawn, list[str]]:
    """Return what intervals resample, and what to remark when that is not what it should be.

    Raises
    ------
    UserError
        If speakers are asked for, and unknown.
    """
    if speakers.sides is not None:
        return ci or "speaker", []
    if ci == "speaker":
        raise UserError(
            "--ci speaker needs the speakers, which neither the names nor the labels tell: give "
            "--speakers utt2spk, or choose --ci trial."
        )
    if ci == "trial":
        return "trial", []
    return "trial", [
        "The speakers are unknown: the intervals resample trials, and are too narrow when "
        "trials share speakers. --speakers utt2spk mends that."
    ]
