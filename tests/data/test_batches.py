"""Whole batches: who is in them, what is cut from where, and that they are always the same."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch_audiomentations import Gain

from pyannote_ge2e.data.batches.chunks import draw_chunks
from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.loader import BatchLoader
from pyannote_ge2e.data.batches.schedule import SpeakerSchedule
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.batches.sources import AudioSource
from pyannote_ge2e.data.index.build import build_index
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.data.protocol import load_protocol
from pyannote_ge2e.errors import UserError


@pytest.fixture(scope="session")
def tiny_index(tiny_protocol, tmp_path_factory) -> Index:
    folder = tmp_path_factory.mktemp("index") / "tiny"
    build_index(load_protocol(tiny_protocol.name)).save(folder)
    return Index.load(folder)


def dataset_of(index: Index, **options) -> BatchDataset:
    settings = {"num_classes": 3, "num_chunks": 2, "duration": (0.5, 1.0), "batches_per_epoch": 5}
    settings |= options
    selection = select_speakers(
        index, settings["duration"][1], settings["num_classes"], short=settings.get("short", "join")
    )
    return BatchDataset(index, selection, **settings)


# --- who ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("speakers", "size"), [(8, 3), (8, 8), (5, 3), (2, 2), (100, 7)])
def test_speakers_of_a_batch_are_distinct_and_seen_about_equally_often(speakers, size):
    schedule = SpeakerSchedule([np.arange(speakers)], size, (0, 0, 0))
    batches = [schedule.speakers(n) for n in range(50 * schedule.batches_per_pass)]
    assert all(len(np.unique(batch)) == size for batch in batches)
    counts = np.bincount(np.concatenate(batches), minlength=speakers)
    assert counts.min() > 0.5 * counts.mean()
    assert counts.max() <= 50


def test_any_batch_of_the_schedule_can_be_asked_for_alone():
    every = SpeakerSchedule([np.arange(20)], 3, (1, 2, 3))
    expected = [every.speakers(n) for n in range(30)]
    for n in (29, 3, 17):
        alone = SpeakerSchedule([np.arange(20)], 3, (1, 2, 3))
        assert np.array_equal(alone.speakers(n), expected[n])


def test_corpora_do_not_share_a_batch_and_appear_in_proportion_to_their_speakers():
    corpora = [np.arange(12), np.arange(12, 16), np.array([16, 17])]
    schedule = SpeakerSchedule(corpora, 4, (0, 0, 0))
    assert schedule.batches_per_pass == 3 + 1 + 1
    assert schedule.mean_classes == (12 + 4 + 2) / 5
    found = []
    for n in range(schedule.batches_per_pass):
        batch = schedule.speakers(n)
        (home,) = [k for k, corpus in enumerate(corpora) if np.isin(batch, corpus).all()]
        found.append(home)
    assert sorted(found) == [0, 0, 0, 1, 2]


def test_corpora_appear_in_proportion_to_their_shares():
    corpora = [np.arange(12), np.arange(12, 16), np.array([16, 17])]
    schedule = SpeakerSchedule(corpora, 4, (0, 0, 0), shares=[1.0, 6.0, 0.01])
    batches = [schedule.speakers(n) for n in range(3 * schedule.batches_per_pass)]
    homes = [int(np.searchsorted([12, 16], batch.min(), side="right")) for batch in batches]
    assert np.bincount(homes).tolist() == [3, 12, 3]
    assert schedule.mean_classes == (4 + 4 * 4 + 2) / 6
    for batch, home in zip(batches, homes, strict=True):
        assert np.isin(batch, corpora[home]).all()
        assert len(np.unique(batch)) == len(batch) == min(4, len(corpora[home]))


# --- selection ------------------------------------------------------------------------------


def index_of(speech: dict[str, list[float]], database: str = "D") -> Index:
    return Index.of(
        Utterance(
            speaker,
            speaker.split("|")[0] if "|" in speaker else database,
            f"{speaker}{k}.wav",
            0.0,
            length,
        )
        for speaker, lengths in speech.items()
        for k, length in enumerate(lengths)
    )


def test_speakers_with_too_little_speech_are_left_out():
    index = index_of({"a": [5, 5], "b": [4, 4], "c": [10]})
    selection = select_speakers(index, 2.0, 2, label_min_duration=9)
    assert [index.speakers[row] for row in selection.speakers] == ["a", "c"]


def test_skip_leaves_out_short_utterances_and_who_has_no_other():
    index = index_of({"a": [5, 1], "b": [1, 1], "c": [2.0]})
    selection = select_speakers(index, 2.0, 2, short="skip")
    assert [index.speakers[row] for row in selection.speakers] == ["a", "c"]
    with pytest.raises(UserError, match="the longest has 5 s"):
        select_speakers(index, 6.0, 2, short="skip")
    assert len(select_speakers(index, 6.0, 2, short="join").speakers) == 3


def test_one_speaker_is_not_enough():
    with pytest.raises(UserError, match="two speakers"):
        select_speakers(index_of({"a": [5, 5]}), 2.0, 2)


def test_fewer_speakers_than_wanted_are_remarked_upon():
    (remark,) = select_speakers(index_of({"a": [5], "b": [5]}), 2.0, 64).remarks
    assert "2 speakers instead of 64" in remark


def test_database_of_a_single_speaker_is_left_out_and_named():
    index = index_of({"A|1": [5], "A|2": [5], "B|1": [5], "C|1": [5], "C|2": [5]})
    selection = select_speakers(index, 2.0, 2, batch_from="database")
    assert "B" in selection.remarks[0]
    names = [
        [index.speakers[selection.speakers[k]] for k in corpus] for corpus in selection.corpora
    ]
    assert names == [["A|1", "A|2"], ["C|1", "C|2"]]
    lonely = index_of({"A|1": [5], "B|1": [5]})
    with pytest.raises(UserError, match="batch_from: any"):
        select_speakers(lonely, 2.0, 2, batch_from="database")


def test_the_speech_of_a_database_may_be_its_share():
    index = index_of({"A|1": [1], "A|2": [1], "A|3": [1], "B|1": [5, 2], "B|2": [5]})
    assert select_speakers(index, 2.0, 2, batch_from="database").shares is None
    selection = select_speakers(index, 2.0, 2, batch_from="database", batch_share="speech")
    assert selection.shares == [3.0, 12.0]
    schedule = selection.schedule(1, (0,))
    assert [schedule.batches_of, schedule.batches_per_pass] == [[1, 4], 5]


# --- what -----------------------------------------------------------------------------------


def spans(chunks, utterance):
    """Where chunks touch an utterance, sorted."""
    return sorted(
        (piece.offset, piece.offset + piece.length)
        for chunk in chunks
        for piece in chunk
        if piece.utterance == utterance
    )


@pytest.mark.parametrize("seed", range(20))
def test_different_utterances_come_first(seed):
    rng = np.random.default_rng(seed)
    chunks = draw_chunks(rng, np.full(10, 100), 6, 50)
    assert len({chunk[0].utterance for chunk in chunks}) == 6


@pytest.mark.parametrize("seed", range(20))
def test_chunks_of_one_utterance_do_not_overlap_when_it_is_long_enough(seed):
    chunks = draw_chunks(np.random.default_rng(seed), np.array([100, 500]), 6, 80)
    assert all(sum(piece.length for piece in chunk) == 80 for chunk in chunks)
    assert len(spans(chunks, 0)) == 1
    long = spans(chunks, 1)
    assert len(long) == 5
    assert all(end <= start for (_, end), (start, _) in pairwise(long))
    assert long[-1][1] <= 500


def test_chunks_that_must_overlap_are_spread():
    chunks = draw_chunks(np.random.default_rng(0), np.array([100]), 4, 80)
    starts = [start for start, _ in spans(chunks, 0)]
    assert len(set(starts)) == 4
    assert max(starts) <= 20


@pytest.mark.parametrize("seed", range(20))
def test_short_utterances_are_joined_without_sharing(seed):
    chunks = draw_chunks(np.random.default_rng(seed), np.full(6, 30), 2, 80, "join")
    assert all(sum(piece.length for piece in chunk) == 80 for chunk in chunks)
    first, second = ({piece.utterance for piece in chunk} for chunk in chunks)
    assert not first & second


@pytest.mark.parametrize("seed", range(20))
def test_a_short_utterance_left_over_shares_nothing_with_other_chunks(seed):
    lengths = np.array([400, 20, 300])
    chunks = draw_chunks(np.random.default_rng(seed), lengths, 3, 200, "join")
    assert all(sum(piece.length for piece in chunk) == 200 for chunk in chunks)
    for utterance in range(3):
        touched = spans(chunks, utterance)
        assert all(end <= start for (_, end), (start, _) in pairwise(touched))


def test_a_short_utterance_left_over_comes_before_a_second_chunk_of_a_long_one():
    rng = np.random.default_rng(0)
    for _ in range(50):
        chunks = draw_chunks(rng, np.array([400, 20]), 2, 200, "join")
        assert spans(chunks, 1) == [(0, 20)]


def test_a_short_utterance_has_its_turn_where_there_is_no_room_for_it_alone():
    rng = np.random.default_rng(0)
    drawn = [draw_chunks(rng, np.array([210, 20]), 2, 200, "join") for _ in range(50)]
    assert any(spans(chunks, 1) for chunks in drawn)


def test_a_single_short_utterance_is_repeated_until_it_suffices():
    (chunk,) = draw_chunks(np.random.default_rng(0), np.array([30]), 1, 80, "join")
    assert sum(piece.length for piece in chunk) == 80
    assert {piece.utterance for piece in chunk} == {0}


def test_repeat_does_not_mix_utterances():
    for chunk in draw_chunks(np.random.default_rng(0), np.full(3, 30), 3, 80, "repeat"):
        assert len({piece.utterance for piece in chunk}) == 1
        assert sum(piece.length for piece in chunk) == 80


@pytest.mark.parametrize("seed", range(10))
def test_every_chunk_lies_within_its_utterances(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 300, rng.integers(1, 12))
    for short in ("join", "repeat"):
        chunks = draw_chunks(rng, lengths, 7, 120, short)
        assert len(chunks) == 7
        for chunk in chunks:
            assert sum(piece.length for piece in chunk) == 120
            for piece in chunk:
                assert piece.offset >= 0
                assert piece.offset + piece.length <= lengths[piece.utterance]


# --- batches --------------------------------------------------------------------------------


def test_batch_has_the_promised_shape_and_labels(tiny_index):
    batch = dataset_of(tiny_index).batch(0)
    assert batch["X"].dtype == torch.float32
    assert batch["y"].dtype == torch.int64
    assert batch["X"].shape[:2] == (6, 1)
    first, second, third = batch["y"].view(3, 2).tolist()
    assert first[0] == first[1]
    assert len({first[0], second[0], third[0]}) == 3
    assert batch["X"].abs().amax(dim=2).min() > 0.01


def test_each_batch_draws_one_duration_within_bounds(tiny_index):
    dataset = dataset_of(tiny_index, batches_per_epoch=40)
    lengths = {batch["X"].shape[2] for batch in dataset}
    assert len(lengths) > 20
    assert min(lengths) >= 8000
    assert max(lengths) <= 16000
    assert dataset_of(tiny_index, duration=(1.0, 1.0)).batch(3)["X"].shape[2] == 16000


def test_chunks_are_what_the_files_hold(tiny_index):
    batch = dataset_of(tiny_index, duration=(0.5, 0.5)).batch(0)
    for chunk, label in zip(batch["X"][:, 0], batch["y"], strict=True):
        files = [
            soundfile.read(path, dtype="float32")[0]
            for path in map(tiny_index.path, range(len(tiny_index.uris)))
            if Path(path).parent.name == tiny_index.speakers[label]
        ]
        assert any(
            (np.lib.stride_tricks.sliding_window_view(file, 64) == chunk[:64].numpy())
            .all(axis=1)
            .any()
            for file in files
        )


def streams(dataset: BatchDataset) -> list[torch.Tensor]:
    return [batch["X"] for batch in dataset]


def test_streams_differ_by_batch_epoch_rank_and_seed(tiny_index):
    found = set()
    for options in ({}, {"rank": 1}, {"seed": 1}, {"seed": 1, "rank": 1}):
        for epoch in range(3):
            dataset = dataset_of(tiny_index, **options)
            dataset.epoch = epoch
            found |= {X.numpy().tobytes() for X in streams(dataset)}
    assert len(found) == 4 * 3 * 5


def same(first, second) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a["X"], b["X"]) and torch.equal(a["y"], b["y"])
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize(("workers", "method"), [(2, "fork"), (1, "spawn")])
def test_batches_are_the_same_whatever_prepares_them(tiny_index, workers, method):
    dataset = dataset_of(tiny_index, augmentation=Gain(p=0.5, output_type="dict"))
    expected = list(BatchLoader(dataset, epoch=lambda: 3))
    loader = BatchLoader(
        dataset, epoch=lambda: 3, num_workers=workers, multiprocessing_context=method
    )
    assert same(list(loader), expected)
    assert len(loader) == 5


def test_each_iteration_asks_which_epoch_it_is(tiny_index):
    epochs = iter(range(3))
    loader = BatchLoader(dataset_of(tiny_index), epoch=lambda: next(epochs))
    first, second = list(loader), list(loader)
    assert not same(first, second)


def test_the_epoch_is_asked_when_the_first_batch_is(tiny_index):
    """A resumed run knows where it is only after Lightning has begun to iterate."""
    epoch = 0
    loader = BatchLoader(dataset_of(tiny_index), epoch=lambda: epoch)
    begun, expected = iter(loader), list(BatchLoader(dataset_of(tiny_index), epoch=lambda: 1))
    epoch = 1
    assert same(list(begun), expected)


def test_making_batches_leaves_global_generators_alone(tiny_index):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    dataset = dataset_of(tiny_index, augmentation=Gain(p=0.5, output_type="dict"))
    list(BatchLoader(dataset, epoch=lambda: 0))
    list(BatchLoader(dataset, epoch=lambda: 0, num_workers=1))
    assert torch.equal(torch.rand(1), expected)


def test_dataset_travels_light(tiny_index):
    assert len(pickle.dumps(dataset_of(tiny_index))) < 3000


def test_one_chunk_of_a_speaker_may_be_longer_than_any_utterance(tiny_index):
    batch = dataset_of(tiny_index, duration=(3.0, 3.0), num_chunks=4).batch(0)
    assert batch["X"].shape == (12, 1, 48000)


@pytest.mark.parametrize("workers", [0, 1])
def test_broken_file_is_named_in_plain_words(tiny_index, tmp_path, workers):
    path = tmp_path / "broken.wav"
    path.write_bytes(b"not audio at all")
    index = Index.of([Utterance(name, "D", str(path), 0.0, 2.0) for name in ("a", "b")])
    loader = BatchLoader(dataset_of(index), epoch=lambda: 0, num_workers=workers)
    with pytest.raises(UserError, match=r"broken\.wav") as raised:
        list(loader)
    assert "\n" not in str(raised.value)
    assert "Traceback" not in str(raised.value)


def test_annotation_that_ends_just_after_its_file_is_forgiven_and_no_more(tmp_path):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, np.full(16000, 0.5), 16000)

    def batch(end: float) -> torch.Tensor:
        index = Index.of([Utterance(name, "D", path, 0.0, end) for name in ("a", "b")])
        return dataset_of(index, duration=(end, end)).batch(0)["X"]

    assert batch(1.05).shape[2] == 16800
    with pytest.raises(UserError, match="too short"):
        batch(1.5)


@pytest.mark.parametrize("start", [0.9999, 1.02])
def test_a_piece_that_lies_beyond_the_end_of_its_file_is_silence(tmp_path, start):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, np.full(8000, 0.5), 8000)
    source = AudioSource(Index.of([Utterance("a", "D", path, 0.0, 1.06)]))
    piece = source.read(0, start, 0, 480)
    assert piece.shape == (1, 480)
    assert not piece[0, 16:].any()
    with pytest.raises(UserError, match="too short"):
        source.read(0, start, 0, 4800)
