"""Who speaks on either side of a trial."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.score_files.names import without_suffix
from pyannote_ge2e.data.score_files.utt2spk import read_utt2spk
from pyannote_ge2e.errors import UserError

__all__ = ["speakers_by_name", "speakers_from", "speakers_of_trials"]

# The speaker in a name of VoxCeleb, and the first folder of any other.
_VOXCELEB = re.compile(r"(?:^|/)(id\d{5})[/-]")
_FOLDER = re.compile(r"^([^/]+)/")


def speakers_of_trials(
    names: Sequence[str], trials: np.ndarray, utt2spk: Mapping[str, str]
) -> np.ndarray:
    """Speaker on either side of each trial.

    Names match as they are, or without the suffix of an audio file. An enrolment may also be
    named after its speaker, as Kaldi does when several recordings make one model.

    Parameters
    ----------
    names : sequence of F str
    trials : (T, 2) integer array
        Rows of `names`.
    utt2spk : mapping
        Speaker of each uri.

    Returns
    -------
    speakers : (T, 2) array of str

    Raises
    ------
    UserError
        Naming the first recording whose speaker is unknown.

    Examples
    --------
    >>> trials = np.array([[0, 1]])
    >>> speakers_of_trials(["a/1.wav", "b/1.wav"], trials, {"a/1": "alice", "b/1": "bob"})
    array([['alice', 'bob']], dtype='<U5')
    """
    bare = {without_suffix(uri): speaker for uri, speaker in utt2spk.items()}
    known = set(utt2spk.values())
    speakers: list[str] = []
    unknown: list[str] = []
    for name in names:
        speaker = utt2spk.get(name) or bare.get(without_suffix(name))
        if speaker is None and name in known:
            speaker = name
        if speaker is None:
            unknown.append(name)
        speakers.append(speaker or "")
    others = len(unknown) - 1
    if unknown:
        raise UserError(
            f"No speaker is given for '{unknown[0]}'"
            + (f" and {others:,} other recording{'s' * (others > 1)}" if others else "")
            + ": add a line 'uri speaker' for each to utt2spk."
        )
    return np.array(speakers)[trials]


def speakers_from(
    path: Path, names: Sequence[str], trials: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Speaker on either side of each trial, as a file tells and as the labels allow.

    Parameters
    ----------
    path : Path
        `utt2spk`: see `read_utt2spk`.
    names : sequence of F str
    trials : (T, 2) integer array
        Rows of `names`.
    labels : (T,) array
        1 for targets, 0 for non-targets.

    Returns
    -------
    speakers : (T, 2) array of str

    Raises
    ------
    UserError
        If the file is malformed, lacks a recording, or contradicts a label.
    """
    told = read_utt2spk(path)
    try:
        speakers = speakers_of_trials(names, trials, told)
    except UserError as error:
        raise UserError(f"'{path}': {error}") from error
    wrong = _contradiction(speakers, labels)
    if wrong is not None:
        pair = " ".join(names[row] for row in trials[wrong])
        kind = "target" if labels[wrong] else "non-target"
        who = " and ".join(f"'{speaker}'" for speaker in dict.fromkeys(speakers[wrong].tolist()))
        raise UserError(
            f"The trial '{pair}' is a {kind}, and by '{path}' of {who}: mend one of the two."
        )
    return speakers


def speakers_by_name(
    names: Sequence[str], trials: np.ndarray, labels: np.ndarray
) -> np.ndarray | None:
    """Speaker on either side of each trial, where all names tell it and all labels agree.

    Names tell it when each holds a speaker of VoxCeleb, such as `id10270/` or `id10270-`, or when
    each is of the form `speaker/utterance`. That is checked: targets, and they alone, are trials
    of one speaker.

    Parameters
    ----------
    names : sequence of F str
    trials : (T, 2) integer array
        Rows of `names`.
    labels : (T,) array
        1 for targets, 0 for non-targets.

    Returns
    -------
    speakers : (T, 2) array of str, or None

    Examples
    --------
    >>> names, trials = ["ann/1", "ann/2", "bob/1"], np.array([[0, 1], [0, 2]])
    >>> speakers_by_name(names, trials, np.array([1, 0]))
    array([['ann', 'ann'],
           ['ann', 'bob']], dtype='<U3')
    >>> speakers_by_name(names, trials, np.array([1, 1]))
    """
    for pattern in (_VOXCELEB, _FOLDER):
        found = [pattern.search(name) for name in names]
        speakers = [match[1] for match in found if match]
        if names and len(speakers) == len(names):
            sides = np.array(speakers)[trials]
            if _contradiction(sides, labels) is None:
                return sides
    return None


def _contradiction(speakers: np.ndarray, labels: np.ndarray) -> int | None:
    """First of T trials whose two speakers (T, 2) deny its label, if any does."""
    wrong = (speakers[:, 0] == speakers[:, 1]) != (labels == 1)
    return int(np.argmax(wrong)) if wrong.any() else None
