"""Embeddings in a parquet file, for pandas, Polars, DuckDB and the like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.embedding.table import (
    COLUMNS,
    DAMAGE,
    Made,
    Rows,
    not_ours,
    slices,
)


def write_parquet(path: Path, made: Made, blocks: Iterable[Rows]) -> None:
    """Write rows as they come."""
    pa, pq = pyarrow_or_advice()
    writer = None
    try:
        for rows in _gathered(blocks):
            embeddings = rows.embeddings
            table = pa.table(
                {
                    "names": pa.array(rows.names.tolist(), pa.string()),
                    "starts": rows.starts,
                    "sizes": rows.sizes,
                    "modified": rows.modified,
                    "embeddings": pa.FixedSizeListArray.from_arrays(
                        embeddings.ravel(), embeddings.shape[1]
                    ),
                },
                metadata={"made": made.as_text(), "model": made.model},
            )
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _gathered(blocks: Iterable[Rows], least: int = 8192) -> Iterator[Rows]:
    """Put small blocks together: a group of rows in a parquet file has its price."""
    held: list[Rows] = []
    for block in blocks:
        for some in slices(len(block), least):
            columns = (np.asarray(getattr(block, name)[some]) for name in (*COLUMNS, "embeddings"))
            held.append(Rows(*columns))
            if sum(map(len, held)) >= least:
                yield _joined(held)
                held = []
    if held:
        yield _joined(held)


def _joined(held: list[Rows]) -> Rows:
    names = (*COLUMNS, "embeddings")
    return Rows(*(np.concatenate([getattr(rows, name) for rows in held]) for name in names))


def read_parquet(path: Path) -> tuple[Made, Rows]:
    """Read what `write_parquet` wrote; the embeddings stay on disk until they are asked for.

    Raises
    ------
    UserError
        If it is damaged, of a newer version, or something else; or pyarrow is missing.
    """
    pa, pq = pyarrow_or_advice()
    try:
        file = pq.ParquetFile(path)
        made = Made.of_text(file.schema_arrow.metadata[b"made"].decode())
        table = file.read(list(COLUMNS))
        names, starts, sizes, modified = (table[name].to_numpy() for name in COLUMNS)
        return made, Rows(names.astype(str), starts, sizes, modified, _RowGroups(file))
    except (*DAMAGE, pa.ArrowException) as error:
        raise not_ours(path, error) from error


class _RowGroups:
    """Embeddings of a parquet file, a group of rows in memory at a time."""

    def __init__(self, file: Any) -> None:
        self._file = file
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        self._ends = np.cumsum(sizes)
        self._group, self._held = -1, np.zeros((0, 0), np.float32)
        self.shape = int(self._ends[-1]), file.schema_arrow.field("embeddings").type.list_size

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, some: slice) -> np.ndarray:
        parts, row = [], some.start
        while row < some.stop:
            group = int(np.searchsorted(self._ends, row, side="right"))
            if group != self._group:
                column = self._file.read_row_group(group, ["embeddings"])["embeddings"]
                flat = column.combine_chunks().flatten().to_numpy()
                self._group, self._held = group, flat.reshape(-1, self.shape[1])
            first = int(self._ends[group]) - len(self._held)
            parts.append(self._held[row - first : some.stop - first])
            row += len(parts[-1])
        return np.concatenate(parts)


def check_names(names: Iterable[str]) -> None:
    """Check that names are text, which parquet files hold and names of files need not be.

    Raises
    ------
    UserError
        Naming the first that is none.
    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{name!a} is not UTF-8, which names in a parquet file have to be: rename that "
                "recording, or let --output end in .npz."
            ) from error


def pyarrow_or_advice() -> tuple[Any, Any]:
    """Import what parquet files need.

    Raises
    ------
    UserError
        If it is missing; says what to install.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(
            "Parquet files need pyarrow: pip install 'pyannote-ge2e[parquet]', or let --output end "
            "in .npz."
        ) from error
    return pyarrow, pyarrow.parquet
