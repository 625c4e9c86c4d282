"""The options that several commands share, and what their words mean."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

_SUBSETS = {"train": "train", "development": "development", "dev": "development", "test": "test"}


def subset(word: str) -> str:
    """Return pyannote's name of a subset.

    Examples
    --------
    >>> subset("dev")
    'development'
    """
    if word not in _SUBSETS:
        raise typer.BadParameter(f"{word!r} is not one of train, development, test.")
    return _SUBSETS[word]


def epoch(word: str | int) -> int | Literal["last"]:
    """Return the number of an epoch, or "last".

    Examples
    --------
    >>> epoch("20"), epoch("last")
    (20, 'last')
    """
    if word == "last":
        return "last"
    if not re.fullmatch(r"[0-9]+", str(word)):
        raise typer.BadParameter(f"{word!r} is neither the number of an epoch nor 'last'.")
    return int(word)


def device(word: str) -> str:
    """Return the name of a device, once it looks like one."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]+)?", word):
        raise typer.BadParameter(f"{word!r} is not one of auto, cpu, cuda, cuda:1, mps.")
    return word


def number(word: str | float) -> float:
    """Return a number that is finite.

    Examples
    --------
    >>> number("-.5")
    -0.5
    """
    value = _float(word)
    if not math.isfinite(value):
        raise typer.BadParameter(f"{word!r} is not a number, such as 0.5.")
    return value


def positive(word: str | float) -> float:
    """Return a number that is finite and greater than zero."""
    value = _float(word)
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"{word!r} is not a number greater than 0.")
    return value


def _float(word: str | float) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def one_device(device: str, gpu: bool, cpu: bool) -> str:
    """Return the device that `--device`, `--gpu` and `--cpu` agree on.

    Examples
    --------
    >>> one_device("auto", gpu=True, cpu=False)
    'cuda'
    """
    asked = {word for word, is_asked in (("cuda", gpu), ("cpu", cpu)) if is_asked}
    if device != "auto":
        # --gpu --device cuda:1 say the same thing twice.
        asked = {device} | {word for word in asked if word != device.split(":")[0]}
    if len(asked) > 1:
        raise typer.BadParameter("--gpu, --cpu and --device contradict each other: give one.")
    return asked.pop() if asked else "auto"


Protocol = Annotated[
    str, typer.Argument(metavar="PROTOCOL", help="Such as VoxCeleb.SpeakerVerification.VoxCeleb2.")
]
# typer makes nothing of `int | Literal["last"]`, but leaves it to `parser` when it sees `Any`.
Epoch = Any
Subset = Annotated[
    Any, typer.Option(parser=subset, metavar="train|development|test", help="Subset to read.")
]
Device = Annotated[
    str,
    typer.Option(
        parser=device,
        metavar="auto|cpu|cuda|mps",
        help="Where to compute; cuda:1 is the second GPU.",
    ),
]
Gpu = Annotated[bool, typer.Option("--gpu", help="Same as --device cuda.")]
Cpu = Annotated[bool, typer.Option("--cpu", help="Same as --device cpu.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Detect anomalies, and show the traceback of errors.")
]
Batch = Annotated[int, typer.Option(min=1, help="Windows per forward pass.")]
Step = Annotated[
    float,
    typer.Option(
        parser=positive, metavar="RATIO", help="Step between windows, over their duration."
    ),
]
_OF_WINDOWS: Any = {
    "parser": positive,
    "metavar": "SECONDS",
    "help": "Duration of windows: that of training chunks by default.",
    "show_default": False,
}
Duration = Annotated[float | None, typer.Option(**_OF_WINDOWS)]
# Where embeddings may be those of windows, `--window` says as much.
Window = Annotated[float | None, typer.Option("--window", "--duration", **_OF_WINDOWS)]
Parallel = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Processes that read audio: the number of CPUs minus one by default.",
        show_default=False,
    ),
]
Threads = Annotated[int, typer.Option(min=0, help="Threads that read audio.")]
Pretrained = Annotated[
    str | None,
    typer.Option(
        help="Checkpoint, name in our hub, owner/repo:entry, or owner/name on Hugging Face.",
        show_default=False,
    ),
]
Registry = Annotated[
    Path | None,
    typer.Option(help="The database.yml that knows the protocol.", show_default=False),
]
Force = Annotated[
    bool, typer.Option("--force", help="Archive what is there already, and start afresh.")
]
