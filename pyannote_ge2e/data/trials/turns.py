"""Trials for protocols that list none: speech turns of one corpus, paired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from pyannote_ge2e.data.index.audio import audio_of
from pyannote_ge2e.data.index.build import index_of_turns
from pyannote_ge2e.data.index.declared import declared
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.protocol import Subset, protocol_name
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
    index, parts = index_of_turns(protocol, subset), declared(protocol, subset)
    for speaker, scope, rows in _turns_by_speaker(index, rng):
        for row in rows.tolist():
            file, start, end = int(index.file[row]), float(index.start[row]), float(index.end[row])
            uri, database = index.uri(file), index.database(file)
            comparable[scope][speaker].append(len(uris))
            uris.append(f"{uri}|{speaker}|{start:.3f}-{end:.3f}")
            paths.append(index.path(file) if parts is None else audio_of(uri, database, parts))
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


def _turns_by_speaker(
    index: Index, rng: np.random.Generator
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Speaker, scope within which it can be compared, and rows of some turns."""
    durations = index.durations
    for speaker, scope, rows in _scopes(index):
        long = rows[durations[rows] >= MIN_TURN]
        some = long if len(long) else rows
        yield speaker, scope, some[np.sort(rng.permutation(len(some))[:TURNS_PER_SPEAKER])]


def _scopes(index: Index) -> list[tuple[str, str, np.ndarray]]:
    """Speaker, scope and rows of its turns, in the order in which they are met in the protocol."""
    found = []
    for row, (first, last) in enumerate(pairwise(index.speaker_first.tolist())):
        speaker, files = index.speakers[row], index.file[first:last]
        databases = index.file_database[files]
        for database in np.unique(databases).tolist():
            mine = np.flatnonzero(databases == database)
            file = int(files[mine[0]])
            scope = index.database(file)
            one_file = f"{scope}|{index.uri(file)}"
            if speaker.startswith(f"{one_file}|"):  # the label holds within this file only
                scope = one_file
            found.append((file, row, speaker, scope, first + mine))
    found.sort(key=lambda each: each[:2])
    return [each[2:] for each in found]


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
