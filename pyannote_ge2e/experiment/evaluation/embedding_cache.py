"""Embeddings kept on disk: each file is embedded once for the same weights and windows.

A folder holds what one model made with one kind of window, in shards of a few hundred rows.
Shards are written under a temporary name, renamed, and never changed: processes that embed the
same files at once write the same shards.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.trials.trials import Segments
from pyannote_ge2e.data.user_cache import VARIABLE, cache_root
from pyannote_ge2e.errors import UserError

_FORMAT = 1
_KEY_BYTES = 16
# What reading a file that is cut short, or of other bytes, ends in; zip checks a sum of its own.
_DAMAGE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)


def file_key(path: str, segments: Segments) -> bytes:
    """Name of a file's embedding, which it shares with no other file and no other state of it.

    Parameters
    ----------
    path : str
    segments : list of (start, end)
        What is embedded of it, in seconds; they count to the microsecond.

    Returns
    -------
    key : 16 bytes

    Raises
    ------
    UserError
        If the file is missing.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from error
    times = [[round(start, 6), round(end, 6)] for start, end in segments]
    made_from = [os.path.abspath(path), status.st_size, status.st_mtime_ns, times]
    return hashlib.sha256(json.dumps(made_from).encode()).digest()[:_KEY_BYTES]


class EmbeddingCache:
    """Embeddings that one model made with one kind of window.

    Parameters
    ----------
    weights : str
        Digest of the weights.
    duration, step : float
        Of the windows: seconds, and a ratio of it.
    remark : callable
        Takes a sentence about what was found damaged.
    root : Path, optional
        See `cache_root`.

    Examples
    --------
    >>> cache = EmbeddingCache("0f3a", 2.0, 0.25, print, getfixture("tmp_path"))
    >>> cache.write([b"k" * 16], np.ones((1, 2), np.float32))
    >>> cache.read([b"?" * 16, b"k" * 16])
    {1: array([1., 1.], dtype=float32)}
    """

    def __init__(
        self,
        weights: str,
        duration: float,
        step: float,
        remark: Callable[[str], None],
        root: Path | None = None,
    ) -> None:
        made_with = json.dumps([_FORMAT, weights, float(duration), float(step)])
        name = hashlib.sha256(made_with.encode()).hexdigest()[:16]
        self.folder = (root or cache_root()) / "embeddings" / name
        self._remark = remark

    def read(self, keys: Sequence[bytes]) -> dict[int, np.ndarray]:
        """Find the embeddings of keys.

        Parameters
        ----------
        keys : sequence of bytes
            From `file_key`.

        Returns
        -------
        found : dict
            Row of `keys`: (dimension,) float32 array. Damaged shards are deleted, with a remark.
        """
        wanted = {key: row for row, key in enumerate(keys)}
        found: dict[int, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.npz")) if wanted else []:
            try:
                shard_keys, rows = _read(path)
            except FileNotFoundError:
                continue  # another process was first to delete it
            except _DAMAGE:
                self._remark(f"'{path}' is damaged: what it held is embedded again.")
                with suppress(OSError):  # gone already, or where nobody may write
                    path.unlink()
                continue
            for key, row in zip(shard_keys, rows, strict=True):
                if key in wanted:
                    found[wanted[key]] = row.copy()  # not a view that keeps the whole shard
        return found

    def write(self, keys: Sequence[bytes], embeddings: np.ndarray) -> None:
        """Keep embeddings.

        Parameters
        ----------
        keys : sequence of F bytes
        embeddings : (F, dimension) float32 array

        Raises
        ------
        UserError
            If they cannot be written, on a full disk for instance.
        """
        joined = b"".join(keys)
        path = self.folder / f"{hashlib.sha256(joined).hexdigest()[:32]}.npz"
        # Through memory: numpy turns a full disk into errors of the zip format.
        buffer = io.BytesIO()
        np.savez(
            buffer,
            keys=np.frombuffer(joined, np.uint8).reshape(-1, _KEY_BYTES),
            embeddings=np.asarray(embeddings, np.float32),
        )
        with self._explained(), replacing(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())

    def check(self) -> None:
        """Make the folder, before an hour is spent on what cannot be kept.

        Raises
        ------
        UserError
            If it cannot be made or written to.
        """
        with self._explained():
            self.folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UserError) as error:
            cause = error.__cause__ if isinstance(error, UserError) else error
            reason = getattr(cause, "strerror", None) or cause
            raise UserError(
                f"Embeddings cannot be kept in '{self.folder}': {reason}. Make room there, or let "
                f"{VARIABLE} name another folder that you may write to."
            ) from error


def _read(path: Path) -> tuple[list[bytes], np.ndarray]:
    with np.load(path, allow_pickle=False) as shard:
        keys, rows = shard["keys"], shard["embeddings"]
    if keys.dtype != np.uint8 or keys.ndim != 2 or keys.shape[1] != _KEY_BYTES:
        raise ValueError("these are no keys")
    if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != len(keys):
        raise ValueError("these are no embeddings")
    return [key.tobytes() for key in keys], rows
