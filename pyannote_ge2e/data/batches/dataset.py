"""Whole training batches: N speakers x M chunks of one duration, ready for the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from pyannote_ge2e.data.batches.chunks import Piece, draw_chunks
from pyannote_ge2e.data.batches.schedule import SpeakerSchedule
from pyannote_ge2e.data.batches.seeded import augment
from pyannote_ge2e.data.batches.selection import Selection, Short, usable_utterances
from pyannote_ge2e.data.batches.sources import AudioSource, ChunkSource
from pyannote_ge2e.data.index.index import Index

Batch = dict[str, torch.Tensor]


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
        self.augmentation = augmentation
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
            self._schedule = SpeakerSchedule(self.selection.corpora, self.num_classes, key)
        return self._schedule.speakers(number)

    def batch(self, number: int) -> Batch:
        """Make one batch of the current epoch.

        Returns
        -------
        batch : dict
            `X`, (N x M, channel, unit of the source) float32, and `y`, (N x M,) int64: each
            speaker's chunks follow one another.
        """
        sequence = np.random.SeedSequence([self.seed, self.epoch, self.rank, number])
        rng = np.random.default_rng(sequence)
        shortest, longest = (round(seconds * self.source.rate) for seconds in self.duration)
        length = int(rng.integers(shortest, longest + 1))
        classes = self.speakers(number)
        chunks = self.source.empty(len(classes) * self.num_chunks, length)
        for position, label in enumerate(classes):
            utterances, lengths = self._utterances(int(self.selection.speakers[label]))
            drawn = draw_chunks(rng, lengths, self.num_chunks, length, self.short)
            for row, pieces in enumerate(drawn, start=position * self.num_chunks):
                self._read(chunks[row], utterances, pieces)
        X = torch.from_numpy(chunks)
        if self.augmentation is not None:
            X = augment(self.augmentation, X, self.sample_rate, sequence.spawn(1)[0])
        return {"X": X, "y": torch.from_numpy(np.repeat(classes, self.num_chunks))}

    def _utterances(self, speaker: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and lengths, in units of the source, of a speaker's usable utterances."""
        # In the column's own type: for any other, numpy converts a copy of the whole column.
        bounds = np.array([speaker, speaker + 1], self.index.speaker.dtype)
        first, last = np.searchsorted(self.index.speaker, bounds)
        durations = self.index.end[first:last] - self.index.start[first:last]
        kept = np.flatnonzero(usable_utterances(durations, self.duration[1], self.short))
        return first + kept, self.source.units(durations[kept])

    def _read(self, out: np.ndarray, utterances: np.ndarray, pieces: list[Piece]) -> None:
        filled = 0
        for piece in pieces:
            row = utterances[piece.utterance]
            file, start = int(self.index.file[row]), float(self.index.start[row])
            room = out[:, filled : filled + piece.length]
            self.source.read(file, start, piece.offset, piece.length, out=room)
            filled += piece.length
