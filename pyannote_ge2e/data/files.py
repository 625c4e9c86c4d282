"""Writing files that are either the old ones or the whole new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyannote_ge2e.errors import UserError

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, renamed to it only if the block succeeds.

    Parameters
    ----------
    path : Path
        File to write. Its folder is made when missing.

    Yields
    ------
    temporary : Path
        Where to write.

    Raises
    ------
    UserError
        If it cannot be written; what was there before is untouched.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "lists" / "train.lst"
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("alice/1")
    >>> path.read_text()
    'alice/1'
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(
            f"Cannot write '{path}': {error.strerror or error}. "
            "What was there before is untouched; choose a folder you may write to."
        ) from error
    finally:
        if temporary.exists():
            temporary.unlink()
