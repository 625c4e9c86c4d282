"""One writer at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["locked"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from writing to a folder while the block runs.

    The lock is the operating system's: it goes with the process, however that ends.

    Raises
    ------
    UserError
        When another process has it, or the folder cannot be written to.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, locked(Path(folder)):
    ...     with locked(Path(folder)):
    ...         pass
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: Another 'emb pack' (process ...) is writing to ...
    """
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(
            f"Cannot write to '{folder}': {error.strerror}. Choose a folder you may write to."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise UserError(
                f"Another 'emb pack' (process {owner or 'unknown'}) is writing to '{folder}': "
                "wait until it ends, or stop it."
            ) from error
        except OSError as error:
            raise UserError(
                f"'{folder}' cannot be locked ({error.strerror}), so another 'emb pack' might "
                "write to it too: choose a folder on a file system that has locks."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
