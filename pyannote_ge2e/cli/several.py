"""An option that takes several numbers at once: `--p-target .01 .05`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

_OPTION = "--p-target"
FIGURES = "Figures and their intervals"  # where help lists it


def probability(word: str | float) -> float:
    """Return a number that lies strictly between 0 and 1.

    Examples
    --------
    >>> probability(".05")
    0.05
    """
    number = _number(str(word))
    if number is None or not 0 < number < 1:
        raise typer.BadParameter(f"{word!r} is not a number between 0 and 1.")
    return number


PTargets = Annotated[
    list[float],
    typer.Option(
        _OPTION,
        parser=probability,
        metavar="P...",
        help="Prior of a target in minDCF: one number or several, as in --p-target .01 .05.",
        rich_help_panel=FIGURES,
    ),
]


class SeveralNumbers(TyperCommand):
    """A command whose `--p-target` takes every number that follows it, or a list with commas.

    Options of typer take one value each: what is typed is spelt out as one option a number
    before it is read. A folder that is named like a number has to stand before the option.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a command line."""
        return super().parse_args(ctx, list(spelt_out(args)))


def spelt_out(words: Sequence[str]) -> Iterator[str]:
    """Repeat `--p-target` before each of its numbers.

    Examples
    --------
    >>> " ".join(spelt_out("models/A --p-target .01 .05 Debug.SpeakerVerification.All".split()))
    'models/A --p-target=.01 --p-target=.05 Debug.SpeakerVerification.All'
    >>> list(spelt_out(["--p-target=.01,.05"]))
    ['--p-target=.01', '--p-target=.05']
    """
    first = more = False
    for position, word in enumerate(words):
        if word == "--":
            yield from words[position:]
            return
        if word == _OPTION:
            first, more = True, False
            continue
        value = word.removeprefix(f"{_OPTION}=")
        given = value != word
        if first or given or (more and _is_list(word)):
            yield from (f"{_OPTION}={number}" for number in value.split(","))
            first, more = False, True
        else:
            more = False
            yield word
    if first:
        yield _OPTION  # with nothing behind it, which is for typer to say


def _is_list(word: str) -> bool:
    return all(_number(part) is not None for part in word.split(","))


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
