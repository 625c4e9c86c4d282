"""Turns exceptions into one sentence and an exit status."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import typer

from pyannote_ge2e.errors import UserError

INTERRUPTED = 130  # 128 + SIGINT, what shells report of a program stopped by Ctrl-C

Words = ParamSpec("Words")


def in_one_sentence(command: Callable[Words, None]) -> Callable[Words, None]:
    """Make a command end in a sentence on stderr rather than in a traceback.

    Only failures that the user can mend are caught: `UserError`, errors of the operating system
    (disk full, read-only folder...) and Ctrl-C, whose sentence is the message of the
    `KeyboardInterrupt` if it has one. Anything else is a bug, which shows its traceback; so does
    everything under `--debug`. It wraps the commands rather than the whole program, since they
    also run inside upstream's.
    """

    @wraps(command)
    def run(*args: Words.args, **kwargs: Words.kwargs) -> None:
        _print_any_name()
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt as interrupt:
            _say(str(interrupt) or "Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except (UserError, OSError) as error:
            if isinstance(error, BrokenPipeError) and _reader_has_left():
                raise typer.Exit(1) from None
            if kwargs.get("debug"):
                raise
            folder = next((value for value in kwargs.values() if isinstance(value, Path)), None)
            _say(f"error: {_sentence(error, folder)}")
            raise typer.Exit(1) from None

    return run


def _print_any_name() -> None:
    """Let names of files be printed where the terminal's encoding has no such letters."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _sentence(error: UserError | OSError, folder: Path | None) -> str:
    if isinstance(error, UserError):
        return str(error)
    reason = error.strerror or str(error) or type(error).__name__
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    if names:
        return f"{' -> '.join(names)}: {reason}."
    # A write that fails (disk full) does not tell to which file it went.
    return f"{reason}, while working on '{folder}'." if folder else f"{reason}."


def _reader_has_left() -> bool:
    """Tell whether nobody reads our output any more (`| head`), and if so, write no more of it.

    The pipe that broke might as well have been another one, to a worker that died.
    """
    output = select.poll()
    output.register(sys.stdout, select.POLLOUT)
    left = any(event & (select.POLLERR | select.POLLHUP) for _, event in output.poll(0))
    if left:
        # Python flushes once more when it exits: into nothing, lest it complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return left


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
