"""Options that take several files at once: `--enrol a.wav b.wav --test c.wav`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from typer.core import TyperCommand

ENROL, TEST = ("--enrol", "--enroll"), ("--test",)


class SeveralFiles(TyperCommand):
    """A command whose `--enrol` and `--test` take every word up to the next option.

    Options of typer take one value each: what is typed is spelt out as one option a file before
    it is read.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a command line."""
        return super().parse_args(ctx, list(one_each(args, {*ENROL, *TEST})))


def one_each(words: Sequence[str], options: Collection[str]) -> Iterator[str]:
    """Repeat an option before each of the words that follow it.

    Examples
    --------
    >>> " ".join(one_each("--enrol a b --test c --json".split(), {"--enrol", "--test"}))
    '--enrol a --enrol b --test c --json'
    >>> list(one_each(["--enrol"], {"--enrol"}))
    ['--enrol']
    """
    option = ""
    for position, word in enumerate(words):
        if word == "--":
            yield from words[position:]
            return
        if word in options:
            option = word
            if position + 1 == len(words) or words[position + 1].startswith("--"):
                yield word  # with nothing behind it, which is for typer to say
        elif word.startswith("-"):
            option = ""
            yield word
        elif option:
            yield from (option, word)
        else:
            yield word
