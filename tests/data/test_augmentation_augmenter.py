"""Augmenting is drawing, then applying: the same wherever each is done, and with no other trace."""

from __future__ import annotations

import pickle
import random
import warnings

import numpy as np
import pytest
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import nn
from torch.utils.data._utils.pin_memory import pin_memory
from torch_audiomentations import (
    AddColoredNoise,
    BandPassFilter,
    Compose,
    Gain,
    HighPassFilter,
    LowPassFilter,
    OneOf,
    PitchShift,
    PolarityInversion,
    Shift,
    SomeOf,
)

from pyannote_ge2e.data.augmentation.augmenter import Augmenter
from pyannote_ge2e.data.augmentation.codec import Codec
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.simulated_room import SimulatedRoom
from pyannote_ge2e.data.augmentation.spec_augment import SpecAugment
from pyannote_ge2e.data.augmentation.speed import Speed
from pyannote_ge2e.data.augmentation.telephone import Telephone
from pyannote_ge2e.data.augmentation.time_stretch import TimeStretch
from pyannote_ge2e.errors import UserError

THEIRS = {"output_type": "dict", "p": 1.0}


@pytest.fixture
def waveforms():
    return 0.1 * torch.randn(6, 1, 8000, generator=torch.Generator().manual_seed(0))


def sequence(n: int = 0):
    return np.random.SeedSequence([1, 2, n])


def everything():
    """All there is, ours and theirs, nested."""
    return Compose(
        [
            Speed(factors=[0.9, 1.0, 1.1]),
            OneOf([SimulatedRoom(p=0.8), Gain(**THEIRS)], output_type="dict"),
            SomeOf(
                (1, 3),
                [Telephone(p=0.5), Shift(**THEIRS), AddColoredNoise(**THEIRS), TimeStretch(p=0.5)],
                output_type="dict",
            ),
            LowPassFilter(**{**THEIRS, "p": 0.5}),
            Codec(["gsm", "vorbis"], p=0.3),
            SpecAugment(p=0.5),
        ],
        shuffle=True,
        output_type="dict",
    )


def test_same_sequence_augments_in_the_same_way(waveforms):
    augmenter = Augmenter(everything())
    first = augmenter(waveforms, 16000, sequence())
    assert torch.equal(first, augmenter(waveforms, 16000, sequence()))
    assert not torch.equal(first, augmenter(waveforms, 16000, sequence(1)))
    assert first.shape == waveforms.shape


def test_what_is_drawn_depends_on_no_earlier_batch(waveforms):
    alone = Augmenter(everything())(waveforms, 16000, sequence(7))
    augmenter = Augmenter(everything())
    for n in range(5):
        augmenter(waveforms + n, 16000, sequence(n))
    assert torch.equal(augmenter(waveforms, 16000, sequence(7)), alone)


def test_global_generators_are_left_as_they_were(waveforms):
    def draw():
        return torch.rand(1).item(), np.random.rand(), random.random()  # noqa: NPY002

    def seed():
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002
        random.seed(5)

    seed()
    expected = draw()
    seed()
    for n in range(4):
        Augmenter(everything())(waveforms, 16000, sequence(n))
    assert draw() == expected


def test_the_batch_that_is_augmented_is_left_as_it_was(waveforms):
    before = waveforms.clone()
    for n in range(4):
        Augmenter(everything())(waveforms, 16000, sequence(n))
    assert torch.equal(waveforms, before)


@pytest.mark.parametrize("n", range(6))
def test_applying_later_and_elsewhere_gives_the_same(waveforms, n):
    """As in training: drawn and partly applied in a worker, sent, and the rest applied."""
    here = Augmenter(everything())
    steps, length = here.draw(sequence(n), Chunks(6, 8000, 16000))
    longer = torch.cat([waveforms, waveforms], dim=-1)[..., :length]
    expected = here.apply(longer, steps, 16000)

    now, later = here.split(steps, here=False)
    partly = here.apply(longer, now, 16000)
    elsewhere = pickle.loads(pickle.dumps(Augmenter(everything())))
    sent = move_data_to_device(pickle.loads(pickle.dumps(later)), torch.device("cpu"))
    torch.rand(3)  # whatever happened there before
    assert torch.equal(elsewhere.apply(partly, sent, 16000), expected)


