"""The text of bench/README.md: one line on the machine, then the sections between marks."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEAD = """# Benchmarks

Written by `python -m bench`; `python -m bench loss` renews one section. Peers are timed in turns
with what they are compared to, in one process, and checked to give the same result first. Ratios
are medians over the turns: they carry over to other machines better than times do.
"""


def compose(sections: Mapping[str, str], line: str) -> str:
    """Whole report.

    Parameters
    ----------
    sections : mapping
        Name to markdown, in the order in which they are to appear.
    line : str
        When, on what machine and at which commit all of them were measured.

    Examples
    --------
    >>> print(compose({"loss": "## Loss"}, "today"))  # doctest: +ELLIPSIS
    # Benchmarks
    ...
    today
    <BLANKLINE>
    <!-- loss -->
    ## Loss
    <!-- end of loss -->
    <BLANKLINE>
    """
    marked = (_between_marks(name, section) for name, section in sections.items())
    return "\n\n".join([f"{HEAD}\n{line}", *marked]) + "\n"


def replace_section(report: str, name: str, section: str, line: str) -> str:
    """Report with one section renewed, or added at the end.

    The line on top still speaks for the other sections: where it differs from the present one,
    the present one goes below the section.

    Examples
    --------
    >>> before = compose({"loss": "## Loss: slow", "reading": "## Reading"}, "today")
    >>> after = replace_section(before, "loss", "## Loss: fast", "tomorrow")
    >>> print(after[after.index("today") :])
    today
    <BLANKLINE>
    <!-- loss -->
    ## Loss: fast
    <BLANKLINE>
    Measured apart: tomorrow
    <!-- end of loss -->
    <BLANKLINE>
    <!-- reading -->
    ## Reading
    <!-- end of reading -->
    <BLANKLINE>
    """
    if f"\n{line}\n" not in report:
        section = f"{section.rstrip()}\n\nMeasured apart: {line}"
    marked = _between_marks(name, section)
    pattern = re.compile(f"<!-- {name} -->.*?<!-- end of {name} -->", re.DOTALL)
    if pattern.search(report):
        return pattern.sub(lambda _: marked, report)
    return f"{report.rstrip()}\n\n{marked}\n"


def _between_marks(name: str, section: str) -> str:
    return f"<!-- {name} -->\n{section.rstrip()}\n<!-- end of {name} -->"
