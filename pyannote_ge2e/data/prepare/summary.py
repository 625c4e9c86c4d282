"""The summary of `prepare`, for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pyannote_ge2e.data.prepare.lists import LEFT_OUT
from pyannote_ge2e.data.prepare.plan import LeftOut

if TYPE_CHECKING:
    from pyannote_ge2e.data.prepare.prepared import Prepared

__all__ = ["prepare_table"]

_COLUMNS = ("speakers", "utterances", "hours", "shortest", "longest", "trials", "targets")
_NUMBER = re.compile(r"\d[\d.,]*")


def prepare_table(prepared: Prepared, most: int = 3) -> Group:
    """Lay out what was prepared.

    Parameters
    ----------
    prepared : Prepared
    most : int, optional
        Files left out to show for each reason; the others are counted.

    Returns
    -------
    summary : Group
        For `rich.print`.
    """
    # Text, not str: rich would take brackets in a file's name for markup.
    lines = [Text(note, overflow="fold") for note in prepared.notes]
    total = sum(item.files for item in prepared.left_out)
    if total:
        where = f"Left out: {total:,} file(s), listed in {prepared.lists / LEFT_OUT}"
        lines.append(Text(where, overflow="fold"))
    lines += [Text(line, overflow="fold") for line in _grouped(prepared.left_out, most)]
    title = Text(f"Layout: {prepared.layout}")
    return Group(title, *_tables(prepared), *lines)


def _tables(prepared: Prepared) -> Iterator[Text | Table]:
    for protocol, subsets in prepared.protocols.items():
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("subset", no_wrap=True, min_width=len("development"))
        for title in _COLUMNS:
            table.add_column(title, justify="right")
        for subset, summary in subsets.items():
            table.add_row(
                subset,
                f"{summary.speakers:,}",
                f"{summary.utterances:,}",
                f"{summary.seconds / 3600:.2f}",
                f"{summary.shortest:.2f} s",
                f"{summary.longest:.2f} s",
                f"{summary.trials:,}" if summary.trials else "-",
                f"{summary.targets:,}" if summary.trials else "-",
            )
        yield Text(protocol, style="bold")
        yield table


def _grouped(left_out: Iterable[LeftOut], most: int) -> Iterator[str]:
    """Yield a line for each reason, whatever numbers are in it, and some files that it is for."""
    groups: dict[str, list[LeftOut]] = {}
    for item in left_out:
        groups.setdefault(_NUMBER.sub("#", item.reason), []).append(item)
    for items in groups.values():
        total = sum(item.files for item in items)
        names = ", ".join(item.name for item in items[:most])
        more = ", ..." if len(items) > most else ""
        yield f"  {total:,}: {items[0].reason} ({names}{more})"
