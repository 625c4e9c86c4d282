"""The annotated part of a file that is annotated from its start to its end."""

from __future__ import annotations

from pyannote.core import Timeline

__all__ = ["WholeFile"]


class WholeFile(Timeline):
    """Timeline of one segment, which need not look for gaps to know what it covers.

    pyannote asks that of every file whose annotation it gives: half of the time it takes for one.

    Examples
    --------
    >>> from pyannote.core import Segment
    >>> whole = WholeFile([Segment(0.0, 2.0)])
    >>> whole.covers(Timeline([Segment(0.5, 2.0)])), whole.covers(Timeline([Segment(1.0, 3.0)]))
    (True, False)
    """

    def covers(self, other: Timeline) -> bool:
        """Whether all segments of another timeline lie within this one."""
        return (len(self) == 1 and other.extent() in self[0]) or super().covers(other)
