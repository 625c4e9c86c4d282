"""Whole training batches: N speakers x M chunks of one duration, ready for the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from pyannote_ge2e.data.chunks import Piece, draw_chunks
from pyannote_ge2e.data.index import Index
from pyannote_ge2e.data.reader import read_chunk, read_segment
from pyannote_ge2e.data.schedule import SpeakerSchedule
from pyannote_ge2e.data.seeded import augment
from pyannote_ge2e.data.selection import Selection, Short, usable_utterances
from pyannote_ge2e.errors import UserError

Batch = dict[str, torch.Tensor]

# Annotations that round up end a little after the file does; more than this is a broken file.
ROUNDING = 0.1  # seconds


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
            `X`, (N x M, 1, sample) float32, and `y`, (N x M,) int64: each speaker's chunks follow
            one another.
        """
        sequence = np.random.SeedSequence([self.seed, self.epoch, self.rank, number])
        rng = np.random.default_rng(sequence)
        shortest, longest = (round(seconds * self.sample_rate) for seconds in self.duration)
        num_samples = int(rng.integers(shortest, longest + 1))
        classes = self.speakers(number)
        waveforms = np.empty((len(classes) * self.num_chunks, 1, num_samples), np.float32)
        for position, label in enumerate(classes):
            utterances, lengths = self._utterances(int(self.selection.speakers[label]))
            chunks = draw_chunks(rng, lengths, self.num_chunks, num_samples, self.short)
            for row, chunk in enumerate(chunks, start=position * self.num_chunks):
                self._read(waveforms[row, 0], utterances, chunk)
        X = torch.from_numpy(waveforms)
        if self.augmentation is not None:
            X = augment(self.augmentation, X, self.sample_rate, sequence.spawn(1)[0])
        return {"X": X, "y": torch.from_numpy(np.repeat(classes, self.num_chunks))}

    def _utterances(self, speaker: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and lengths in samples of a speaker's usable utterances."""
        # In the column's own type: for any other, numpy converts a copy of the whole column.
        bounds = np.array([speaker, speaker + 1], self.index.speaker.dtype)
        first, last = np.searchsorted(self.index.speaker, bounds)
        durations = self.index.end[first:last] - self.index.start[first:last]
        kept = np.flatnonzero(usable_utterances(durations, self.duration[1], self.short))
        # The small constant undoes what binary fractions do to 2.0 - 0.1 and the like.
        return first + kept, np.floor(durations[kept] * self.sample_rate + 0.05).astype(np.int64)

    def _read(self, out: np.ndarray, utterances: np.ndarray, chunk: list[Piece]) -> None:
        filled = 0
        for piece in chunk:
            row = utterances[piece.utterance]
            path = self.index.paths[self.index.file[row]]
            start = float(self.index.start[row]) + piece.offset / self.sample_rate
            out[filled : filled + piece.length] = self._samples(path, start, piece.length)
            filled += piece.length

    def _samples(self, path: str, start: float, length: int) -> np.ndarray:
        try:
            return read_chunk(path, start, length, self.sample_rate)
        except UserError:
            there = read_segment(path, start, start + length / self.sample_rate, self.sample_rate)
            missing = length - len(there)
            if missing > ROUNDING * self.sample_rate:
                raise
            return np.pad(there[:length], (0, max(0, missing)))
