"""What the names in somebody else's lists of trials stand for."""

from __future__ import annotations

from collections.abc import Mapping

from pyannote_ge2e.data.score_files.names import without_suffix

__all__ = ["KnownNames"]


class KnownNames:
    """Finds what the names in lists of trials stand for.

    Names may have the suffix of an audio file or not, and may lack folders in front, where what
    is left is the end of one known name only.

    Parameters
    ----------
    known : mapping of str to str
        What each known name stands for: its uri, say.

    Examples
    --------
    >>> names = KnownNames({"wav/ann/1": "uri1", "wav/ann/2": "uri2", "wav/bob/2": "uri3"})
    >>> [names.find(name) for name in ("wav/ann/1.wav", "ann/1", "./bob/2", "2", "eve/1")]
    ['uri1', 'uri1', 'uri3', None, None]
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._ends: dict[int, dict[str, str | None]] = {}  # of so many parts

    def find(self, name: str) -> str | None:
        """Return what a name stands for, or None."""
        found = self._known.get(name) or self._known.get(without_suffix(name))
        if found is None:
            end = without_suffix(name.removeprefix("./"))
            found = self._ends_of(end.count("/") + 1).get(end)
        return found

    def _ends_of(self, parts: int) -> dict[str, str | None]:
        if parts not in self._ends:
            ends: dict[str, str | None] = {}
            for name, what in self._known.items():
                end = "/".join(without_suffix(name).rsplit("/", parts)[-parts:])
                if ends.setdefault(end, what) != what:
                    ends[end] = None
            self._ends[parts] = ends
        return self._ends[parts]
