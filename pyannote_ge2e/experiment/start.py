"""Where a training run starts, and the refusals that keep existing weights safe."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config import merge_configs, read_config
from pyannote_ge2e.experiment.layout import TrainFolder, read_yaml
from pyannote_ge2e.experiment.precision import Precision
from pyannote_ge2e.experiment.precomputed import is_precomputed
from pyannote_ge2e.experiment.pretrained import Pretrained
from pyannote_ge2e.experiment.stored_start import FILLED_IN


@dataclass(frozen=True)
class Start:
    """Where a run starts.

    Attributes
    ----------
    checkpoint : Path or None
        Checkpoint to go on from; None starts at epoch 1.
    archive : bool
        Whether an existing run must be moved aside first.
    """

    checkpoint: Path | None = None
    archive: bool = False


def find_start(
    run: TrainFolder,
    from_epoch: int | Literal["last"],
    to_epoch: int,
    pretrained: bool = False,
    force: bool = False,
) -> Start:
    """Decide where training starts.

    Parameters
    ----------
    run : TrainFolder
    from_epoch : int or "last"
        0 for a new run.
    to_epoch : int
        Last epoch asked for.
    pretrained, force : bool
        Whether these options were given.

    Returns
    -------
    start : Start

    Raises
    ------
    UserError
        Whenever going on would lose or contradict weights on disk; the message says the way out.
    """
    if to_epoch < 1:
        raise UserError(f"--to {to_epoch}: there is nothing to train before epoch 1.")
    epochs = run.epochs()
    if from_epoch == 0:
        if run.path.exists() and epochs and not force:
            raise UserError(
                f"'{run.path}' already holds weights, up to epoch {epochs[-1]}. "
                "Add --from=last to go on with them, or --force to move the folder aside."
            )
        return Start(archive=force and run.path.exists())
    if pretrained:
        raise UserError("--pretrained starts a run and --from goes on with one: give one of them.")
    if force:
        raise UserError("--force starts anew and --from goes on with a run: give one of them.")
    if not epochs:
        raise UserError(
            f"--from={from_epoch}: '{run.weights}' holds no weights to go on with. "
            "Leave --from out to start from scratch."
        )
    last = epochs[-1]
    if from_epoch not in ("last", last):
        raise UserError(
            f"--from={from_epoch}: the newest weights in '{run.path}' are those of epoch {last}. "
            "Use --from=last to go on with them; to branch off an earlier epoch, give its file "
            "to --pretrained in another experiment folder."
        )
    if last >= to_epoch:
        raise UserError(
            f"'{run.path}' is already trained to epoch {last}: give a --to above {last}."
        )
    return Start(checkpoint=run.weights_of(last))


def find_config(
    root: Path, run: TrainFolder, start: Start, source: Pretrained | None
) -> dict[str, Any]:
    """Configuration of a run: its own copy when it goes on, else the experiment's.

    Fine-tuning lays `config.yml`, which may be absent or partial, over the configuration of the
    pretrained model.

    Raises
    ------
    UserError
        If there is none, or it cannot be read.
    """
    path = root / "config.yml"
    if start.checkpoint is not None and run.config.is_file():
        return read_yaml(run.config)
    if source is None:
        return read_config(path)
    return merge_configs(_inherited(source.config), read_config(path) if path.exists() else {})


def _inherited(config: dict[str, Any]) -> dict[str, Any]:
    """Leave out where w and b once began: the weights bring what they have come to."""
    config = deepcopy(config)
    params = (config.get("task") or {}).get("params") or {}
    for name in ("w", "b"):
        params.pop(name, None)
    return config


def is_edited(root: Path, run: TrainFolder, start: Start) -> bool:
    """Tell whether `config.yml` says something else than the run that goes on began with.

    That of a fine-tuning run is partial, and says nothing by itself.
    """
    path = root / "config.yml"
    if start.checkpoint is None or not (path.is_file() and run.config.is_file()):
        return False
    if run.specs.is_file() and read_yaml(run.specs).get("pretrained") is not None:
        return False
    began, now = read_yaml(run.config), read_config(path)
    if is_precomputed(began.get("feature_extraction")):
        # What `features.yml` tells was filled in: the file need not say it, and may.
        filled = {key: now[key] for key in FILLED_IN if key in now}
        now = {**now, **{key: merge_configs(began, filled)[key] for key in filled}}
    return any(began.get(section) != value for section, value in now.items())


def find_seed(run: TrainFolder, start: Start, seed: int | None) -> int:
    """Seed of a run: the one it began with when it goes on, else `seed`, else 0.

    Raises
    ------
    UserError
        If another seed is asked for in mid-run.
    """
    if start.checkpoint is None or not run.specs.is_file():
        return 0 if seed is None else seed
    began = int(read_yaml(run.specs).get("seed", 0))
    if seed not in (None, began):
        raise UserError(f"--seed {seed}: this run began with seed {began}; leave --seed out.")
    return began


def choose_precision(run: TrainFolder, start: Start, precision: Precision | None) -> Precision:
    """Precision of a run: the one asked for, else that which it began with, else float32."""
    if precision is not None:
        return precision
    if start.checkpoint is None or not run.specs.is_file():
        return "single"
    began: Precision = read_yaml(run.specs).get("precision", "single")
    return began


def check_speakers(run: TrainFolder, start: Start, speakers: Sequence[str]) -> None:
    """Check that a run goes on with the speakers that it began with.

    Raises
    ------
    UserError
        If the protocol has others now: it would be another run.
    """
    if start.checkpoint is None or not run.specs.is_file():
        return
    began = read_yaml(run.specs).get("classes", list(speakers))
    if list(began) != list(speakers):
        raise UserError(
            f"'{run.path}' began with {len(began)} speakers, and the protocol now has "
            f"{len(speakers)}, or others: restore its lists to go on, or give "
            f"'{start.checkpoint}' to --pretrained in another experiment folder."
        )
