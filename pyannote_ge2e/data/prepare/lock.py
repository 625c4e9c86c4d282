"""One at a time: whoever holds a lock file works, and the others wait for it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["Say", "alone"]

Say = Callable[[str], None]


@contextmanager
def alone(path: Path, say: Say | None = None, waiting_for: str = "") -> Iterator[None]:
    """Let one process at a time into the block.

    The lock is the kernel's: it goes with the process that holds it, however that one ends, so
    that none is ever stale.

    Parameters
    ----------
    path : Path
        Lock file. Made, with its folder, and removed by whoever leaves last.
    say : callable, optional
        Called with a sentence before waiting, if it has to.
    waiting_for : str, optional
        What the sentence names. Defaults to the lock file.

    Raises
    ------
    UserError
        When the file cannot be made.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> lock = Path(folder.name) / ".database.yml.lock"
    >>> with alone(lock):
    ...     lock.exists()
    True
    >>> lock.exists()
    False
    """
    descriptor = _locked(path, say, waiting_for or str(path))
    try:
        yield
    finally:
        # Removed while it is still held: who has it open already finds out below, and tries again.
        path.unlink(missing_ok=True)
        with suppress(OSError):  # closing would not do if a child process has it open
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _locked(path: Path, say: Say | None, waiting_for: str) -> int:
    while True:
        descriptor = _opened(path)
        try:
            _lock(descriptor, say, waiting_for)
            say = None  # said once
            if _is_still_there(descriptor, path):
                return descriptor
        except BaseException:  # Ctrl-C while it waits
            os.close(descriptor)
            raise
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(
            f"Cannot write '{path}': {error.strerror}. Choose a folder you may write to."
        ) from error


def _lock(descriptor: int, say: Say | None, waiting_for: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if say is not None:
            say(f"Another command is writing {waiting_for}: waiting until it is done.")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        # A network drive without locks: one user who goes on at their own risk is better off
        # than one who cannot go on.
        return


def _is_still_there(descriptor: int, path: Path) -> bool:
    """Tell whether the locked file is the one that others will find under that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
