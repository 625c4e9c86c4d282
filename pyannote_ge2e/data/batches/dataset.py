"""Whole training batches: N speakers x M chunks of one duration, ready for the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from pyannote_ge2e.data.augmentation.described import Chunks
from pyannote_ge2e.data.batches.chunks import Piece, draw_chunks
from pyannote_ge2e.data.batches.schedule import SpeakerSchedule
from pyannote_ge2e.data.batches.selection import Selection, Short, usable_utterances
from pyannote_ge2e.data.batches.sources import AudioSource, ChunkSource
from pyannote_ge2e.data.index.index import Index

if TYPE_CHECKING:
    from pyannote_ge2e.data.augmentation.augmenter import Augmenter

Batch = dict[str, Any]


class BatchDataset(IterableDataset):
    """Batches of one epoch, the same whatever the number of workers.

    Batch number n of an epoch draws from `numpy.random.SeedSequence([seed, epoch, rank, n])`,
    augmentation included; worker k of K makes batches k, k + K, ... It holds arrays and settings,
    no protocol, model or trainer, so it travels to workers of any start method.

    Parameters
    ----------
    index : Index
    selection : Selection
    num_classes : int
        N, speakers in a batch.
    num_chunks : int
        M, chunks of a speaker.
    duration : (float, float)
        Shortest and longest chunk, in seconds; each batch draws one duration.
    batches_per_epoch : int
        For this rank.
    short : {"join", "repeat", "skip"}
        See `draw_chunks`.
    sample_rate : int
    seed, rank : int
    augmentation : torch-audiomentations transform, optional
        Ours among them: see `Augmenter`.
    augment_here : bool
        Whether augmentations are applied to waveforms as batches are made. Otherwise they are
        drawn only, and whoever has the batch on a GPU applies them there.
    source : ChunkSource, optional
        What chunks are read from. Defaults to the audio files of the index.

    Attributes
    ----------
    epoch : int
        To be set before iterating.
    """

    def __init__(
        self,
        index: Index,
        selection: Selection,
        *,
        num_classes: int,
        num_chunks: int,
        duration: tuple[float, float],
        batches_per_epoch: int,
        short: Short = "join",
        sample_rate: int = 16000,
        seed: int = 0,
        rank: int = 0,
        augmentation: torch.nn.Module | None = None,
        augment_here: bool = True,
        source: ChunkSource | None = None,
    ) -> None:
        super().__init__()
        self.index = index
        self.selection = selection
        self.num_classes = num_classes
        self.num_chunks = num_chunks
        self.duration = duration
        self.batches_per_epoch = batches_per_epoch
        self.short = short
        self.sample_rate = sample_rate
        self.seed = seed
        self.rank = rank
        self.augmenter = _augmenter(augmentation)
        self.augment_here = augment_here
        self.source = AudioSource(index, sample_rate) if source is None else source
        self.epoch = 0
        self._schedule: SpeakerSchedule | None = None

    def __len__(self) -> int:
        return self.batches_per_epoch

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in range(first, self.batches_per_epoch, step):
            yield self.batch(number)

    def speakers(self, number: int) -> np.ndarray:
        """Classes in a batch of the current epoch, (N,)."""
        key = (self.seed, self.epoch, self.rank)
        if self._schedule is None or self._schedule.key != key:
            self._schedule = self.selection.schedule(self.num_classes, key)
        return self._schedule.speakers(number)

    def batch(self, number: int) -> Batch:
        """Make one batch of the current epoch.

        Returns
        -------
        batch : dict
            `X`, (N x M, channel, unit of the source) float32, and `y`, (N x M,) int64: each
            speaker's chunks follow one another. What is left to apply is in `augmentation`: steps
            of `Augmenter`.
        """
        sequence = np.random.SeedSequence([self.seed, self.epoch, self.rank, number])
        rng = np.random.default_rng(sequence)
        shortest, longest = self.source.units(np.array(self.duration))
        length = int(rng.integers(shortest, longest + 1))
        classes = self.speakers(number)
        y = np.repeat(classes, self.num_chunks)
        if self.augmenter is None:
            return {"X": self._chunks(rng, classes, length), "y": torch.from_numpy(y)}

        chunks = Chunks(len(y), length, self.sample_rate, y, self)
        steps, longer = self.augmenter.draw(sequence.spawn(1)[0], chunks)
        X = self._chunks(rng, classes, longer)
        now, later = self.augmenter.split(steps, self.augment_here)
        X = self.augmenter.apply(X, now, self.sample_rate)
        batch = {"X": X, "y": torch.from_numpy(y)}
        return {**batch, "augmentation": later} if later else batch

    # --- what augmentations may ask for -------------------------------------------------------

    @property
    def num_speakers(self) -> int:
        """Speakers to train on, C."""
        return len(self.selection.speakers)

    def speech(self, rng: np.random.Generator, speaker: int, length: int) -> np.ndarray:
        """Read a chunk of a speaker (a class): (length,) float32."""
        chunk = self.source.empty(1, length)
        self._fill(rng, speaker, chunk, length)
        return chunk[0, 0]

    # --- reading ------------------------------------------------------------------------------

    def _chunks(self, rng: np.random.Generator, classes: np.ndarray, length: int) -> torch.Tensor:
        chunks = self.source.empty(len(classes) * self.num_chunks, length)
        for position, label in enumerate(classes):
            first = position * self.num_chunks
            self._fill(rng, int(label), chunks[first : first + self.num_chunks], length)
        return torch.from_numpy(chunks)

    def _fill(self, rng: np.random.Generator, label: int, chunks: np.ndarray, length: int) -> None:
        """Read as many chunks of a class as there is room for."""
        utterances, lengths = self._utterances(int(self.selection.speakers[label]))
        drawn = draw_chunks(rng, lengths, len(chunks), length, self.short)
        for chunk, pieces in zip(chunks, drawn, strict=True):
            self._read(chunk, utterances, pieces)

    def _utterances(self, speaker: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and lengths, in units of the source, of a speaker's usable utterances."""
        rows = self.index.utterances(speaker)
        durations = self.index.end[rows] - self.index.start[rows]
        lengths = self.source.units(durations)
        usable = usable_utterances(durations, self.duration[1], self.short)
        kept = np.flatnonzero(usable & (lengths > 0))
        return rows.start + kept, lengths[kept]

    def _read(self, out: np.ndarray, utterances: np.ndarray, pieces: list[Piece]) -> None:
        filled = 0
        for piece in pieces:
            row = utterances[piece.utterance]
            file, start = int(self.index.file[row]), float(self.index.start[row])
            room = self.source.room(out, filled, piece.length)
            self.source.read(file, start, piece.offset, piece.length, out=room)
            filled += piece.length


def _augmenter(augmentation: torch.nn.Module | None) -> Augmenter | None:
    if augmentation is None:
        return None
    # Here, for whoever augments nothing need not load torch-audiomentations.
    from pyannote_ge2e.data.augmentation.augmenter import Augmenter

    return Augmenter(augmentation)
