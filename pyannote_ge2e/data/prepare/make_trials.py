"""Trials for verification: which pairs of utterances to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pyannote_ge2e.errors import UserError

__all__ = ["Wanted", "make_trials"]

Wanted = int | tuple[int, int] | Literal["all"]
"""How many trials: in all, or targets and non-targets, or every pair there is."""

_MOST = 50_000_000  # trials that fit in memory and that somebody could want


def make_trials(
    speakers: Sequence[str],
    trials: Wanted = 20_000,
    seed: int | list[int] = 0,
    genders: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of distinct utterances.

    Parameters
    ----------
    speakers : (U,) sequence of str
        Speaker of each utterance.
    trials : int, pair of int or "all", optional
        How many: half of them of one speaker, as far as there are any; or so many targets and so
        many non-targets. Fewer are returned only when fewer pairs exist; "all" takes every pair.
    seed : int or list of int, optional
        Same seed, same trials.
    genders : (U,) sequence of str, optional
        "f", "m" or nothing for each utterance. Non-targets then compare speakers of the same,
        known gender.

    Returns
    -------
    pairs : (T, 2) int array
        Indices of the two utterances, in the order of `speakers`, each pair once.
    labels : (T,) int array
        1 for targets (same speaker), 0 for non-targets. Targets come first.

    Raises
    ------
    UserError
        When all pairs are too many.

    Examples
    --------
    >>> pairs, labels = make_trials(["alice", "alice", "bob", "bob"], trials=4)
    >>> pairs[labels == 1].tolist()
    [[0, 1], [2, 3]]
    >>> len(make_trials(["alice", "alice", "bob", "bob"], trials="all")[0])
    6
    >>> len(make_trials(["alice", "alice", "bob", "bob"], trials=(1, 4))[0])
    5
    >>> make_trials(["alice", "bob", "carol"], trials="all", genders=["f", "m", "f"])[0].tolist()
    [[0, 2]]
    """
    _, speaker = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    known = np.asarray([""] * len(speakers) if genders is None else genders, dtype=str)
    names, gender = np.unique(known, return_inverse=True)
    order = np.lexsort((speaker, gender))
    # With utterances sorted by gender and speaker, the partners of utterance i are those that
    # follow it within its speaker (targets), and those that follow its speaker within its gender.
    own_end = _ends(speaker[order], gender[order])
    last = _ends(gender[order])
    followers = own_end - np.arange(len(order)) - 1
    strangers = last - own_end
    if genders is not None:
        strangers[names[gender[order]] == ""] = 0
    num_targets, num_others = int(followers.sum()), int(strangers.sum())
    take_targets, take_others = _how_many(trials, num_targets, num_others, len(speakers))

    rng = np.random.default_rng(seed)
    first, offset = _unrank(_draw(rng, num_targets, take_targets), followers)
    targets = np.stack([first, first + 1 + offset], axis=1)
    first, offset = _unrank(_draw(rng, num_others, take_others), strangers)
    others = np.stack([first, own_end[first] + offset], axis=1)
    pairs = np.sort(order[np.concatenate([targets, others])], axis=1)
    labels = np.repeat([1, 0], [take_targets, take_others])
    return pairs, labels


def _ends(*keys: np.ndarray) -> np.ndarray:
    """Return where the run of equal keys that each element is in ends."""
    size = len(keys[0])
    changes = np.zeros(max(size - 1, 0), bool)
    for key in keys:
        changes |= key[1:] != key[:-1]
    ends = np.append(np.flatnonzero(changes) + 1, size) if size else np.zeros(0, int)
    return np.repeat(ends, np.diff(ends, prepend=0))


def _how_many(trials: Wanted, num_targets: int, num_others: int, size: int) -> tuple[int, int]:
    if isinstance(trials, tuple):
        return min(trials[0], num_targets), min(trials[1], num_others)
    wanted = num_targets + num_others
    if trials == "all":
        if wanted > _MOST:
            raise UserError(
                f"All pairs of {size:,} utterances are {wanted:,} trials: "
                "give a number of trials instead of 'all'."
            )
    else:
        wanted = min(trials, wanted)
    take_others = min(num_others, max(wanted - wanted // 2, wanted - num_targets))
    return wanted - take_others, take_others


def _draw(rng: np.random.Generator, population: int, size: int) -> np.ndarray:
    """Draw `size` distinct ranks in ascending order."""
    if size == population:
        return np.arange(population)
    return np.sort(rng.choice(population, size, replace=False, shuffle=False))


def _unrank(ranks: np.ndarray, partners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which utterance a pair's rank belongs to, and which of its partners it is."""
    ends = np.cumsum(partners)
    first = np.searchsorted(ends, ranks, side="right")
    return first, ranks - (ends - partners)[first] if len(ranks) else ranks
