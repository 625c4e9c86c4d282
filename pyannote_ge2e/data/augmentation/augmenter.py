"""Running a composition of augmentations on a batch: first drawn, then applied.

torch-audiomentations' Compose, OneOf and SomeOf say what may happen. What does happen to a batch is
a list of steps: drawn in a dataset worker, it travels with the batch as tensors and plain numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TypedDict

import numpy as np
import torch
from torch import nn

from pyannote_ge2e.data.augmentation.composition import chosen_of, leaves_of
from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.augmentation.foreign import call
from pyannote_ge2e.data.augmentation.seeded import child, one_thread, seed_words, seeded
from pyannote_ge2e.data.augmentation.spec_augment import SpecAugment
from pyannote_ge2e.data.augmentation.transform import Augmentation, Drawn, wrapped


class Step(TypedDict, total=False):
    """One transform that is to be applied to a batch."""

    leaf: int  # which transform of the composition
    length: int  # samples of a chunk after it
    rows: torch.Tensor  # chunks that it is applied to
    drawn: Drawn  # what one of ours has drawn
    seed: list[int]  # from which any other is going to draw


class Augmenter:
    """Draws and applies the transforms of a composition.

    Parameters
    ----------
    transform : Module
        One of ours, one of torch-audiomentations', a Compose, OneOf or SomeOf of them, or any
        module called with waveforms.

    Examples
    --------
    >>> from torch_audiomentations import Gain
    >>> augmenter = Augmenter(Gain(p=1.0, output_type="dict"))
    >>> augmenter(torch.ones(2, 1, 8), 16000, np.random.SeedSequence(0)).shape
    torch.Size([2, 1, 8])
    """

    def __init__(self, transform: nn.Module) -> None:
        self.transform = transform.train()
        self.leaves = leaves_of(transform)

    def __call__(
        self, waveforms: torch.Tensor, sample_rate: int, sequence: np.random.SeedSequence
    ) -> torch.Tensor:
        """Draw and apply at once: (batch, 1, sample) in and out, of the same length."""
        chunks = Chunks(len(waveforms), waveforms.shape[-1], sample_rate)
        steps, length = self.draw(sequence, chunks)
        return self.apply(wrapped(waveforms, length), steps, sample_rate)

    @property
    def masks_frames(self) -> bool:
        """Whether some of it is for the frames of a network, not for waveforms."""
        return any(isinstance(leaf, SpecAugment) for leaf in self.leaves)

    @property
    def changes_waveforms(self) -> bool:
        """Whether some of it is for waveforms."""
        return any(not isinstance(leaf, SpecAugment) for leaf in self.leaves)

    # --- drawing ------------------------------------------------------------------------------

    def draw(self, sequence: np.random.SeedSequence, chunks: Chunks) -> tuple[list[Step], int]:
        """Draw what happens to a batch.

        Parameters
        ----------
        sequence : numpy SeedSequence
            The same sequence draws the same.
        chunks : Chunks
            As they are to be once augmented.

        Returns
        -------
        steps : list of Step
        length : int
            Samples that each chunk needs before, more than after when it is going to be shortened.
        """
        chosen = chosen_of(self.transform, np.random.default_rng(sequence))
        length = chunks.length
        steps = []
        # From the last to the first: how long a chunk must be depends on what follows.
        for position in reversed(range(len(chosen))):
            step, length = self._draw(
                chosen[position], child(sequence, position), replace(chunks, length=length)
            )
            steps += [] if step is None else [step]
        return steps[::-1], length

    def _draw(
        self, leaf: nn.Module, sequence: np.random.SeedSequence, chunks: Chunks
    ) -> tuple[Step | None, int]:
        step = Step(leaf=self._number(leaf), length=chunks.length)
        if not isinstance(leaf, Augmentation | SpecAugment):
            return Step(**step, seed=seed_words(sequence)), chunks.length
        rng = np.random.default_rng(sequence)
        rows = leaf.rows(rng, chunks)
        if len(rows) == 0:
            return None, chunks.length
        shared = isinstance(leaf, Augmentation) and leaf.mode == "per_batch"
        drawn = leaf.draw(rng, chunks.at(rows[:1] if shared else rows))
        length = chunks.length
        if isinstance(leaf, Augmentation):
            length = leaf.input_length(drawn, length, chunks.sample_rate)
        return Step(**step, rows=torch.from_numpy(rows), drawn=drawn), length

    def _number(self, leaf: nn.Module) -> int:
        return next(number for number, each in enumerate(self.leaves) if each is leaf)

    # --- applying -----------------------------------------------------------------------------

    def split(self, steps: Sequence[Step], here: bool) -> tuple[list[Step], list[Step]]:
        """Part the steps to be applied where they were drawn from those to be applied elsewhere.

        Parameters
        ----------
        steps : list of Step
        here : bool
            Whether all that can be applied to waveforms is. Otherwise only what has to be: what
            needs the CPU, and what comes before it.
        """
        waveforms = [step for step in steps if not self._is_for_frames(step)]
        if not here:
            needs = [k for k, step in enumerate(waveforms) if self._needs_cpu(step)]
            waveforms = waveforms[: needs[-1] + 1 if needs else 0]
        done = {id(step) for step in waveforms}
        return waveforms, [step for step in steps if id(step) not in done]

    def apply(
        self, waveforms: torch.Tensor, steps: Sequence[Step], sample_rate: int
    ) -> torch.Tensor:
        """Apply the steps for waveforms.

        Parameters
        ----------
        waveforms : (batch, 1, sample) float32 tensor
            Left as it is.
        steps : list of Step
            On the device of the waveforms, but for `seed`.
        sample_rate : int

        Returns
        -------
        augmented : (batch, 1, length) float32 tensor
        """
        device = waveforms.device
        threads = one_thread() if device.type == "cpu" else nullcontext()
        with torch.no_grad(), torch.autocast(device.type, enabled=False), threads:
            for step in steps:
                leaf = self.leaves[step["leaf"]]
                if isinstance(leaf, Augmentation):
                    waveforms = _apply(leaf, step, waveforms, sample_rate)
                elif not isinstance(leaf, SpecAugment):
                    with seeded(step["seed"], device):
                        waveforms = call(leaf, waveforms, sample_rate)
        return waveforms

    def apply_to_frames(self, features: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
        """Apply the steps for frames to (batch, dimension, frame) features."""
        for step in steps:
            leaf = self.leaves[step["leaf"]]
            if isinstance(leaf, SpecAugment):
                rows = step["rows"]
                masked = leaf.mask(features[rows], step["drawn"])
                features = features.index_copy(0, rows, masked)
        return features

    def _is_for_frames(self, step: Step) -> bool:
        return isinstance(self.leaves[step["leaf"]], SpecAugment)

    def _needs_cpu(self, step: Step) -> bool:
        leaf = self.leaves[step["leaf"]]
        return isinstance(leaf, Augmentation) and leaf.needs_cpu


def _apply(
    leaf: Augmentation, step: Step, waveforms: torch.Tensor, sample_rate: int
) -> torch.Tensor:
    rows, length = step["rows"], step["length"]
    if len(rows) == len(waveforms):
        return leaf.augment(waveforms, step["drawn"], length, sample_rate)
    augmented = leaf.augment(waveforms[rows], step["drawn"], length, sample_rate)
    return waveforms[..., :length].index_copy(0, rows, augmented)
