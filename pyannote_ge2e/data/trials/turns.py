"""Trials for protocols that list none: speech turns of one corpus, paired."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pyannote_ge2e.data.index.speech import merged, speaker_name, speech_turns
from pyannote_ge2e.data.protocol import Subset, audio_path, protocol_name, subset_files
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol

MIN_TURN = 1.0  # seconds; shorter turns serve only where nothing else does
TURNS_PER_SPEAKER = 10
MAX_TARGETS = 10_000
NON_TARGETS_PER_TARGET = 10
_SEED = 0


class NoTrials(UserError):
    """The protocol lists no trial, and none can be made of its speech turns."""


def turn_trials(
    protocol: Protocol, subset: Subset
) -> tuple[
    list[str],
    list[str],
    list[list[tuple[float, float]]],
    np.ndarray,
    np.ndarray,
    np.ndarray,
    list[str],
]:
    """Pair speech turns of a subset, always in the same way.

    Up to ten turns of each speaker (of a second or more, if there are any) stand for files. Target
    trials are the pairs of turns of one speaker; non-target trials are ten times as many pairs
    drawn among different speakers of one corpus. Where labels hold within a file only, both
    turns come from one file: labels of two files say nothing about each other.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}

    Returns
    -------
    uris, paths, segments, trials, labels, speakers, databases
        As in `TrialIndex`; the uri of a turn tells its file, its speaker and its times.

    Raises
    ------
    NoSubset
        If the protocol has no such subset.
    NoTrials
        If no pair can be made.
    UserError
        If a file of the subset is missing.
    """
    rng = np.random.default_rng(_SEED)
    uris: list[str] = []
    paths: list[str] = []
    segments: list[list[tuple[float, float]]] = []
    speakers: list[str] = []
    databases: list[str] = []
    # comparable[scope][speaker] lists turns; turns of two scopes are never compared.
    comparable: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for speaker, scope, uri, database, path, turns in _turns_by_speaker(protocol, subset, rng):
        for start, end in turns:
            comparable[scope][speaker].append(len(uris))
            uris.append(f"{uri}|{speaker}|{start:.3f}-{end:.3f}")
            paths.append(path)
            segments.append([(start, end)])
            speakers.append(speaker)
            databases.append(database)
    targets = [
        pair
        for by_speaker in comparable.values()
        for rows in by_speaker.values()
        for pair in combinations(rows, 2)
    ]
    if len(targets) > MAX_TARGETS:
        kept = rng.choice(len(targets), MAX_TARGETS, replace=False)
        targets = [targets[row] for row in np.sort(kept)]
    others = _non_targets(comparable, NON_TARGETS_PER_TARGET * len(targets), rng)
    if not targets or not others:
        raise NoTrials(
            f"{protocol_name(protocol)} lists no trial, and the {subset} subset has too few "
            "speech turns of comparable speakers to make some."
        )
    trials = np.array(targets + others, np.int64)
    labels = np.repeat([1, 0], [len(targets), len(others)]).astype(np.int64)
    return uris, paths, segments, trials, labels, np.array(speakers), databases


def _turns_by_speaker(protocol, subset, rng):  # type: ignore[no-untyped-def]
    """Speaker, scope within which it can be compared, uri, database, path and some turns."""
    found = defaultdict(list)
    for file in subset_files(protocol, subset):
        annotation = file.get("annotation")
        if annotation is None:
            continue
        uri, database, path = file["uri"], file["database"], audio_path(file)
        local = file.get("scope") not in ("global", "database")
        for label, start, end in merged(speech_turns(annotation)):
            speaker = speaker_name(label, file.get("scope"), database, uri)
            scope = f"{database}|{uri}" if local else database
            found[speaker, scope].append((uri, database, path, start, end))
    for (speaker, scope), turns in found.items():
        long = [turn for turn in turns if turn[4] - turn[3] >= MIN_TURN] or turns
        kept = np.sort(rng.permutation(len(long))[:TURNS_PER_SPEAKER])
        for uri, database, path, start, end in (long[row] for row in kept):
            yield speaker, scope, uri, database, path, [(start, end)]


def _non_targets(
    comparable: dict[str, dict[str, list[int]]], wanted: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Distinct pairs of turns of different speakers of one scope, drawn at random."""
    scopes = [list(by_speaker.values()) for by_speaker in comparable.values()]
    scopes = [speakers for speakers in scopes if len(speakers) > 1]
    if not scopes:
        return []
    turns = np.array([sum(map(len, speakers)) for speakers in scopes])
    pairs: dict[tuple[int, int], None] = {}
    for scope in rng.choice(len(scopes), 3 * wanted, p=turns / turns.sum()):
        speakers = scopes[scope]
        first, second = rng.choice(len(speakers), 2, replace=False)
        pair = (
            speakers[first][rng.integers(len(speakers[first]))],
            speakers[second][rng.integers(len(speakers[second]))],
        )
        pairs.setdefault((min(pair), max(pair)))
        if len(pairs) == wanted:
            break
    return list(pairs)
