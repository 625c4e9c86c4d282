"""What an earlier run measured, so that only files that changed are opened again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pyannote_ge2e.data.files import replacing

__all__ = ["read_measured", "write_measured"]

# To be changed with the meaning of what is measured.
_HEADER = "path\tbytes\tmodified (ns)\tmilliseconds\tversion 1, paths are below "


def read_measured(path: Path) -> dict[str, str]:
    """Read what is known of files: see `write_measured`.

    A file that is missing, damaged or of another version knows nothing: it can be made again.

    Parameters
    ----------
    path : Path

    Returns
    -------
    measured : dict of str to str
        For the absolute path of each file: size, time of its last change, and milliseconds,
        separated by tabs.

    Examples
    --------
    >>> read_measured(Path("nowhere.tsv"))
    {}
    """
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return {}
    header, _, rows = text.partition("\n")
    if not header.startswith(_HEADER):
        return {}
    root = header.removeprefix(_HEADER)
    measured = {}
    for row in rows.split("\n")[:-1]:
        name, _, facts = row.partition("\t")
        measured[root + name] = facts
    return measured


def write_measured(path: Path, files: Sequence[str], facts: Sequence[str]) -> None:
    r"""Write what is known of files, a line each.

    What could not be read is not known: a next run tries again, which may have learnt to.

    Parameters
    ----------
    path : Path
    files : sequence of str
        Absolute paths.
    facts : sequence of str
        See `read_measured`; empty where nothing is known.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "measured.tsv"
    >>> write_measured(path, ["/a/1.wav", "/a/2.wav"], ["44\t17\t1250", ""])
    >>> read_measured(path)
    {'/a/1.wav': '44\t17\t1250'}
    """
    known = [
        (file, its)
        for file, its in zip(files, facts, strict=True)
        if its and "\t" not in file and "\n" not in file
    ]
    folders = [os.path.dirname(end(known)[0]) for end in (min, max)] if known else ["/"]
    root = os.path.join(os.path.commonpath(folders), "")
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file,
    ):
        file.write(f"{_HEADER}{root}\n")
        file.writelines(f"{name[len(root) :]}\t{its}\n" for name, its in known)
