"""Embedding the files of several lists, each once, and never those that are known already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from pyannote.audio import Model
from rich.console import Console

from pyannote_ge2e.data.trials.trials import Segments
from pyannote_ge2e.data.trials.windows import SegmentReader
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.evaluation.embedding_cache import EmbeddingCache, file_key
from pyannote_ge2e.experiment.shards import growing_parts
from pyannote_ge2e.report.words import counted
from pyannote_ge2e.tasks.embedding import FILES_PER_BATCH, Files, embed_files, shortest_input

# Files between two writes to the cache: as many as take a few seconds, which is what an
# interruption costs at most. Multiples of what is embedded together, so that the size of a shard
# changes no embedding.
SMALLEST_SHARD, LARGEST_SHARD = 4 * FILES_PER_BATCH, 128 * FILES_PER_BATCH
SECONDS_PER_SHARD = 10.0


@dataclass
class UniqueFiles:
    """Files of several lists, each once.

    A file of which two lists take other segments counts twice, since it has two embeddings.

    Attributes
    ----------
    paths : list of F str
    segments : list of F lists of (start, end)
    keys : list of F bytes
        See `file_key`.
    """

    paths: list[str] = field(default_factory=list)
    segments: list[Segments] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    _rows: dict[bytes, int] = field(default_factory=dict)

    def add(self, files: Files) -> np.ndarray:
        """Add the files that are not in here yet.

        Returns
        -------
        rows : (len(files.paths),) int64 array
            Where each of `files` is in here.
        """
        rows = np.empty(len(files.paths), np.int64)
        for position, (path, segments) in enumerate(zip(files.paths, files.segments, strict=True)):
            key = file_key(path, segments)
            row = self._rows.setdefault(key, len(self.keys))
            if row == len(self.keys):
                self.paths.append(path)
                self.segments.append(segments)
                self.keys.append(key)
            rows[position] = row
        return rows

    def part(self, rows: Sequence[int]) -> UniqueFiles:
        """Some of the files."""
        return UniqueFiles(
            [self.paths[row] for row in rows],
            [self.segments[row] for row in rows],
            [self.keys[row] for row in rows],
        )


def embed_once(
    model: Model,
    files: UniqueFiles,
    cache: EmbeddingCache,
    console: Console,
    *,
    duration: float,
    step: float,
    batch_size: int,
    device: torch.device,
    num_workers: int,
    reader: SegmentReader,
) -> np.ndarray:
    """Embed the files that the cache does not know, keeping them as it goes.

    Parameters
    ----------
    model : Model
    files : UniqueFiles
    cache : EmbeddingCache
        Of these weights and windows.
    console : Console
        Shows how it goes.
    duration, step, batch_size, device, num_workers, reader
        See `embed_files`.

    Returns
    -------
    embeddings : (F, dimension) float32 array

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, with a message that says what is kept.
    UserError
        If audio cannot be read, or the cache cannot be written.
    """
    known = cache.read(files.keys)
    missing = [row for row in range(len(files.keys)) if row not in known]
    if missing:
        cache.check()  # what is known already may lie where nobody may write
    say(console, f"{counted(len(missing), 'file')} to embed, {len(known):,} known already")
    try:
        min_length = None
        if missing:
            min_length = shortest_input(model.to(device).eval(), duration, reader)
        with bar(console, "embedding", len(missing)) as advance:
            shards = growing_parts(missing, SMALLEST_SHARD, LARGEST_SHARD, SECONDS_PER_SHARD)
            for rows in shards:
                part = files.part(rows)
                embeddings = embed_files(
                    model,
                    part,
                    duration=duration,
                    step=step,
                    batch_size=batch_size,
                    device=device,
                    num_workers=num_workers,
                    min_length=min_length,
                    reader=reader,
                    progress=advance,
                )
                cache.write(part.keys, embeddings)
                known.update(zip(rows, embeddings, strict=True))
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(
            f"Stopped. {len(known):,} of {len(files.keys):,} embeddings are kept: "
            "the same command goes on from there."
        ) from interrupt
    return np.stack([known[row] for row in range(len(files.keys))])
