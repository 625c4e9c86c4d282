"""The summary of `prepare`, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pyannote_ge2e.data.prepare.lists import LEFT_OUT

if TYPE_CHECKING:
    from pyannote_ge2e.data.prepare.run import Prepared

__all__ = ["prepare_table"]


def prepare_table(prepared: Prepared, most: int = 10) -> Group:
    """Lay out what was prepared.

    Parameters
    ----------
    prepared : Prepared
    most : int, optional
        Files left out to show; the others are counted.

    Returns
    -------
    summary : Group
        For `rich.print`.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("subset", no_wrap=True)
    for title in ("speakers", "utterances", "hours", "shortest", "longest", "trials", "targets"):
        table.add_column(title, justify="right")
    for subset, summary in prepared.subsets.items():
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
    # Text, not str: rich would take brackets in a file's name for markup.
    lines = [Text(note, overflow="fold") for note in prepared.notes]
    total = sum(item.files for item in prepared.left_out)
    if total:
        where = f"Left out: {total:,} file(s), listed in {prepared.lists / LEFT_OUT}"
        lines.append(Text(where, overflow="fold"))
    for item in prepared.left_out[:most]:
        lines.append(Text(f"  {item.name}: {item.reason}", overflow="fold"))
    if len(prepared.left_out) > most:
        lines.append(Text(f"  ... and {len(prepared.left_out) - most:,} more"))
    return Group(Text(prepared.protocol, style="bold"), table, *lines)
