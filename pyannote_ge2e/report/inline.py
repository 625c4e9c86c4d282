"""Pictures inside a page: they take the page's colours, and keep their names to themselves."""

from __future__ import annotations

import re
from html import escape

from pyannote_ge2e.report.style import CURVES, FAINT, INK, NON_TARGET, TARGET

# Colours of the pictures to variables of the page, which knows whether it is dark.
VARIABLES = {
    "#ffffff": "paper",
    INK: "ink",
    FAINT: "faint",
    **{colour: f"curve-{number}" for number, (colour, _) in enumerate(CURVES)},
    TARGET: "target",
    NON_TARGET: "non-target",
}


def inline_svg(svg: str, name: str, description: str) -> str:
    """Make an svg file part of a page.

    Parameters
    ----------
    svg : str
        As matplotlib writes it.
    name : str
        Unique among the pictures of the page.
    description : str
        For those who do not see it.

    Returns
    -------
    element : str

    Examples
    --------
    >>> inline_svg('<?xml?><svg width="5pt" viewBox="0 0 5 5"><g id="a"/></svg>', "det", "DET")
    '<svg role="img" aria-label="DET" viewBox="0 0 5 5"><g id="det-a"/></svg>'
    """
    svg = svg[svg.index("<svg") :].strip()
    head, rest = svg.split(">", 1)
    # The page sets the size; of the attributes, only the box is needed.
    (box,) = re.findall(r'viewBox="[^"]*"', head)
    rest = re.sub(r'\bid="', f'id="{name}-', rest)
    rest = re.sub(r'href="#', f'href="#{name}-', rest)
    rest = re.sub(r"url\(#", f"url(#{name}-", rest)
    rest = rest.replace("xlink:href", "href")
    for colour, variable in VARIABLES.items():
        rest = re.sub(colour, f"var(--{variable})", rest, flags=re.IGNORECASE)
    return f'<svg role="img" aria-label="{escape(description)}" {box}>{rest}'
