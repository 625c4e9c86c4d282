"""Lines and bars on the screen, for commands that need no training library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

__all__ = ["bar", "can_move", "say"]


def say(console: Console, line: str) -> None:
    """Print a line as it is: no colours for what looks like a number, no folding of paths."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def can_move(console: Console) -> bool:
    """Whether a bar can move there: FORCE_COLOR and notebooks make a terminal of any pipe."""
    return console.is_terminal and console.file.isatty()


@contextmanager
def bar(console: Console, description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal while the block runs; gives the function that advances it."""
    with Progress(console=console, transient=True, disable=not can_move(console)) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done: progress.advance(task, done)
