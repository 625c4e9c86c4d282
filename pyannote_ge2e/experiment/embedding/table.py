"""Embeddings in files: one row for each recording, or for each of its windows.

An `.npz` file is written row by row into a zip archive without compression, so that neither
writing nor reading it takes more memory than a block of rows.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pyannote_ge2e.errors import UserError

FORMAT = 1
COLUMNS = ("names", "starts", "sizes", "modified")
# What reading a file that is cut short, or of other bytes, ends in.
DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, struct.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class Rows:
    """Embeddings, and what they are of.

    Attributes
    ----------
    names : (R,) str array
        Recording of each row.
    starts : (R,) float64 array
        Where its window starts, in seconds; 0 for a whole recording.
    sizes, modified : (R,) int64 arrays
        Bytes of the file and when it was changed (in ns): whether it is still the one embedded.
    embeddings : (R, D) float32 array
        Or anything whose slices are one.
    """

    names: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    modified: np.ndarray
    embeddings: Any

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Made:
    """What decides over embeddings: the same in two files that may be put together.

    Attributes
    ----------
    model : str
        What the model was called.
    digest : str
        See `Loaded`.
    windows : dict
        See `Embedder.windows`.
    every_window : bool
    """

    model: str
    digest: str
    windows: dict[str, float]
    every_window: bool

    def same_as(self, other: Made) -> bool:
        """Whether the embeddings of both may be compared, and put into one file."""
        mine, theirs = ((each.digest, each.windows, each.every_window) for each in (self, other))
        return mine == theirs

    def as_text(self) -> str:
        """One line of JSON."""
        return json.dumps({"format": FORMAT, **vars(self)})

    @staticmethod
    def of_text(text: str) -> Made:
        """Undo `as_text`; raises ValueError for what a newer version wrote."""
        values = json.loads(text)
        if values.pop("format") > FORMAT:
            raise ValueError("newer")
        return Made(**values)


def write_npz(file: Path | BinaryIO, made: Made, blocks: Iterable[Rows], count: int) -> None:
    """Write rows as they come.

    Parameters
    ----------
    file : Path or binary file
    made : Made
    blocks : iterable of Rows
    count : int
        How many rows there are in all.
    """
    blocks = list(blocks)
    dimension = blocks[0].embeddings.shape[1] if blocks else 0
    width = max((block.names.dtype.itemsize // 4 for block in blocks), default=1) or 1
    kinds: dict[str, tuple[str, tuple[int, ...]]] = {
        "names": (f"<U{width}", (count,)),
        "embeddings": ("<f4", (count, dimension)),
        "starts": ("<f8", (count,)),
        "sizes": ("<i8", (count,)),
        "modified": ("<i8", (count,)),
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, (kind, shape) in kinds.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_header(member, kind, shape)
                for block in blocks:
                    for some in slices(len(block)):
                        values = np.asarray(getattr(block, name)[some], dtype=kind)
                        member.write(np.ascontiguousarray(values).tobytes())
        for name, text in (("model", made.model), ("made", made.as_text())):
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.array(text), allow_pickle=False)


def _write_header(member: Any, kind: str, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(
        member, {"descr": kind, "fortran_order": False, "shape": shape}
    )


def slices(count: int, size: int = 8192) -> Iterator[slice]:
    """Cut so many rows into blocks that memory holds with ease."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def read_npz(path: Path) -> tuple[Made, Rows]:
    """Read what `write_npz` wrote; the embeddings stay on disk until they are asked for.

    Raises
    ------
    UserError
        If it is damaged, of a newer version, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            made = Made.of_text(str(archive["made"]))
            names, starts, sizes, modified = (archive[name] for name in COLUMNS)
        rows = Rows(names, starts, sizes, modified, _mapped(path, "embeddings.npy"))
        if {len(column) for column in (names, starts, sizes, modified)} != {len(rows.embeddings)}:
            raise ValueError("columns of several lengths")
    except DAMAGE as error:
        raise not_ours(path, error) from error
    return made, rows


def _mapped(path: Path, member: str) -> np.ndarray:
    """Map an array of an uncompressed archive into memory."""
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(member)
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError("compressed")
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        header = file.read(30)
        name_length, extra_length = struct.unpack("<26xHH", header)
        file.seek(name_length + extra_length, 1)
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        start = file.tell()
    if kind != np.dtype("<f4") or len(shape) != 2:
        raise ValueError("no embeddings")
    if 0 in shape:
        return np.zeros(shape, np.float32)
    return np.memmap(path, np.dtype("<f4"), "r", start, shape)


def not_ours(path: Path, error: Exception) -> UserError:
    """Say what is wrong with a file that cannot be read."""
    if str(error) == "newer":
        return UserError(
            f"'{path}' was written by a newer version of pyannote-ge2e: upgrade, or choose another "
            "--output."
        )
    return UserError(
        f"'{path}' is damaged, or was not written by 'emb embed': choose another --output, or "
        "--force to write over it."
    )
