"""Trials for verification: which pairs of utterances to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pyannote_ge2e.errors import UserError

__all__ = ["make_trials"]

_MOST = 50_000_000  # trials that fit in memory and that somebody could want


def make_trials(
    speakers: Sequence[str], trials: int | Literal["all"] = 20_000, seed: int | list[int] = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of distinct utterances, half of them of one speaker as far as there are any.

    Parameters
    ----------
    speakers : (U,) sequence of str
        Speaker of each utterance.
    trials : int or "all", optional
        How many. Fewer are returned only when fewer pairs exist; "all" takes every pair.
    seed : int or list of int, optional
        Same seed, same trials.

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
    """
    _, codes = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes) if len(codes) else np.zeros(0, int)
    ends = np.cumsum(counts)
    # With utterances sorted by speaker, the partners of utterance i are those that follow it
    # within its speaker (targets) and all that follow its speaker (non-targets).
    own_end = np.repeat(ends, counts)
    position = np.arange(len(codes))
    followers = own_end - position - 1
    strangers = len(codes) - own_end
    num_targets, num_others = int(followers.sum()), int(strangers.sum())

    if trials == "all":
        if num_targets + num_others > _MOST:
            raise UserError(
                f"All pairs of {len(codes):,} utterances are {num_targets + num_others:,} trials: "
                "give a number of trials instead of 'all'."
            )
        wanted = num_targets + num_others
    else:
        wanted = min(trials, num_targets + num_others)
    take_others = min(num_others, max(wanted - wanted // 2, wanted - num_targets))
    take_targets = wanted - take_others

    rng = np.random.default_rng(seed)
    first, offset = _unrank(_draw(rng, num_targets, take_targets), followers)
    targets = np.stack([first, first + 1 + offset], axis=1)
    first, offset = _unrank(_draw(rng, num_others, take_others), strangers)
    others = np.stack([first, own_end[first] + offset], axis=1)
    pairs = np.sort(order[np.concatenate([targets, others])], axis=1)
    labels = np.repeat([1, 0], [take_targets, take_others])
    return pairs, labels


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
