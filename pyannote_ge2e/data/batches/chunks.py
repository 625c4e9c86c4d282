"""Where the chunks of one speaker are cut: different utterances first, none shared if possible.

A *source* is what chunks are cut from: one utterance, or several put end to end when they are
shorter than a chunk. Everything is counted in samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from pyannote_ge2e.data.batches.selection import Short


class Piece(NamedTuple):
    """Part of an utterance: which one, from which sample, how many samples."""

    utterance: int
    offset: int
    length: int


Source = list[Piece]


def draw_chunks(
    rng: np.random.Generator,
    lengths: np.ndarray,
    num_chunks: int,
    num_samples: int,
    short: Short = "join",
) -> list[list[Piece]]:
    """Draw chunks from the utterances of one speaker.

    Utterances are drawn without replacement, in proportion to their length. Only when they run
    out does one give several chunks, which do not overlap if it is long enough.

    Parameters
    ----------
    rng : numpy Generator
    lengths : (U,) int array
        Samples in each utterance, all positive.
    num_chunks : int
        M.
    num_samples : int
        Length of a chunk.
    short : {"join", "repeat", "skip"}
        An utterance shorter than a chunk is joined with others, or repeated. ("skip" is for the
        caller, who leaves it out.)

    Returns
    -------
    chunks : list of M lists of Piece
        The pieces of a chunk, put end to end, have `num_samples` samples.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [[piece.utterance for piece in chunk] for chunk in draw_chunks(rng, np.array([9, 9]), 2, 4)]
    [[0], [1]]
    >>> draw_chunks(rng, np.array([3]), 1, 6, "repeat")
    [[Piece(utterance=0, offset=0, length=3), Piece(utterance=0, offset=0, length=3)]]
    """
    # Exponential keys divided by weights: a weighted draw without replacement, in one sort
    # (Efraimidis and Spirakis, 2006).
    order = np.argsort(rng.standard_exponential(len(lengths)) / lengths).tolist()
    whole = (Piece(item, 0, int(lengths[item])) for item in order)
    sources = (_repeat if short == "repeat" else _join)(whole, num_chunks, num_samples)
    totals = [_length(source) for source in sources]
    chunks = []
    counts = _share(totals, num_chunks)
    for source, total, count in zip(sources, totals, counts, strict=True):
        for offset in _offsets(rng, total, count, num_samples):
            chunks.append(_cut(source, offset, num_samples))
    return chunks


def _length(source: Source) -> int:
    return sum(piece.length for piece in source)


def _repeat(utterances: Iterator[Piece], most: int, num_samples: int) -> list[Source]:
    return [[piece] * -(-num_samples // piece.length) for piece in islice(utterances, most)]


def _join(utterances: Iterator[Piece], most: int, num_samples: int) -> list[Source]:
    """Sources from utterances in the order drawn; short ones are gathered until they suffice."""
    sources: list[Source] = []
    gathered: Source = []
    for piece in utterances:
        if len(sources) == most:
            return sources
        if piece.length >= num_samples:
            sources.append([piece])
            continue
        gathered.append(piece)
        if _length(gathered) >= num_samples:
            sources.append(gathered)
            gathered = []
    if gathered and len(sources) < most:
        _complete(sources, gathered, num_samples)
    return sources


def _complete(sources: list[Source], gathered: Source, num_samples: int) -> None:
    """Find a place for utterances that are left over, too short for a chunk, in `sources`."""
    missing = num_samples - _length(gathered)
    if not sources:
        sources.append(gathered * -(-num_samples // _length(gathered)))
        return
    longest = max(sources, key=_length)
    last = longest[-1]
    rest = last.length - missing
    if rest > 0 and _length(longest) - missing >= num_samples:
        # What is missing leaves the end of the longest source, so that no two chunks share it.
        longest[-1] = Piece(last.utterance, last.offset, rest)
        sources.append([*gathered, Piece(last.utterance, last.offset + rest, missing)])
    else:
        longest.extend(gathered)


def _share(totals: list[int], num_chunks: int) -> list[int]:
    """How many chunks each source gives: one each, the others to where most room is left."""
    counts = np.ones(len(totals), np.int64)
    for _ in range(num_chunks - len(totals)):
        counts[np.argmax(np.array(totals) / (counts + 1))] += 1
    return counts.tolist()


def _offsets(rng: np.random.Generator, total: int, count: int, num_samples: int) -> list[int]:
    """First samples of `count` chunks of a source, in increasing order."""
    spare = total - count * num_samples
    if spare >= 0 and count == 1:
        # As below, which takes a large part of the time of a batch that is read from memory.
        return [int(rng.integers(0, spare + 1))]
    if spare >= 0:
        # Where chunks begin once those before them are taken out: independent, then sorted.
        begins = np.sort(rng.integers(0, spare + 1, count)) + np.arange(count) * num_samples
    else:
        # They must overlap: spread them, one in each of `count` equal parts.
        places = (np.arange(count) + rng.random(count)) / count
        begins = (places * (total - num_samples + 1)).astype(np.int64)
    return begins.tolist()


def _cut(source: Source, offset: int, num_samples: int) -> list[Piece]:
    pieces = []
    for utterance, first, length in source:
        if offset < length and num_samples > 0:
            taken = min(length - offset, num_samples)
            pieces.append(Piece(utterance, first + offset, taken))
            num_samples -= taken
        offset = max(0, offset - length)
    return pieces
