"""`emb prepare`: recordings become protocols."""

from __future__ import annotations

import sys
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
    if not str(word).isdecimal() or int(word) < 2:
        raise typer.BadParameter(f"{word!r} is neither a number of trials, from 2, nor 'all'.")
    return int(word)


def shares(words: str) -> tuple[float, float, float]:
    """Return the shares of train, development and test.

    Examples
    --------
    >>> shares("0.8,0.1,0.1")
    (0.8, 0.1, 0.1)
    """
    try:
        train, development, test = map(float, words.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{words!r} is not three shares, of train, development and test, such as 0.8,0.1,0.1."
        ) from None
    return train, development, test


def wanted_trials(
    trials: int | Literal["all"] | None, targets: int | None, non_targets: int | None
) -> int | tuple[int, int] | Literal["all"]:
    """Return what `--trials`, `--targets` and `--non-targets` ask for.

    Examples
    --------
    >>> wanted_trials(None, None, None), wanted_trials(None, 500, None), wanted_trials(None, 1, 9)
    (20000, (500, 500), (1, 9))
    """
    if targets is None and non_targets is None:
        return 20_000 if trials is None else trials
    if trials is not None:
        raise typer.BadParameter("--trials counts both: give it, or --targets and --non-targets.")
    number = targets or non_targets or 0
    return targets or number, non_targets or number


@in_one_sentence
def prepare(
    path: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Folders of speaker/utterance.wav or speaker/session/utterance.wav (or flac, "
            "ogg...), maybe under train, dev and test; VoxCeleb or LibriSpeech as downloaded; or "
            "lists.",
        ),
    ],
    layout: Annotated[
        str,
        typer.Option(
            metavar="auto|voxceleb|librispeech|folder|lists",
            help="How PATH is laid out: recognised by default.",
        ),
    ] = "auto",
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the database, the first part of its protocols' names: the folder's by "
            "default.",
            show_default=False,
        ),
    ] = None,
    registry: Annotated[
        Path, typer.Option(help="Write or extend this file; the lists go beside it.")
    ] = Path("database.yml"),
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same split and trials.")] = 0,
    split: Annotated[
        Any,
        typer.Option(
            parser=shares,
            metavar="0.8,0.1,0.1",
            help="Shares of the speakers for train, development and test, where PATH has no such "
            "folders.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        Any,
        typer.Option(
            parser=number_of_trials,
            metavar="NUMBER|all",
            help="Trials of development and of test: 20000 by default, half of them targets.",
            show_default=False,
        ),
    ] = None,
    targets: Annotated[
        int | None,
        typer.Option(
            min=1, help="Instead: target trials, as many as non-targets.", show_default=False
        ),
    ] = None,
    non_targets: Annotated[
        int | None,
        typer.Option(min=1, help="Instead: non-target trials.", show_default=False),
    ] = None,
    same_gender: Annotated[
        bool,
        typer.Option("--same-gender", help="Non-target trials compare speakers of one gender."),
    ] = False,
    trial_list: Annotated[
        list[Path] | None,
        typer.Option(
            help="Trials to take as they are, such as veri_test.txt; may be repeated.",
            show_default=False,
        ),
    ] = None,
    genders: Annotated[
        Path | None,
        typer.Option(help="Lines 'speaker f' or 'speaker m'.", show_default=False),
    ] = None,
    extensions: Annotated[
        list[str] | None,
        typer.Option(
            "--extensions",
            "--extension",
            metavar="wav,flac",
            help="Take files of these formats only; may be repeated.",
            show_default=False,
        ),
    ] = None,
    min_utterances: Annotated[
        int, typer.Option(min=1, help="Leave out speakers with fewer utterances.")
    ] = 1,
    min_seconds: Annotated[
        float, typer.Option(min=0, help="Leave out speakers with less speech.")
    ] = 0.0,
    data_ratio: Annotated[
        float, typer.Option(max=1, help="Keep this share of the speakers of each subset.")
    ] = 1.0,
    jobs: Annotated[int, typer.Option(min=1, help="Files to measure at a time.")] = 8,
    debug: Debug = False,
) -> None:
    """Turn the recordings in PATH into lists, trials and a database.yml."""
    wanted = wanted_trials(trials, targets, non_targets)
    from rich.console import Console

    from pyannote_ge2e.data.prepare.run import prepare as run

    console = Console()
    with _counting(console) as progress:
        prepared = run(
            path,
            name,
            registry,
            layout=layout,
            extensions=_formats(extensions),
            trial_lists=trial_list or (),
            genders=genders,
            min_utterances=min_utterances,
            min_seconds=min_seconds,
            data_ratio=data_ratio,
            ratios=split,
            trials=wanted,
            same_gender=same_gender,
            seed=seed,
            threads=jobs,
            progress=progress,
            say=lambda sentence: print(sentence, file=sys.stderr, flush=True),
        )
    console.print(prepared.table())
    for command in prepared.commands:
        console.print(command, soft_wrap=True, markup=False, highlight=False)


def _formats(extensions: list[str] | None) -> list[str] | None:
    if extensions is None:
        return None
    return [each for words in extensions for each in words.split(",") if each.strip()]


@contextmanager
def _counting(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal what is being waited for; gives the function that takes (done, total)."""
    from rich.progress import Progress

    from pyannote_ge2e.experiment.console import can_move

    with Progress(console=console, transient=True, disable=not can_move(console)) as progress:
        task = progress.add_task("Looking for audio", total=None)

        def show(done: int, total: int) -> None:
            what = "Measuring files" if done < total else "Writing lists"
            progress.update(task, description=what, completed=done, total=total)

        yield show
