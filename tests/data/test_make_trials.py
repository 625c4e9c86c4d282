"""Which pairs of utterances are compared, and which speakers go where."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyannote_ge2e.data.prepare.make_trials import make_trials
from pyannote_ge2e.data.prepare.split import SUBSETS, split_speakers
from pyannote_ge2e.errors import UserError

SPEAKERS = list("abacabadabacaba")


def test_all_pairs_are_all_pairs() -> None:
    pairs, labels = make_trials(SPEAKERS, "all")
    expected = {
        (i, j): int(SPEAKERS[i] == SPEAKERS[j]) for i, j in itertools.combinations(range(15), 2)
    }
    assert dict(zip(map(tuple, pairs.tolist()), labels.tolist(), strict=True)) == expected


def test_more_trials_than_pairs_are_all_pairs() -> None:
    assert len(make_trials(SPEAKERS, 1000)[0]) == 105


@pytest.mark.parametrize("wanted", [1, 2, 7, 40, 100])
def test_as_many_as_wanted_each_once_with_the_right_label(wanted: int) -> None:
    pairs, labels = make_trials(SPEAKERS, wanted)
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs) == wanted
    assert (pairs[:, 0] < pairs[:, 1]).all()
    same = [SPEAKERS[i] == SPEAKERS[j] for i, j in pairs.tolist()]
    np.testing.assert_array_equal(labels, same)


def test_half_are_targets() -> None:
    speakers = np.repeat(np.arange(100), 50).astype(str).tolist()
    _, labels = make_trials(speakers, 20_000)
    assert labels.sum() == 10_000


def test_every_pair_is_as_likely() -> None:
    counts = np.zeros((8, 8))
    for seed in range(600):
        pairs, _ = make_trials(list("aaaabbcd"), 8, seed)
        counts[tuple(pairs.T)] += 1
    # 4 of 7 targets, 4 of 21 non-targets.
    same = np.equal.outer(list("aaaabbcd"), list("aaaabbcd"))
    upper = np.triu(np.ones((8, 8), bool), 1)
    np.testing.assert_allclose(counts[upper & same] / 600, 4 / 7, atol=0.09)
    np.testing.assert_allclose(counts[upper & ~same] / 600, 4 / 21, atol=0.07)


def test_the_seed_decides() -> None:
    first, again, other = (make_trials(SPEAKERS, 20, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("speakers", [[], ["a"], ["a", "b"], ["a", "a"]])
def test_few_utterances(speakers: list[str]) -> None:
    pairs, labels = make_trials(speakers)
    assert pairs.shape == (len(labels), 2)
    assert len(labels) == len(speakers) // 2


def test_a_million_utterances_take_no_enumeration() -> None:
    speakers = np.repeat(np.arange(5000), 200).astype(str).tolist()
    assert len(make_trials(speakers, 1000)[0]) == 1000
    with pytest.raises(UserError, match="give a number of trials"):
        make_trials(speakers, "all")


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (2, (2, 0, 0)),
        (3, (3, 0, 0)),
        (4, (2, 2, 0)),
        (5, (3, 2, 0)),
        (6, (2, 2, 2)),
        (60, (48, 6, 6)),
    ],
)
def test_small_corpora_keep_two_speakers_where_they_can(count: int, sizes: tuple) -> None:
    subsets = list(split_speakers({str(n): 2 for n in range(count)}).values())
    assert tuple(map(subsets.count, ("train", "development", "test"))) == sizes


def test_speakers_of_one_utterance_are_trained_on() -> None:
    subsets = split_speakers({f"{n}": 1 + (n < 4) for n in range(20)})
    assert all(subset == "train" for name, subset in subsets.items() if int(name) >= 4)
    assert sorted(subsets.values()).count("train") == 16


@pytest.mark.parametrize(
    ("ratios", "sizes"),
    [((0, 0, 1), [0, 0, 7]), ((0, 1, 0), [0, 7, 0]), ((0, 0.5, 0.5), [0, 5, 2])],
)
def test_nobody_is_trained_on_where_training_has_no_share(
    ratios: tuple[float, float, float], sizes: list[int]
) -> None:
    # Who speaks once is in no target trial, and yet not in the training subset.
    subsets = list(split_speakers({f"{n}": 1 + (n > 0) for n in range(7)}, ratios).values())
    assert [subsets.count(name) for name in SUBSETS] == sizes


def test_order_of_speakers_does_not_matter_and_the_seed_does() -> None:
    names = {f"{n}": 3 for n in range(30)}
    assert split_speakers(names) == split_speakers(dict(reversed(names.items())))
    assert split_speakers(names, seed=1) != split_speakers(names)


def test_one_more_speaker_moves_next_to_nobody() -> None:
    before = split_speakers({f"speaker{n}": 3 for n in range(60)})
    for newcomer in ("alice", "bob", "carol", "dave", "eve"):
        after = split_speakers({**dict.fromkeys(before, 3), newcomer: 3})
        assert sum(before[name] != after[name] for name in before) <= 2
        assert [name for name in before if (before[name], after[name]) == ("train", "test")] == []
