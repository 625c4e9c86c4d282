"""Speaker-disjoint training, development and test subsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

import numpy as np

from pyannote_ge2e.errors import UserError

__all__ = ["SUBSETS", "check_ratios", "shuffled", "split_speakers"]

SUBSETS = ("train", "development", "test")
"""In pyannote's words."""

_FEWEST = 2  # speakers that a subset needs: one makes no non-target trial, and no training batch


def check_ratios(ratios: Sequence[float]) -> None:
    """Check that ratios are three shares of a whole.

    Examples
    --------
    >>> check_ratios((0.8, 0.1, 0.1))
    """
    if len(ratios) != 3 or min(ratios) < 0 or not np.isclose(sum(ratios), 1):
        raise UserError(
            f"Ratios {', '.join(map(str, ratios))} do not make sense: expected the shares of "
            "train, development and test, such as 0.8,0.1,0.1 (--split)."
        )


def shuffled(speakers: Iterable[str], seed: int = 0, purpose: str = "split") -> list[str]:
    """Put speakers in an order in which each has a place of its own, whoever else there is.

    A corpus grows, and a model trained before should not find its training speakers among those
    of the test afterwards: another speaker leaves the order of all others as it was.

    Parameters
    ----------
    speakers : iterable of str
    seed : int, optional
    purpose : str, optional
        Orders for two purposes have nothing to do with one another.

    Examples
    --------
    >>> before = shuffled(["alice", "bob", "carol"])
    >>> after = shuffled(["alice", "bob", "carol", "dave"])
    >>> [name for name in after if name != "dave"] == before
    True
    """
    return sorted(
        speakers,
        key=lambda name: blake2b(
            f"{seed}|{purpose}|{name}".encode("utf-8", "surrogateescape"), digest_size=8
        ).digest(),
    )


def split_speakers(
    utterances: Mapping[str, int], ratios: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> dict[str, str]:
    """Share speakers out at random between the subsets.

    Development and test get at least two speakers each, of two utterances or more (without which
    there is no target trial), as long as that leaves two to train on, if training is to have a
    share; the test set is given up first. One more speaker moves another one or two at most.

    Parameters
    ----------
    utterances : mapping of str to int
        Number of utterances of each speaker.
    ratios : three floats, optional
        Shares of the speakers for training, development and test.
    seed : int, optional
        Same seed and speakers, same subsets.

    Returns
    -------
    subsets : dict of str to str
        "train", "development" or "test" for each speaker.

    Raises
    ------
    UserError
        When the ratios are not three shares of a whole.

    Examples
    --------
    >>> subsets = split_speakers({f"speaker{n}": 5 for n in range(30)})
    >>> [list(subsets.values()).count(subset) for subset in SUBSETS]
    [24, 3, 3]
    """
    check_ratios(ratios)
    names = sorted(utterances)
    eligible = [name for name in shuffled(names, seed) if utterances[name] > 1]
    # Who is left over goes to the first subset that is to have a share.
    rest = next(subset for subset, ratio in zip(SUBSETS, ratios, strict=True) if ratio)
    subsets = dict.fromkeys(names, rest)
    spare = len(names) - (_FEWEST if rest == "train" else 0)
    for subset, ratio in zip(SUBSETS[1:], ratios[1:], strict=True):
        wanted = max(round(ratio * len(names)), _FEWEST) if ratio else 0
        size = min(wanted, len(eligible), spare)
        if size < _FEWEST:
            continue
        # From either end, so that what one of them gains is not what the other loses.
        if subset == "test":
            chosen, eligible = eligible[-size:], eligible[:-size]
        else:
            chosen, eligible = eligible[:size], eligible[size:]
        subsets.update(dict.fromkeys(chosen, subset))
        spare -= size
    return subsets
