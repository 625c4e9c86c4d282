"""With what plain pyannote code reads the table of a subset: one table, two keys of a file.

pyannote asks one loader for the `annotation` of a file and another for its `annotated` part, and
makes new ones whenever a subset is iterated. Both read the same table, once, when the first of
them is asked for something.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from pyannote.core import Annotation, Segment, Timeline

from pyannote_ge2e.data.index.strings import Lookup
from pyannote_ge2e.data.tables.read import read_table, table_of_extents
from pyannote_ge2e.data.tables.whole import Utterance, WholeFile
from pyannote_ge2e.errors import UserError

__all__ = ["ExtentsLoader", "UtterancesLoader"]

TRACK = "_"  # what pyannote itself calls the only track of a segment


class _Rows:
    """Rows of a table by uri; those asked for in the order of the table are found at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table = read_table(path)
        self._last: tuple[str, int] = ("", -1)
        self._lookup: Lookup | None = None

    def row(self, uri: str) -> int:
        """Row of a uri.

        Raises
        ------
        UserError
            If the table does not have it.
        """
        last, row = self._last
        if uri == last:  # another key of the same file
            return row
        uris = self.table.uris
        row += 1
        if row == len(uris) or uris[row] != uri:
            row = self._found(uri)
        self._last = (uri, row)
        return row

    def _found(self, uri: str) -> int:
        if self._lookup is None:
            self._lookup = Lookup(self.table.uris)
        row = self._lookup(uri)
        if row is None:
            raise UserError(
                f"'{self.path}' says nothing about '{uri}': it must name every file of the list "
                "beside it."
            )
        return row


_open: WeakValueDictionary[tuple[Path, int, int], _Rows] = WeakValueDictionary()
_opening = Lock()


def _rows(path: Path) -> _Rows:
    """Rows of a table that is read once, and forgotten with the last loader that uses it."""
    path = path.resolve()
    status = path.stat()
    key = (path, status.st_size, status.st_mtime_ns)
    with _opening:
        rows = _open.get(key)
        if rows is None:
            _open[key] = rows = _Rows(path)
        return rows


class _Loader:
    """What both loaders share: a table, read when it is first needed."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._read: _Rows | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Files travel to worker processes with their loaders, but not with a million rows.
        return type(self), (self.path,)

    def _table(self) -> Path:
        return self.path

    def _milliseconds(self, uri: str) -> tuple[_Rows, int, int]:
        if self._read is None:
            self._read = _rows(self._table())
        row = self._read.row(uri)
        return self._read, row, int(self._read.table.milliseconds[row])


class UtterancesLoader(_Loader):
    r"""Loads who speaks in a file: one speaker, from its start to its end.

    Parameters
    ----------
    path : str or Path
        A `.utterances` table: see `write_table`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "train.utterances"
    >>> _ = path.write_text("alice/1\talice\t1250\n")
    >>> print(UtterancesLoader(path)({"uri": "alice/1"}))
    [ 00:00:00.000 -->  00:00:01.250] _ alice
    """

    def __call__(self, file: Mapping[str, Any]) -> Annotation:
        """Annotation of a file, given its `uri`."""
        uri = file["uri"]
        annotation = Utterance(uri=uri)
        if uri:  # pyannote makes a file of a blank line in its list
            rows, row, milliseconds = self._milliseconds(uri)
            label = rows.table.speakers[rows.table.speaker[row]]
            annotation[Segment(0.0, milliseconds / 1000), TRACK] = label
        return annotation


class ExtentsLoader(_Loader):
    r"""Loads which part of a file is annotated: all of it.

    Parameters
    ----------
    path : str or Path
        A `.extents` file, which names the table: see `write_table`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "train.extents"
    >>> _ = path.write_text("train.utterances\n")
    >>> _ = path.with_name("train.utterances").write_text("alice/1\talice\t1250\n")
    >>> print(ExtentsLoader(path)({"uri": "alice/1"}))
    [[ 00:00:00.000 -->  00:00:01.250]]
    """

    def _table(self) -> Path:
        return table_of_extents(self.path)

    def __call__(self, file: Mapping[str, Any]) -> Timeline:
        """Annotated part of a file, given its `uri`."""
        uri = file["uri"]
        if uri:  # as above
            *_, milliseconds = self._milliseconds(uri)
            if segment := Segment(0.0, milliseconds / 1000):
                return WholeFile(segment, uri)
        return Timeline(uri=uri)
