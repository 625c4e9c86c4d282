"""Writing files that are either the old ones or the whole new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, renamed to it only if the block succeeds.

    Parameters
    ----------
    path : Path
        File to write, in a folder that exists.

    Yields
    ------
    temporary : Path
        Where to write.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "metrics.md"
    >>> with replacing(path) as temporary:
    ...     _ = temporary.write_text("EER")
    >>> path.read_text()
    'EER'
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
