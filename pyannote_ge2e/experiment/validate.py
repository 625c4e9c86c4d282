"""`emb validate`: the error rate of each epoch, and which is best."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from torch.utils.tensorboard import SummaryWriter

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.data.protocol import Subset
from pyannote_ge2e.data.trials.themselves import with_themselves
from pyannote_ge2e.data.trials.trials import trial_index
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.device import find_device
from pyannote_ge2e.experiment.error_rate import error_rate, score_trials
from pyannote_ge2e.experiment.layout import TrainFolder, ValidateFolder, read_yaml, write_yaml
from pyannote_ge2e.experiment.parallel import num_workers
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.reading import reading_of_run

# Seconds between two looks for new weights.
_POLL = 10.0


def validate(
    train: Path,
    protocol: str,
    *,
    subset: Subset = "development",
    device: str = "auto",
    from_epoch: int = 1,
    to_epoch: int | Literal["last"] = "last",
    every: int = 1,
    evergreen: bool = False,
    batch: int = 32,
    step: float = 0.25,
    parallel: int | None = None,
    duration: float | None = None,
    metric: str = "cosine",
    registry: Path | None = None,
    watch: bool = False,
) -> Path:
    """Validate the epochs of a training run on the trials of a protocol.

    Parameters
    ----------
    train : Path
        `<root>/train/<protocol>.<subset>`.
    protocol, subset : str
        Where the trials are.
    device : str
        See `find_device`.
    from_epoch, every : int
        Validate epochs `from_epoch`, `from_epoch + every`, ...
    to_epoch : int or "last"
        Last epoch; "last" is the newest on disk.
    evergreen : bool
        Newest epoch first.
    batch : int
        Windows per batch.
    step : float
        Step between windows, as a ratio of their length.
    parallel : int, optional
        Processes that read audio: see `num_workers`.
    duration : float, optional
        Window length in seconds. Defaults to what the model was trained with.
    metric : str
        See `score_trials`.
    registry : Path, optional
        Further `database.yml` to load protocols from.
    watch : bool
        Wait for epochs still to come, until `to_epoch` (for ever when it is "last").

    Returns
    -------
    folder : Path
        Holds `params.yml` (the best epoch) and `epochs.yml` (all of them).

    Raises
    ------
    UserError
        If there are no weights, no trials, or audio that cannot be read.
    """
    console = Console()
    run = TrainFolder.existing(Path(train))
    folder = ValidateFolder.of(run, protocol, subset)
    torch_device = find_device(device)
    reading = reading_of_run(run, lambda remark: say(console, remark))
    with reading.telling(protocol, subset):
        trials = trial_index(reading.protocol(protocol, registry), subset, reading.duration)
    for remark in with_themselves(trials.trials, trials.uris.__getitem__, f"{protocol}.{subset}"):
        say(console, remark)
    settings = {"duration": duration, "step": step, "metric": metric, "trials": trials.digest()}
    history = _read_history(folder, settings)
    if not history and folder.history.is_file():
        say(console, f"'{folder.history}' is of other trials or settings: it is made anew.")
    writer: SummaryWriter | None = None
    found = False
    with quiet():
        for epoch in _epochs(run, from_epoch, to_epoch, every, evergreen, watch):
            found = True
            if epoch in history:
                continue
            with bar(console, f"epoch {epoch}", len(trials.uris)) as advance:
                model = load_model(run.weights_of(epoch))
                scores = score_trials(
                    model,
                    trials,
                    device=torch_device,
                    duration=duration,
                    step=step,
                    batch_size=batch,
                    num_workers=num_workers(parallel),
                    metric=metric,
                    reader=reading.reader(model.hparams["sample_rate"]),
                    progress=advance,
                )
            figure = error_rate(scores, trials)
            say(console, f"epoch {epoch:4d}  EER {figure}")
            history[epoch] = figure.as_dict()
            _write(folder, settings, history)
            writer = writer or SummaryWriter(str(run.path))
            writer.add_scalar(f"validate/{protocol}.{subset}/equal_error_rate", figure.value, epoch)
            writer.flush()
    if not found:
        raise UserError(
            f"'{run.weights}' holds no epoch between --from {from_epoch} and --to {to_epoch} "
            f"(it has {run.epochs()[0]} to {run.epochs()[-1]})."
        )
    best = folder.best_epoch()
    say(
        console,
        f"Best: epoch {best}, EER {100 * history[best]['equal_error_rate']:.2f} % "
        f"{_percent(history[best]['interval'])} -> '{folder.params}'",
    )
    return folder.path


def _epochs(
    run: TrainFolder,
    first: int,
    last: int | Literal["last"],
    every: int,
    evergreen: bool,
    watch: bool,
) -> Iterator[int]:
    """Epochs to validate; with `watch`, also those that training has yet to write."""
    done: set[int] = set()
    while True:
        ready = [
            epoch
            for epoch in run.epochs()
            if epoch >= first
            and (epoch - first) % every == 0
            and (last == "last" or epoch <= last)
            and epoch not in done
        ]
        if ready:
            # One at a time: with `evergreen`, newer weights may appear meanwhile.
            epoch = ready[-1] if evergreen else ready[0]
            done.add(epoch)
            yield epoch
        elif watch and (last == "last" or not done or max(done) + every <= last):
            time.sleep(_POLL)
        else:
            return


def _read_history(folder: ValidateFolder, settings: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Epochs already validated the same way."""
    if not folder.history.is_file():
        return {}
    history = read_yaml(folder.history)
    if not isinstance(history, dict) or history.get("settings") != settings:
        return {}
    return history["epochs"]


def _write(
    folder: ValidateFolder, settings: dict[str, Any], history: dict[int, dict[str, Any]]
) -> None:
    ordered = {epoch: history[epoch] for epoch in sorted(history)}
    write_yaml(folder.history, {"settings": settings, "epochs": ordered})
    best = min(ordered, key=lambda epoch: ordered[epoch]["equal_error_rate"])
    write_yaml(folder.params, {"epoch": best, **ordered[best], "settings": settings})


def _percent(interval: list[float]) -> str:
    return "[" + ", ".join(f"{100 * bound:.2f}" for bound in interval) + "]"
