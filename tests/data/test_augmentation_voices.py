"""Babble of the training speakers, and what a dataset does for augmentations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_audiomentations import Compose, Gain, OneOf

from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.babble import Babble
from pyannote_ge2e.data.augmentation.codec import Codec
from pyannote_ge2e.data.augmentation.simulated_room import SimulatedRoom
from pyannote_ge2e.data.augmentation.spec_augment import SpecAugment
from pyannote_ge2e.data.augmentation.speed import Speed
from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.loader import BatchLoader
from pyannote_ge2e.data.batches.selection import select_speakers
from pyannote_ge2e.data.batches.sources import ChunkSource
from pyannote_ge2e.data.index.index import Index, Utterance
from pyannote_ge2e.errors import UserError

RATE = 16000
SPEAKERS = 9
UTTERANCES = 3


class Tones(ChunkSource):
    """A source of its own kind: speaker k hums at 500 x (k + 1) Hz, wherever it is cut."""

    rate = float(RATE)

    def units(self, seconds):
        return np.floor(seconds * RATE).astype(np.int64)

    def empty(self, chunks, length):
        return np.empty((chunks, 1, length), np.float32)

    def read(self, file, start, offset, length, out=None):
        time = (offset + np.arange(length)) / RATE
        tone = np.sin(2 * np.pi * 500 * (file // UTTERANCES + 1) * time).astype(np.float32)
        out = np.empty((1, length), np.float32) if out is None else out
        out[0] = tone
        return out


def index(speakers=SPEAKERS) -> Index:
    return Index.of(
        Utterance(f"s{speaker}", "D", f"{speaker}_{k}.wav", 0.0, 3.0)
        for speaker in range(speakers)
        for k in range(UTTERANCES)
    )


def dataset(augmentation, speakers=SPEAKERS, **options) -> BatchDataset:
    settings = {"num_classes": min(5, speakers), "num_chunks": 4, "duration": (0.5, 0.5)}
    settings |= {"batches_per_epoch": 4, **options}
    made = index(speakers)
    selection = select_speakers(made, 0.5, settings["num_classes"])
    return BatchDataset(made, selection, augmentation=augmentation, source=Tones(), **settings)


def heard(noise):
    """Which of the speakers are heard in noise, (chunk, speaker)."""
    spectrum = torch.fft.rfft(noise[:, 0], dim=-1).abs()
    bins = [500 * (speaker + 1) * noise.shape[-1] // RATE for speaker in range(SPEAKERS)]
    return spectrum[:, bins] > 0.05 * spectrum.amax(-1, keepdim=True)


def babble_of(transform, **options):
    """Noise that a dataset adds, and labels."""
    clean, noisy = (dataset(each, **options).batch(0) for each in (None, transform))
    assert torch.equal(clean["y"], noisy["y"])
    return noisy["X"] - clean["X"], clean


def test_babble_is_other_speakers_and_never_the_chunks_own():
    for n in range(3):
        noise, clean = babble_of(Babble(5, 5, num_voices=[3, 5], p=1.0), seed=n)
        voices = heard(noise)
        assert not voices[torch.arange(20), clean["y"]].any()
        count = voices.sum(1)
        assert count.min() >= 2  # a speaker may be two of the voices
        assert count.max() <= 5
        assert len({tuple(row.tolist()) for row in voices}) > 5
        outside = [k for k in range(SPEAKERS) if k not in clean["y"]]
        assert voices[:, outside].any()


def test_babble_has_its_ratio():
    noise, clean = babble_of(Babble(snr_min=8, snr_max=8, p=1.0))
    ratio = 10 * torch.log10(clean["X"].square().mean(-1) / noise.square().mean(-1))
    assert torch.allclose(ratio, torch.tensor(8.0), atol=0.01)


def test_two_speakers_are_babble_for_one_another():
    noise, clean = babble_of(Babble(5, 5, p=1.0), speakers=2)
    voices = heard(noise)[:, :2]
    assert torch.equal(voices.int().argmax(1), 1 - clean["y"])
    assert (voices.sum(1) == 1).all()


def test_babble_reads_about_as_much_as_it_is_added_to(monkeypatch):
    read = []
    original = Tones.read
    monkeypatch.setattr(
        Tones, "read", lambda self, *args, **more: read.append(1) or original(self, *args, **more)
    )
    dataset(None, num_chunks=20).batch(0)
    plain = len(read)
    read.clear()
    dataset(Babble(num_voices=[3, 7], p=1.0), num_chunks=20).batch(0)
    assert plain == 100
    assert len(read) == 200


def test_babble_after_a_change_of_speed_is_as_long_as_the_chunks_then():
    for order in (0, 1):
        transforms = [Speed(factors=[0.9, 1.1], p=0.5), Babble(p=1.0)]
        composed = Compose(transforms[::-1] if order else transforms, output_type="dict")
        batch = dataset(composed).batch(1)
        assert batch["X"].shape == (20, 1, 8000)


def test_babble_outside_of_training_says_what_it_needs():
    with pytest.raises(UserError, match="made of training speakers"):
        Augmenter(Babble(p=1.0))(torch.ones(2, 1, 800), RATE, np.random.SeedSequence(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snr_min": 20, "snr_max": 13}, r"snr_min \(20\) is above snr_max \(13\)"),
        ({"num_voices": [7, 3]}, r"num_voices should be \[lowest, highest\]"),
        ({"num_voices": 0}, "num_voices should be"),
        ({"num_voices": [2.5, 3.5]}, "num_voices should be"),
    ],
)
def test_babble_that_cannot_be_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        Babble(**options)


# --- datasets ---------------------------------------------------------------------------------


def everything():
    return Compose(
        [
            Speed(p=0.5, by="speaker"),
            OneOf([Babble(p=1.0), SimulatedRoom(p=1.0)], output_type="dict"),
            Gain(p=0.5, output_type="dict"),
            Codec(["gsm"], p=0.2),
            SimulatedRoom(p=0.3),
            SpecAugment(p=0.5),
        ],
        output_type="dict",
    )


def flat(batch):
    """All that a batch holds, to be compared."""
    found = [batch["X"], batch["y"]]
    for step in batch.get("augmentation", []):
        found += [torch.tensor(step["leaf"]), torch.tensor(step["length"])]
        found += [torch.tensor(step.get("seed", [])), step.get("rows", torch.tensor([]))]
        found += list(step.get("drawn", {}).values())
    return found


# A spawned worker takes seconds to begin: one is enough, and it has the more to do.
@pytest.mark.parametrize(
    ("here", "workers", "method"), [(True, 2, "fork"), (False, 2, "fork"), (True, 1, "spawn")]
)
def test_batches_are_the_same_whatever_prepares_them(here, workers, method):
    made = dataset(everything(), augment_here=here)
    expected = list(BatchLoader(made, epoch=lambda: 2))
    loader = BatchLoader(made, epoch=lambda: 2, num_workers=workers, multiprocessing_context=method)
    for batch, other in zip(loader, expected, strict=True):
        assert all(torch.equal(*pair) for pair in zip(flat(batch), flat(other), strict=True))


def test_batches_applied_later_are_those_applied_here():
    here, later = (dataset(everything(), augment_here=value) for value in (True, False))
    left = 0
    for one, other in zip(here, later, strict=True):
        steps = other.get("augmentation", [])
        left += len(steps) - len(one.get("augmentation", []))
        X = later.augmenter.apply(other["X"], steps, RATE)
        assert torch.equal(X, one["X"])
    assert left > 0


def test_a_batch_depends_on_no_other():
    made = dataset(everything())
    expected = [flat(batch) for batch in made]
    for n in (3, 1):
        alone = flat(dataset(everything()).batch(n))
        assert all(torch.equal(*pair) for pair in zip(alone, expected[n], strict=True))


def test_masks_alone_leave_waveforms_as_they_are():
    plain, masked = dataset(None).batch(0), dataset(SpecAugment(p=1.0)).batch(0)
    assert torch.equal(plain["X"], masked["X"])
    assert len(masked["augmentation"]) == 1
    assert "augmentation" not in plain
