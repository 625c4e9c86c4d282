"""What the pictures have in common: colours, fonts, and how they are written."""

from __future__ import annotations

import os
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pyannote_ge2e.report.files import replacing

# Blue and orange of Okabe & Ito, told apart by colour-blind readers and in grey print.
TARGET, NON_TARGET, INK = "#0072B2", "#E69F00", "#333333"
FAINT = "#999999"
# More of their colours, for curves, each with a line style that tells it apart in grey print.
CURVES: tuple[tuple[str, Any], ...] = (
    ("#0072B2", "solid"),
    ("#D55E00", (0, (6, 2))),
    ("#009E73", (0, (6, 2, 1, 2))),
    ("#CC79A7", (0, (1.5, 1.5))),
    ("#56B4E9", (0, (6, 2, 1, 2, 1, 2))),
)

_SETTINGS: dict[Any, Any] = {
    # Names are names: a dollar in them starts no formula.
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    # The same picture is the same bytes: these would be drawn by chance, or be the date.
    "svg.hashsalt": "pyannote-ge2e",
    "svg.fonttype": "path",
}
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in one style, whatever the caller's settings of matplotlib are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def plain(axes: Axes) -> None:
    """Take the frame away where nothing is read from it."""
    axes.spines[["top", "right"]].set_visible(False)


def drawable(name: str, width: int = 60) -> str:
    r"""Words as a picture can show them: text, on lines that are not too long.

    Examples
    --------
    >>> drawable("caf\udce9 " + 10 * "x", width=10)
    'caf?\nxxxxxxxxxx'
    """
    # Names of files need not be text.
    return textwrap.fill(name.encode(errors="replace").decode(), width)


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a picture in the format of its suffix, whole or not at all.

    Parameters
    ----------
    figure : Figure
    path : path

    Raises
    ------
    ValueError
        When the suffix is not that of a picture.
    """
    path = Path(path)
    kind = path.suffix.lstrip(".").lower()
    if kind not in FigureCanvasAgg.get_supported_filetypes():
        raise ValueError(
            f"Cannot tell the picture format of {str(path)!r}: use a suffix like .png."
        )
    with replacing(path) as temporary:
        render(figure, temporary, kind)


def render(figure: Figure, target: Path | BytesIO, kind: str) -> None:
    """Write a picture: the same bytes each time, if it is an svg."""
    metadata = _NO_METADATA if kind == "svg" else None
    with house_style(), warnings.catch_warnings():
        # No font has all scripts: the page, whose reader's fonts may, shows the name.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(target, format=kind, dpi=180, metadata=metadata)


def svg_text(figure: Figure) -> str:
    """Render a picture as svg."""
    target = BytesIO()
    render(figure, target, "svg")
    return target.getvalue().decode()
