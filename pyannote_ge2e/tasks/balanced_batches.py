"""What an embedding task learns from: an index of the training speech, and batches of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio.core.task import Problem, Resolution, Specifications, Task
from pyannote.database import Protocol
from torch.utils.data import DataLoader

from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.data.batches.loader import BatchLoader
from pyannote_ge2e.data.batches.pack_source import PackSource, without_left_out
from pyannote_ge2e.data.batches.selection import (
    BatchFrom,
    BatchShare,
    Selection,
    Short,
    select_speakers,
)
from pyannote_ge2e.data.batches.sources import AudioSource, ChunkSource
from pyannote_ge2e.data.features.source import FeatureSource
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.data.index.cache import cached_index
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.data.protocol import one_line
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.tasks.augmentation import check_augmentation
from pyannote_ge2e.tasks.remarks import warn
from pyannote_ge2e.tasks.stored_features import framed


class BalancedBatches(Task):
    """The half of an embedding task that makes batches; its options are those of `GE2E`.

    Attributes
    ----------
    index : Index or None
        Training speech, from `prepare_data` on.
    """

    model: Any  # any Model; what a task adds to it is not in its type
    trainer: Any  # set by the model when fitting begins
    protocol: Protocol
    num_classes_per_batch: int
    num_chunks_per_class: int
    label_min_duration: float
    batches_per_epoch: int | None
    short: Short
    batch_from: BatchFrom
    batch_share: BatchShare
    seed: int
    cache_folder: Path | None
    augmentation: torch.nn.Module | None
    multiprocessing_context: str | None = None
    augment_on_device: bool | None = None
    features: StoredFeatures | None = None
    frame_grid: bool = False
    pack: Path | None = None
    index: Index | None = None
    _pack_source: PackSource | None = None
    _selection: Selection | None = None
    _dataset: BatchDataset | None = None
    _seen: np.ndarray = np.zeros(0, bool)

    def prepare_data(self) -> None:
        """Index the training subset, in the cache or in a temporary folder, and check it.

        Raises
        ------
        UserError
            If it cannot be trained on: see `build_index`, `select_speakers` and `trial_index`.
        """
        if self.index is None:
            self._index_subset()
        if self._selection is None:
            self._choose()

    def setup(self, stage: str | None = None) -> None:
        """Do what `prepare_data` did, in a process where it was not called."""
        if stage == "fit":
            self._share_index()
        self.prepare_data()

    def _index_subset(self) -> None:
        if self.cache_folder is not None:
            try:
                self.index = self._indexed_in(self.cache_folder)
                return
            except OSError as error:
                warn(
                    f"The cache '{self.cache_folder}' cannot be used ({one_line(error)}): the "
                    "index of this run goes to a temporary folder."
                )
        try:
            root = Path(tempfile.mkdtemp(prefix="pyannote_ge2e_"))
            weakref.finalize(self, _remove, root, os.getpid())
            self.index = self._indexed_in(root)
        except OSError as error:
            raise UserError(
                f"The index finds no room in the temporary folder ({one_line(error)}): make some, "
                "or let TMPDIR name another folder."
            ) from error

    def _indexed_in(self, root: Path) -> Index:
        index = Index.load(cached_index(self.protocol, root, check_audio=self.reads_audio))
        if self.pack is None:
            return index
        packed, remark = without_left_out(index, self.pack)
        if remark is None:
            return index
        warn(remark)
        folder = root / packed.digest()
        packed.save(folder)
        return Index.load(folder)

    @property
    def reads_audio(self) -> bool:
        """Whether chunks are read from the files of the protocol, which must be there then."""
        return self.pack is None

    def _choose(self) -> None:
        """Choose the speakers to learn from, and say so to whoever loads the model."""
        assert self.index is not None
        self._selection = select_speakers(
            self.index,
            self.duration,
            self.num_classes_per_batch,
            self.label_min_duration,
            self.short,
            self.batch_from,
            self.batch_share,
            least=1e-3 if self.features is None else self.features.window,
        )
        for remark in self._selection.remarks:
            warn(remark)
        self.specifications = Specifications(
            problem=Problem.REPRESENTATION,
            resolution=Resolution.CHUNK,
            duration=self.duration,
            min_duration=self.min_duration,
            classes=[self.index.speakers[row] for row in self._selection.speakers],
        )

    def _share_index(self) -> None:
        """Let every process map the index that the first one wrote."""
        folder = self.trainer.strategy.broadcast(None if self.index is None else self.index.folder)
        if self.index is None and folder is not None and (folder / "index.json").is_file():
            self.index = Index.load(folder)

    def train_dataloader(self) -> DataLoader:
        """Whole batches for this process."""
        assert self.index is not None
        assert self._selection is not None
        world_size = self.trainer.world_size
        self._dataset = BatchDataset(
            self.index,
            self._selection,
            num_classes=self.num_classes_per_batch,
            num_chunks=self.num_chunks_per_class,
            duration=(self.min_duration, self.duration),
            batches_per_epoch=-(-self.total_batches_per_epoch() // world_size),
            short=self.short,
            sample_rate=self.model.hparams["sample_rate"],
            seed=self.seed,
            rank=self.trainer.global_rank,
            augmentation=self.augmentation,
            augment_here=not self._augments_on_device(),
            source=self.chunk_source(),
        )
        check_augmentation(self._dataset.augmenter, self.model, self.features is None)
        progress = self.trainer.fit_loop.epoch_progress.current
        return BatchLoader(
            self._dataset,
            # On resume, `current_epoch` is corrected only after workers have started.
            epoch=lambda: progress.processed,
            num_workers=self.num_workers,
            pin_memory=self.pin_memory,
            multiprocessing_context=self.multiprocessing_context,
        )

    def chunk_source(self) -> ChunkSource:
        """What the chunks of a batch are read from."""
        assert self.index is not None
        if self.features is not None:
            return FeatureSource(self.index, self.features)
        sample_rate = self.model.hparams["sample_rate"]
        source: ChunkSource = AudioSource(self.index, sample_rate)
        if self.pack is not None:
            source = self.open_pack(sample_rate)
        return framed(source, self.model, self.augmentation) if self.frame_grid else source

    def open_pack(self, sample_rate: int) -> PackSource:
        """Open the pack, and check once that it is the one to train on.

        Raises
        ------
        UserError
            If it is not: see `Pack` and `PackSource.check`.
        """
        assert self.index is not None
        assert self.pack is not None
        if self._pack_source is None:
            source = PackSource(self.index, self.pack)
            source.check(sample_rate)
            self._pack_source = source
        return self._pack_source

    def _augments_on_device(self) -> bool:
        if self.augment_on_device is not None:
            return self.augment_on_device
        return bool(self.trainer.strategy.root_device.type == "cuda")

    def total_batches_per_epoch(self) -> int:
        """Batches of an epoch, over all processes."""
        if self.batches_per_epoch is not None:
            return self.batches_per_epoch
        assert self.index is not None
        assert self._selection is not None
        speech = self.index.speech()[self._selection.speakers].sum()
        schedule = self._selection.schedule(self.num_classes_per_batch, (0,))
        chunk = (self.min_duration + self.duration) / 2
        in_a_batch = schedule.mean_classes * self.num_chunks_per_class * chunk
        return max(1, round(speech / in_a_batch))

    @property
    def num_speakers(self) -> int:
        """Speakers to learn from, which are the classes of a loss that has any."""
        assert self._selection is not None
        return len(self._selection.speakers)

    @property
    def speakers_seen(self) -> int:
        """Distinct speakers drawn so far in this epoch, by this process."""
        return int(np.count_nonzero(self._seen))

    def _count_speakers(self, batch_idx: int) -> None:
        assert self._selection is not None
        if batch_idx == 0 or len(self._seen) == 0:
            self._seen = np.zeros(len(self._selection.speakers), bool)
        # Asked from the schedule: looking at the batch would make the CPU wait for the GPU.
        assert self._dataset is not None
        self._seen[self._dataset.speakers(batch_idx)] = True


def _remove(folder: Path, owner: int) -> None:
    # A forked process must not take the folder away from the one that made it.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