@pytest.mark.parametrize("transform", [SimulatedRoom, Speed, TimeStretch, Telephone])
def test_the_number_of_threads_changes_not_a_bit(transform):
    # A single row, long enough for torch to split its sum over threads.
    waveforms = torch.randn(1, 1, 80000, generator=torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(Augmenter(transform(p=1.0))(waveforms, 16000, sequence()))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


def test_steps_survive_pinned_memory_and_its_tuples():
    steps, _ = Augmenter(everything()).draw(sequence(), Chunks(6, 8000, 16000))
    try:
        pinned = pin_memory(steps)
    except RuntimeError as error:
        pytest.skip(f"no memory can be pinned here: {str(error).splitlines()[0]}")
    assert [step["leaf"] for step in pinned] == [step["leaf"] for step in steps]


def test_what_needs_the_cpu_is_applied_where_batches_are_made_with_what_comes_before_it():
    transforms = [
        SimulatedRoom(p=1.0),
        Codec("gsm", p=1.0),
        Telephone(p=1.0),
        SpecAugment(p=1.0),
        Gain(**THEIRS),
    ]
    augmenter = Augmenter(Compose(transforms, output_type="dict"))
    steps, _ = augmenter.draw(sequence(), Chunks(2, 4000, 16000))

    def names(some):
        return [type(augmenter.leaves[step["leaf"]]).__name__ for step in some]

    now, later = augmenter.split(steps, here=False)
    assert names(now) == ["SimulatedRoom", "Codec"]
    assert names(later) == ["Telephone", "SpecAugment", "Gain"]
    now, later = augmenter.split(steps, here=True)
    assert names(now) == ["SimulatedRoom", "Codec", "Telephone", "Gain"]
    assert names(later) == ["SpecAugment"]


def chosen(transform, n):
    augmenter = Augmenter(transform)
    steps, _ = augmenter.draw(sequence(n), Chunks(2, 800, 16000))
    return [step["leaf"] for step in steps]


def test_one_of_applies_one_and_some_of_applies_some():
    ours = [SimulatedRoom(p=1.0), Telephone(p=1.0), Gain(**THEIRS)]
    ones = [chosen(OneOf(ours, output_type="dict"), n) for n in range(40)]
    assert {tuple(found) for found in ones} == {(0,), (1,), (2,)}
    somes = [chosen(SomeOf((1, 2), ours, output_type="dict"), n) for n in range(40)]
    assert {len(found) for found in somes} == {1, 2}
    assert all(found == sorted(found) for found in somes)
    every = [chosen(Compose(ours, output_type="dict", p=0.5), n) for n in range(40)]
    assert {tuple(found) for found in every} == {(), (0, 1, 2)}
    shuffled = [chosen(Compose(ours, shuffle=True, output_type="dict"), n) for n in range(40)]
    assert len({tuple(found) for found in shuffled}) == 6


def test_a_share_of_the_chunks_is_augmented():
    waveforms = torch.randn(300, 1, 400, generator=torch.Generator().manual_seed(0))
    changed = Augmenter(SimulatedRoom(p=0.3))(waveforms, 16000, sequence()) != waveforms
    assert 0.2 < changed.any(-1).float().mean() < 0.4


@pytest.mark.parametrize(
    "transform",
    [
        LowPassFilter(**THEIRS),
        HighPassFilter(**THEIRS),
        BandPassFilter(**THEIRS),
        AddColoredNoise(**THEIRS),
        PitchShift(sample_rate=16000, **THEIRS),
        PolarityInversion(**THEIRS),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_upstreams_transforms_work_and_repeat_themselves(waveforms, transform):
    augmenter = Augmenter(transform)
    first = augmenter(waveforms, 16000, sequence())
    assert torch.equal(first, augmenter(waveforms, 16000, sequence()))
    assert first.shape == waveforms.shape
    assert not torch.equal(first, waveforms)


def test_ours_work_in_upstreams_compositions_without_an_augmenter(waveforms):
    transform = Compose(
        [Speed(p=1.0), SimulatedRoom(p=1.0), TimeStretch(p=1.0), Telephone(p=1.0)],
        output_type="dict",
    )
    torch.manual_seed(0)
    first = transform(samples=waveforms, sample_rate=16000).samples
    assert first.shape == waveforms.shape
    torch.manual_seed(0)
    assert torch.equal(transform(samples=waveforms, sample_rate=16000).samples, first)
    transform.eval()
    assert torch.equal(transform(samples=waveforms, sample_rate=16000).samples, waveforms)


def test_a_composition_with_rules_of_its_own_is_left_to_them(waveforms):
    class Twice(Compose):
        def forward(self, samples=None, sample_rate=None, targets=None, target_rate=None):
            once = super().forward(samples, sample_rate)
            return super().forward(once.samples, sample_rate)

    twice = Twice([PolarityInversion(**THEIRS)], output_type="dict")
    assert torch.equal(Augmenter(twice)(waveforms, 16000, sequence()), waveforms)


def test_any_module_is_called_with_waveforms(waveforms):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        composed = Compose([nn.Dropout(0.5), Gain(**THEIRS)])
    first = Augmenter(composed)(waveforms, 16000, sequence())
    assert 0.3 < (first == 0).float().mean() < 0.7
    assert torch.equal(first, Augmenter(composed)(waveforms, 16000, sequence()))


def test_a_transform_that_fails_is_named(waveforms):
    with pytest.raises(UserError, match="LowPassFilter cannot augment chunks of 8000") as raised:
        Augmenter(LowPassFilter(9000, 9500, **THEIRS))(waveforms, 16000, sequence())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "transform",
    [
        SimulatedRoom(p=1.0),
        Speed(p=1.0),
        TimeStretch(p=1.0),
        Telephone(p=1.0),
        Codec(["gsm", "adpcm", "mp3", "vorbis"], p=1.0),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_silence_becomes_no_nan(transform):
    silence = torch.zeros(8, 1, 4000)
    output = Augmenter(transform)(silence, 16000, sequence())
    assert output.shape == silence.shape
    assert output.abs().max() < 1e-3


def test_autocast_does_not_reach_waveforms(waveforms):
    augmenter = Augmenter(SimulatedRoom(p=1.0))
    expected = augmenter(waveforms, 16000, sequence())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(augmenter(waveforms, 16000, sequence()), expected)
