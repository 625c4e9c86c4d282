"""What was embedded already: an earlier output, and shards beside one that is still to come."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.parquet import read_parquet, write_parquet
from pyannote_ge2e.experiment.embedding.recordings import Recording
from pyannote_ge2e.experiment.embedding.table import Made, Rows, read_npz, write_npz

Stamp = tuple[int, int]  # bytes of a file, and when it was changed (ns)


class Progress:
    """Embeddings of recordings on their way into one file.

    Parameters
    ----------
    output : Path
        Ends in .npz or .parquet. What is there already is used, and so are the shards in
        `<output>.partial`.
    made : Made
        What decides over the embeddings.
    force : bool
        Forget what is there.

    Raises
    ------
    UserError
        If what is there was made in another way, is damaged, or is not ours.
    """

    def __init__(self, output: Path, made: Made, force: bool = False) -> None:
        self.output = output
        self.made = made
        self.folder = output.with_name(f"{output.name}.partial")
        self._sources: list[Rows] = []
        self._places: dict[str, tuple[Stamp, int, slice]] = {}
        self._written: Rows | None = None  # what the output holds
        if force:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif output.exists():
            found, rows = (read_parquet if output.suffix == ".parquet" else read_npz)(output)
            self._take(output, found, rows)
            self._written = rows
        for shard in sorted(self.folder.glob("*.npz")):
            try:
                found, rows = read_npz(shard)
            except UserError:
                shard.unlink()  # as a power cut leaves it: what it held is embedded again
                continue
            self._take(shard, found, rows)

    def _take(self, path: Path, made: Made, rows: Rows) -> None:
        if not made.same_as(self.made):
            raise UserError(
                f"'{path}' holds embeddings of another model ('{made.model}') or of other windows: "
                "choose another --output, or --force to embed all again."
            )
        source = len(self._sources)
        self._sources.append(rows)
        starts = np.flatnonzero(np.append(True, rows.names[1:] != rows.names[:-1]))
        for first, last in zip(starts, np.append(starts[1:], len(rows)), strict=True):
            if last > first:
                stamp = int(rows.sizes[first]), int(rows.modified[first])
                place = stamp, source, slice(int(first), int(last))
                self._places[str(rows.names[first])] = place

    def knows(self, recording: Recording, stamp: Stamp) -> bool:
        """Whether a recording was embedded, and not changed since."""
        place = self._places.get(recording.name)
        return place is not None and place[0] == stamp

    def keep(self, rows: Rows) -> None:
        """Write a shard.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        number = max((int(shard.stem) for shard in self.folder.glob("*.npz")), default=-1) + 1
        path = self.folder / f"{number:06d}.npz"
        # Through memory: a full disk is then an error of the system, not of the zip format.
        buffer = io.BytesIO()
        write_npz(buffer, self.made, [rows], len(rows))
        with replacing(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())
        self._take(path, *read_npz(path))

    def finish(self, recordings: list[Recording]) -> None:
        """Write the output: the rows of those recordings that have some, in their order.

        Raises
        ------
        UserError
            If it cannot be written; the shards are then still there.
        """
        blocks = list(self._blocks(recordings))
        if not (self._written is not None and len(blocks) == 1 and blocks[0] is self._written):
            with replacing(self.output) as temporary:
                if self.output.suffix == ".parquet":
                    write_parquet(temporary, self.made, blocks)
                else:
                    write_npz(temporary, self.made, blocks, sum(map(len, blocks)))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _blocks(self, recordings: list[Recording]) -> Iterator[Rows]:
        """Stretches of the sources that hold consecutive recordings."""
        source, stretch = -1, slice(0, 0)
        for recording in recordings:
            if recording.name not in self._places:
                continue
            _, found, rows = self._places[recording.name]
            if found == source and rows.start == stretch.stop:
                stretch = slice(stretch.start, rows.stop)
                continue
            if stretch.stop > stretch.start:
                yield _part(self._sources[source], stretch)
            source, stretch = found, rows
        if stretch.stop > stretch.start:
            yield _part(self._sources[source], stretch)


class _Lazy:
    """A stretch of the embeddings of a source, read when its slices are asked for."""

    def __init__(self, embeddings: Any, rows: slice) -> None:
        self._embeddings = embeddings
        self._first = rows.start
        self.shape = rows.stop - rows.start, self._embeddings.shape[1]

    def __getitem__(self, some: slice) -> np.ndarray:
        return self._embeddings[slice(self._first + some.start, self._first + some.stop)]


def _part(source: Rows, rows: slice) -> Rows:
    if rows == slice(0, len(source)):
        return source
    return Rows(
        source.names[rows],
        source.starts[rows],
        source.sizes[rows],
        source.modified[rows],
        _Lazy(source.embeddings, rows),
    )
