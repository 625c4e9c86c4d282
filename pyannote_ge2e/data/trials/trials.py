"""Verification trials of a protocol: pairs of files, each file listed once."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pyannote_ge2e.data.audio.reader import audio_duration
from pyannote_ge2e.data.protocol import Subset, audio_path, one_line, protocol_name
from pyannote_ge2e.data.trials.listed import listed_trials
from pyannote_ge2e.data.trials.turns import turn_trials
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol

Segments = list[tuple[float, float]]


@dataclass
class TrialIndex:
    """Trials over F files.

    Attributes
    ----------
    uris, paths : lists of F str
    segments : list of F lists of (start, end)
        What to embed of each file, in seconds (`try_with` of the protocol).
    trials : (T, 2) int64 array
        Rows of the files to compare.
    labels : (T,) int64 array
        1 for target trials (one speaker), 0 for the others.
    speakers : (F,) str array, or None
        Speaker of each file, where the protocol says it of all and the trials agree.
    databases : list of F str, or None
        Database of each file: uris are unique within one.
    made : bool
        Whether the protocol lists no trials, so that its speech turns were paired.
    denied : (K,) int64 array
        Rows of the trials that the annotation contradicts, so that `speakers` is None.
    """

    uris: list[str]
    paths: list[str]
    segments: list[Segments]
    trials: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray | None = None
    databases: list[str] | None = None
    made: bool = False
    denied: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def summary(self) -> str:
        """What the index holds, in one line."""
        return f"{len(self)} trials ({int(self.labels.sum())} target) over {len(self.uris)} files"

    def digest(self) -> str:
        """Name that other trials have only if they compare the same parts of the same files."""
        digest = hashlib.sha256(json.dumps([self.uris, self.segments]).encode())
        digest.update(self.trials.tobytes() + self.labels.tobytes())
        return digest.hexdigest()[:16]


def trial_index(
    protocol: Protocol,
    subset: Subset = "development",
    duration: Callable[[str], float] = audio_duration,
) -> TrialIndex:
    """List the trials of a subset.

    A verification protocol brings its own. For a diarization protocol, or a meta-protocol, whose
    trials pyannote does not combine, speech turns of the subset are paired: see `turn_trials`.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}
    duration : callable
        From the path of a file to its duration in seconds, asked where nothing is annotated.

    Returns
    -------
    trials : TrialIndex

    Raises
    ------
    NoSubset, NoTrials
        If there are none.
    UserError
        If a trial is malformed or names a missing file, or target or non-target trials are
        missing altogether.
    """
    found = _own_trials(protocol, subset, duration)
    if found is None:
        found = TrialIndex(*turn_trials(protocol, subset), made=True)
    if not 0 < found.labels.sum() < len(found):
        raise UserError(
            f"The trials of {protocol_name(protocol)}, subset {subset}, are all "
            f"{'target' if found.labels.any() else 'non-target'} trials: an error rate needs both."
        )
    return found


def _own_trials(
    protocol: Protocol, subset: Subset, duration: Callable[[str], float]
) -> TrialIndex | None:
    """Trials that the protocol itself lists, if any."""
    listed = listed_trials(protocol, subset, duration)
    if listed is not None:
        databases = [listed.database] * len(listed.uris)
        found = TrialIndex(*listed[:5], databases=databases)
        return _spoken_by(found, listed.speakers)
    rows: dict[tuple[str, str], int] = {}
    files: list[Any] = []
    trials: list[list[int]] = []
    labels: list[int] = []
    try:
        for trial in getattr(protocol, f"{subset}_trial")():
            pair = []
            for file in (trial["file1"], trial["file2"]):
                if file["uri"] != file["uri"]:  # a line that ends early: pandas fills up with nan
                    raise UserError(
                        f"{protocol_name(protocol)}, {subset} trials: expected lines "
                        f"'1 uri1 uri2' or '0 uri1 uri2'; trial {len(trials) + 1} has fewer fields."
                    )
                key = (file["database"], file["uri"])
                if key not in rows:
                    rows[key] = len(files)
                    files.append(file)
                pair.append(rows[key])
            trials.append(pair)
            labels.append(_label(trial["reference"], protocol_name(protocol), files, pair))
    except (AttributeError, NotImplementedError):
        return None
    except (FileNotFoundError, KeyError) as error:
        raise UserError(f"{protocol_name(protocol)}, {subset} trials: {one_line(error)}") from error
    if not trials:
        return None
    paths = [audio_path(file) for file in files]
    found = TrialIndex(
        [file["uri"] for file in files],
        paths,
        [_segments(file, path, duration) for file, path in zip(files, paths, strict=True)],
        np.array(trials, np.int64),
        np.array(labels, np.int64),
        databases=[file["database"] for file in files],
    )
    return _spoken_by(found, _speakers(files))


def _spoken_by(found: TrialIndex, speakers: list[str] | None) -> TrialIndex:
    """Trials with the speakers of their files, unless they deny them."""
    if speakers is not None:
        names = np.array(speakers)
        first, second = names[found.trials.T]
        denied = np.flatnonzero((first == second) != (found.labels == 1))
        if len(denied):
            found.denied = denied  # if not mistaken, labels hold within a file only: "A" in each
        else:
            found.speakers = names
    return found


def _label(reference: Any, protocol: str, files: list[Any], pair: list[int]) -> int:
    if reference not in (0, 1):
        first, second = (files[row]["uri"] for row in pair)
        raise UserError(
            f"{protocol}: expected trial lines '1 uri1 uri2' or '0 uri1 uri2', and found "
            f"'{reference} {first} {second}'."
        )
    return int(reference)


def _segments(file: Any, path: str, duration: Callable[[str], float]) -> Segments:
    """Annotated part of a file; all of it when nothing says better."""
    try:
        timeline = file.get("try_with")
    except (KeyError, AttributeError):
        # pyannote looks for an annotation here, which trials do not need.
        timeline = None
    segments = [(segment.start, segment.end) for segment in timeline or ()]
    if all(math.isfinite(end) for _, end in segments) and segments:
        return segments
    return [(0.0, duration(path))]


def _speakers(files: list[Any]) -> list[str] | None:
    """Speaker of every file, if each has exactly one."""
    speakers = []
    for file in files:
        try:
            labels = file["annotation"].labels()
        except (KeyError, AttributeError, FileNotFoundError):
            return None
        if len(labels) != 1:
            return None
        speakers.append(str(labels[0]))
    return speakers
