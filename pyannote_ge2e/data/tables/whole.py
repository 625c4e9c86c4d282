"""What pyannote is given for a file that is one utterance, from its start to its end.

Whenever pyannote gives the annotation of a file, it compares it to itself, copies its timeline and
looks for gaps in the annotated part. Where there is one segment, all of that is known beforehand,
and most of the time that a file takes is saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyannote.core import Annotation, Segment, Timeline

__all__ = ["Utterance", "WholeFile"]


class WholeFile(Timeline):
    """Timeline of one segment, whose sorted lists are made when something asks for them.

    Parameters
    ----------
    segment : Segment
        Not empty.
    uri : str, optional

    Examples
    --------
    >>> whole = WholeFile(Segment(0.0, 2.0))
    >>> whole.covers(Timeline([Segment(0.5, 2.0)])), whole.covers(Timeline([Segment(1.0, 3.0)]))
    (True, False)
    >>> whole == Timeline([Segment(0.0, 2.0)]), len(whole.add(Segment(3.0, 4.0)))
    (True, 2)
    """

    def __init__(self, segment: Segment, uri: str | None = None) -> None:
        self._whole = segment
        self.uri = uri

    def __getattr__(self, name: str) -> Any:
        """Make all that an ordinary timeline has, the first time that some of it is asked for."""
        mine = self.__dict__
        if not name.startswith("_") and "segments_list_" not in mine:
            mine.update(vars(Timeline([self._whole], self.uri)))
        if name not in mine:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return mine[name]

    def __reduce__(self) -> tuple[Any, ...]:
        # Whoever reads it elsewhere need not have this package.
        return Timeline, (list(self), self.uri)

    def _only(self) -> Segment | None:
        """Its segment, if it has no other."""
        made = vars(self).get("segments_list_")
        if made is None:
            return self._whole
        return made[0] if len(made) == 1 else None

    def __len__(self) -> int:
        return super().__len__() if self._only() is None else 1

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[Segment]:
        only = self._only()
        return super().__iter__() if only is None else iter((only,))

    def __ne__(self, other: object) -> bool:
        return self is not other and super().__ne__(other)

    def extent(self) -> Segment:
        """Shortest segment that holds all others."""
        only = self._only()
        return super().extent() if only is None else only

    def covers(self, other: Timeline) -> bool:
        """Whether all segments of another timeline lie within this one."""
        only = self._only()
        return (only is not None and other.extent() in only) or super().covers(other)


class Utterance(Annotation):
    """Annotation that gives the timeline of its segment without making sorted lists of one.

    Examples
    --------
    >>> utterance = Utterance(uri="alice/1")
    >>> utterance[Segment(0.0, 2.0)] = "alice"
    >>> utterance.get_timeline() == Timeline([Segment(0.0, 2.0)]), utterance != utterance.copy()
    (True, False)
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return Annotation, (self.uri, self.modality), vars(self)  # as above

    def __ne__(self, other: object) -> bool:
        return self is not other and super().__ne__(other)

    def get_timeline(self, copy: bool = True) -> Timeline:
        """Timeline of all segments."""
        if copy and len(self) == 1:
            return WholeFile(next(iter(self.itersegments())), self.uri)
        return super().get_timeline(copy)
