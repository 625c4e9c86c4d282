"""`emb prepare`: a folder of recordings becomes a protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pyannote_ge2e.cli.failures import in_one_sentence
from pyannote_ge2e.cli.options import Debug

if TYPE_CHECKING:
    from rich.console import Console


def number_of_trials(word: str | int) -> int | Literal["all"]:
    """Return a number of trials, or "all".

    Examples
    --------
    >>> number_of_trials("2000"), number_of_trials("all")
    (2000, 'all')
    """
    if word == "all":
        return "all"
    if not str(word).isdecimal() or int(word) == 0:
        raise typer.BadParameter(f"{word!r} is neither a number of trials nor 'all'.")
    return int(word)


@in_one_sentence
def prepare(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="Folder of speaker/utterance.wav or speaker/session/utterance.wav (or flac, "
            "ogg...), maybe under train, dev and test.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            help="The protocol will be NAME.SpeakerVerification.All: the folder's name by default.",
            show_default=False,
        ),
    ] = None,
    registry: Annotated[
        Path, typer.Option(help="Write or extend this file; the lists go beside it.")
    ] = Path("database.yml"),
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same split and trials.")] = 0,
    trials: Annotated[
        Any,
        typer.Option(
            parser=number_of_trials, metavar="NUMBER|all", help="Trials of development and of test."
        ),
    ] = 20_000,
    extension: Annotated[
        list[str] | None,
        typer.Option(
            help="Take files of this format only, such as wav; may be repeated.", show_default=False
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Turn the recordings in PATH into lists, trials and a database.yml."""
    from rich.console import Console

    from pyannote_ge2e.data.prepare.run import prepare as run

    console = Console()
    with _counting(console, "Measuring files") as progress:
        prepared = run(
            path,
            name,
            registry,
            seed=seed,
            trials=trials,
            extensions=extension or None,
            progress=progress,
        )
    console.print(prepared.table())
    console.print(prepared.export, soft_wrap=True, markup=False, highlight=False)


@contextmanager
def _counting(console: Console, description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal; gives the function that takes (done, total)."""
    from rich.progress import Progress

    from pyannote_ge2e.experiment.console import can_move

    with Progress(console=console, transient=True, disable=not can_move(console)) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
