"""Writing the table of a subset, and the list and the pointer that pyannote wants beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pyannote_ge2e.data.files import replacing

__all__ = ["write_table"]


def write_table(
    folder: Path,
    subset: str,
    uris: Sequence[str],
    speakers: Sequence[str],
    milliseconds: Sequence[int],
) -> dict[str, Path]:
    r"""Write a subset, each file of which is one speaker's from its start to its end.

    Parameters
    ----------
    folder : Path
        Made when missing.
    subset : str
        "train", "development" or "test".
    uris, speakers : sequences of str
    milliseconds : sequence of int
        Durations.

    Returns
    -------
    paths : dict of str to Path
        `uri`, `annotation` and `annotated`, for database.yml.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> paths = write_table(Path(folder.name), "train", ["alice/1"], ["alice"], [1250])
    >>> [path.name for path in paths.values()]
    ['train.lst', 'train.utterances', 'train.extents']
    >>> paths["annotation"].read_text()
    'alice/1\talice\t1250\n'
    """
    table = folder / f"{subset}.utterances"
    rows = zip(uris, speakers, milliseconds, strict=True)
    _write(table, (f"{uri}\t{speaker}\t{duration}\n" for uri, speaker, duration in rows))
    # pyannote does not tell a loader whether it is asked for `annotation` or `annotated`: the
    # second has a suffix of its own, and holds no more than the name of the table.
    extents = folder / f"{subset}.extents"
    _write(extents, [f"{table.name}\n"])
    uri = folder / f"{subset}.lst"
    _write(uri, (f"{uri}\n" for uri in uris))
    return {"uri": uri, "annotation": table, "annotated": extents}


def _write(path: Path, lines: Iterable[str]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
