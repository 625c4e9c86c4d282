"""Batches from a pack are those from the audio files, and what does not fit is said before work."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pyannote_ge2e.data.audio.pack.layout import About
from pyannote_ge2e.data.audio.pack.write import write_pack
from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.loader import BatchLoader
from pyannote_ge2e.data.batches.pack_source import PackSource, without_left_out
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.batches.sources import AudioSource, ChunkSource
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.errors import UserError

RATE = 16000
ABOUT = About("Tiny.SpeakerVerification.All", "train", RATE)


class Corpus:
    """Five speakers, six files each of 0.3 to 1.5 s; annotations end up to 50 ms too late."""

    def __init__(self, root: Path, suffix: str = "wav") -> None:
        self.root = root
        self.audio = root / "audio"
        self.audio.mkdir(parents=True)
        rng = np.random.default_rng(0)
        utterances = []
        for speaker in "abcde":
            for k in range(6):
                samples = int(rng.uniform(0.3, 1.5) * RATE)
                path = self.audio / f"{speaker}{k}.{suffix}"
                soundfile.write(path, 0.1 * rng.standard_normal(samples), RATE)
                end = samples / RATE + rng.uniform(0, 0.05)
                utterances.append(Utterance(speaker, "D", str(path), 0.0, end, f"{speaker}{k}"))
        self.index = Index.of(utterances)
        self.index.save(root / "index")
        self.index = Index.load(root / "index")
        self.pack = root / "pack"
        write_pack(self.index, self.pack, ABOUT, shard_size=200_000)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def own(tmp_path: Path) -> Corpus:
    """One to break."""
    return Corpus(tmp_path / "own")


def dataset(index: Index, source: ChunkSource, short: str = "join") -> BatchDataset:
    return BatchDataset(
        index,
        select_speakers(index, 0.8, 4, short=short),
        num_classes=4,
        num_chunks=8,  # more than a speaker has files: several chunks of some, and short ones
        duration=(0.4, 0.8),
        batches_per_epoch=4,
        short=short,
        source=source,
    )


@pytest.mark.parametrize("short", ["join", "repeat", "skip"])
def test_batches_are_those_of_the_wav_files_bit_by_bit(corpus: Corpus, short: str) -> None:
    from_files = dataset(corpus.index, AudioSource(corpus.index, RATE), short)
    from_pack = dataset(corpus.index, PackSource(corpus.index, corpus.pack), short)
    for number in range(4):
        expected, found = from_files.batch(number), from_pack.batch(number)
        assert torch.equal(found["X"], expected["X"])
        assert torch.equal(found["y"], expected["y"])


def test_workers_make_the_same_batches(corpus: Corpus) -> None:
    expected = list(dataset(corpus.index, PackSource(corpus.index, corpus.pack)))
    loader = BatchLoader(
        dataset(corpus.index, PackSource(corpus.index, corpus.pack)),
        epoch=lambda: 0,
        num_workers=2,
    )
    for found, batch in zip(loader, expected, strict=True):
        assert torch.equal(found["X"], batch["X"])


def test_it_travels_as_two_paths(corpus: Corpus) -> None:
    source = PackSource(corpus.index, corpus.pack)
    sent = pickle.dumps(source)
    assert len(sent) < 1000
    np.testing.assert_array_equal(
        pickle.loads(sent).read(3, 0.1, 50, 2000), source.read(3, 0.1, 50, 2000)
    )


def test_the_audio_files_need_not_be_there(own: Corpus) -> None:
    expected = list(dataset(own.index, AudioSource(own.index, RATE)))
    shutil.rmtree(own.audio)
    source = PackSource(own.index, own.pack)
    source.check(RATE)
    for found, batch in zip(dataset(own.index, source), expected, strict=True):
        assert torch.equal(found["X"], batch["X"])


def test_another_protocol_may_use_a_part_of_it(corpus: Corpus, tmp_path: Path) -> None:
    some = corpus.index.only(np.arange(len(corpus.index.speaker)) % 2 == 0)
    source = PackSource(some, corpus.pack)
    source.check(RATE)
    expected = AudioSource(some, RATE)
    for file in some.file.tolist()[::3]:
        np.testing.assert_array_equal(
            source.read(file, 0.0, 10, 3000), expected.read(file, 0.0, 10, 3000)
        )


def test_what_could_not_be_packed_is_left_out_and_told(own: Corpus) -> None:
    shutil.rmtree(own.pack)
    for name in ("a0", "a1", "c3"):
        (own.audio / f"{name}.wav").write_text("no audio")
    for k in range(6):
        (own.audio / f"e{k}.wav").write_bytes(b"")
    write_pack(own.index, own.pack, ABOUT)
    index, remark = without_left_out(own.index, own.pack)
    assert remark is not None
    assert remark.startswith("9 of 30 files could not be packed and are left out: see '")
    assert "left_out.tsv" in remark
    assert list(index.speakers) == ["a", "b", "c", "d"]
    assert len(index.speaker) == 21
    source = PackSource(index, own.pack)
    source.check(RATE)
    assert len(list(dataset(index, source))) == 4


def test_nothing_left_out_changes_nothing(corpus: Corpus) -> None:
    assert without_left_out(corpus.index, corpus.pack) == (corpus.index, None)


# --- what does not fit ----------------------------------------------------------------------


def test_another_sample_rate_is_refused(corpus: Corpus) -> None:
    with pytest.raises(UserError, match=r"is at 16000 Hz and the model works at 8000 Hz"):
        PackSource(corpus.index, corpus.pack).check(8000)


def test_files_that_it_lacks_are_named(corpus: Corpus) -> None:
    more = Index.of(
        [
            Utterance("a", "D", "a0.wav", 0.0, 0.2, "a0"),
            Utterance("z", "D", "z0.wav", 0.0, 0.2, "z0"),
            Utterance("z", "E", "a1.wav", 0.0, 0.2, "a1"),  # that of another database
        ]
    )
    with pytest.raises(UserError, match=r"lacks 'z0', and 1 more: bring it up to date with '.*All"):
        PackSource(more, corpus.pack).check(RATE)


def test_a_changed_source_is_named(own: Corpus) -> None:
    path = own.audio / "b2.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(UserError, match=r"b2\.wav' has changed since '.*pack' was packed: bring"):
        PackSource(own.index, own.pack).check(RATE)


def test_an_annotation_longer_than_the_audio_is_named_before_training(corpus: Corpus) -> None:
    long = Index.of(
        [
            Utterance("a", "D", str(corpus.audio / "a0.wav"), 0.0, 9.0, "a0"),
            Utterance("b", "D", str(corpus.audio / "b0.wav"), 0.0, 0.2, "b0"),
        ]
    )
    with pytest.raises(UserError, match=r"s of 'a0', and its annotation ends at 9\.000 s: if "):
        PackSource(long, corpus.pack).check(RATE)


def test_a_piece_that_lies_beyond_the_end_of_a_shard_is_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(RATE, 0.5), RATE)
    index = Index.of([Utterance("a", "D", str(path), 0.0, 1.09, "a")])
    write_pack(index, tmp_path / "pack", ABOUT)
    piece = PackSource(index, tmp_path / "pack").read(0, 1.06, 0, 480)
    assert piece.tolist() == [[0.0] * 480]
