"""Whether a pack is what was written, and its sources are what it was made of."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np

from pyannote_ge2e.data.audio.pack.convert import source_state
from pyannote_ge2e.data.audio.pack.read import Pack, map_shard
from pyannote_ge2e.data.index.index import Index
from pyannote_ge2e.errors import UserError

__all__ = ["changed_files", "damaged_rows"]

_MOST = 100_000  # sources that are all compared
_SAMPLE = 20_000  # compared of more, spread over all of them


def damaged_rows(pack: Pack, progress: Callable[[int], None] | None = None) -> Iterator[int]:
    """Compare the samples of each utterance with its checksum, and yield the rows that differ.

    Parameters
    ----------
    pack : Pack
    progress : callable, optional
        Called with the number of utterances just compared.
    """
    rows = pack.table.rows
    held = np.flatnonzero(rows["shard"] >= 0)
    # In the order in which they lie there, so that the disk is read from end to end.
    order = held[np.lexsort((rows["first"][held], rows["shard"][held]))]
    shard, pcm = -1, np.empty(0, np.int16)
    for row in order.tolist():
        if pack.shard.item(row) != shard:
            shard = pack.shard.item(row)
            pcm = map_shard(pack.folder, shard).samples
        begin, samples = pack.first.item(row), pack.samples.item(row)
        if zlib.crc32(pcm[begin : begin + samples].data) != rows["checksum"].item(row):
            yield row
        if progress is not None:
            progress(1)


def changed_files(index: Index, pack: Pack, rows: np.ndarray) -> list[int]:
    """Files of an index that are not what they were when they were packed.

    Compared by size and modification time; a file that is not there any more has not changed. Of
    more than 100,000, 20,000 are compared, spread over all of them.

    Parameters
    ----------
    index : Index
    pack : Pack
    rows : (F,) int array
        Row of the pack of each file of the index; -1 for none.

    Returns
    -------
    files : list of int
    """
    files = np.flatnonzero((rows >= 0) & (pack.shard[rows] >= 0))
    if len(files) > _MOST:
        files = files[np.linspace(0, len(files) - 1, _SAMPLE).astype(np.int64)]
    size, mtime_ns = (pack.table.rows[column] for column in ("size", "mtime_ns"))
    changed = []
    for file, row in zip(files.tolist(), rows[files].tolist(), strict=True):
        try:
            state = source_state(index.path(file))
        except (OSError, UserError):
            continue
        if state != (size.item(row), mtime_ns.item(row)):
            changed.append(file)
    return changed
