"""`emb train`: from a configuration and a protocol to weights on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console

from pyannote_ge2e.data.protocol import Subset, load_protocol, train_on
from pyannote_ge2e.data.user_cache import cache_root
from pyannote_ge2e.experiment.checkpoint import AtomicCheckpointIO
from pyannote_ge2e.experiment.config import Experiment
from pyannote_ge2e.experiment.console import say
from pyannote_ge2e.experiment.device import find_device
from pyannote_ge2e.experiment.freed_memory import GiveBackTheRest, freed_memory_kept
from pyannote_ge2e.experiment.initial import build_model, check_fit, start_from
from pyannote_ge2e.experiment.interrupt import Interrupted, StopBetweenBatches
from pyannote_ge2e.experiment.layout import TrainFolder, write_yaml
from pyannote_ge2e.experiment.parallel import num_workers
from pyannote_ge2e.experiment.precision import Precision, find_precision
from pyannote_ge2e.experiment.pretrained import load_pretrained
from pyannote_ge2e.experiment.progress import TrainProgress
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.reading import Reading
from pyannote_ge2e.experiment.reproducibility import SeedEachEpoch, seed_everything
from pyannote_ge2e.experiment.start import (
    check_speakers,
    choose_precision,
    find_config,
    find_seed,
    find_start,
    is_edited,
)
from pyannote_ge2e.experiment.weights import SaveEachEpoch
from pyannote_ge2e.tasks import EmbeddingTask


def train(
    root: Path,
    protocol: str,
    *,
    subset: Subset = "train",
    device: str = "auto",
    debug: bool = False,
    from_epoch: int | Literal["last"] = 0,
    to_epoch: int = 100,
    parallel: int | None = None,
    pretrained: str | None = None,
    seed: int | None = None,
    registry: Path | None = None,
    force: bool = False,
    keep: int | None = None,
    pack: Path | None = None,
    precision: Precision | None = None,
) -> Path:
    """Train an experiment, fine-tune it, or go on training it.

    Parameters
    ----------
    root : Path
        Experiment folder, holding `config.yml`.
    protocol : str
        Name of a pyannote.database protocol, speaker verification or diarization.
    subset : str
        Subset to train on.
    device : str
        See `find_device`.
    debug : bool
        Let torch name the operation that gave the first NaN gradient (slow).
    from_epoch : int or "last"
        0 starts anew; "last" goes on after the newest weights.
    to_epoch : int
        Last epoch, counted from 1.
    parallel : int, optional
        Worker processes that prepare batches. Defaults to one less than the CPUs, 8 at most.
    pretrained : str, optional
        Weights to fine-tune: see `load_pretrained`. `config.yml` may then be absent or partial.
    seed : int, optional
        Same seed, same weights. Defaults to 0.
    registry : Path, optional
        Further `database.yml` to load protocols from.
    force : bool
        Move an existing run aside and start anew.
    keep : int, optional
        Keep only that many newest weights.
    pack : Path, optional
        Read the training set from what `emb pack` wrote there.
    precision : {"single", "bf16", "fp16"}, optional
        Of the products in the model: see `find_precision`. Weights, sums and loss stay float32.
        Defaults to what the run began with, and to single.

    Returns
    -------
    folder : Path
        `<root>/train/<protocol>.<subset>`.

    Raises
    ------
    UserError
        Whatever is wrong with the input; in all but the last of them (a broken audio file, a loss
        that is no number) nothing was written.
    KeyboardInterrupt
        On Ctrl-C, after the batch in progress; the message says how to go on.
    """
    console = Console()
    root = Path(root)
    run = TrainFolder.of(root, protocol, subset)
    start = find_start(run, from_epoch, to_epoch, pretrained is not None, force)
    accelerator = find_device(device)
    precision = choose_precision(run, start, precision)
    plan = find_precision(precision, accelerator)
    source = load_pretrained(pretrained) if pretrained is not None else None
    experiment = Experiment.from_config(find_config(root, run, start, source), root / "config.yml")
    seed = find_seed(run, start, seed)

    task = experiment.build_task(
        train_on(load_protocol(protocol, registry, experiment.preprocessors), subset),
        seed=seed,
        num_workers=num_workers(parallel),
        cache=cache_root() / "indexes",
        pack=pack,
    )
    with Reading(experiment.stored, root).telling(protocol, "all"):
        task.prepare_data()
    assert task.index is not None
    if pack is not None:
        task.open_pack(experiment.sample_rate)
    check_speakers(run, start, list(task.index.speakers))
    say(console, f"{protocol}, {subset}: {task.index.summary()}")
    if experiment.stored is not None:
        say(console, f"Stored features: {experiment.stored}")
    seed_everything(seed)
    model = build_model(experiment, task)
    if source is not None:
        start_from(model, source)
        task.initial_loss_state = source.loss
    elif start.checkpoint is not None:
        check_fit(model, start.checkpoint, run.config)
    if is_edited(root, run, start):
        say(console, f"'{root / 'config.yml'}' was edited: this run goes on with '{run.config}'.")

    if start.archive:
        say(console, f"The existing run was moved to '{run.archive()}'.")
    run.make()
    if start.checkpoint is None:
        write_yaml(run.config, experiment.config)
        write_yaml(run.specs, _specs(task, protocol, subset, seed, pretrained, precision))
    stop = StopBetweenBatches()
    with quiet():
        trainer = Trainer(
            accelerator={"cuda": "gpu"}.get(accelerator.type, accelerator.type),
            devices=[accelerator.index or 0] if accelerator.type == "cuda" else 1,
            max_epochs=to_epoch,
            callbacks=[
                *experiment.build_callbacks(),
                SeedEachEpoch(seed),
                TrainProgress(console),
                SaveEachEpoch(run, pretrained=source is not None, keep=keep),
                GiveBackTheRest(),
                stop,
            ],
            plugins=[
                AtomicCheckpointIO(experiment.config, {"protocol": protocol, "subset": subset})
            ],
            logger=TensorBoardLogger(run.path, name="", version=""),
            default_root_dir=run.path,
            precision=plan,
            gradient_clip_val=experiment.gradient_clip,
            detect_anomaly=debug,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            use_distributed_sampler=False,
        )
        try:
            with stop.listening(), freed_memory_kept():
                trainer.fit(model, ckpt_path=start.checkpoint)
        except Interrupted as interrupted:
            raise KeyboardInterrupt(_how_to_go_on(run)) from interrupted
    say(console, f"Weights: '{run.weights_of(run.epochs()[-1])}'.")
    return run.path


def _specs(
    task: EmbeddingTask,
    protocol: str,
    subset: str,
    seed: int,
    pretrained: str | None,
    precision: Precision,
) -> dict:
    """What the run learns from, and how: read by people, and by `--from`."""
    index = task.index
    assert index is not None
    return {
        "task": "speaker embedding",
        "protocol": protocol,
        "subset": subset,
        "pretrained": pretrained,
        "seed": seed,
        "precision": precision,
        "duration": float(task.duration),
        "min_duration": float(task.min_duration),
        "speakers": len(index.speakers),
        "utterances": len(index.speaker),
        "classes": list(index.speakers),
    }


def _how_to_go_on(run: TrainFolder) -> str:
    epochs = run.epochs()
    if not epochs:
        return "Stopped before the first epoch ended: nothing was saved."
    return (
        f"Stopped. '{run.weights_of(epochs[-1])}' is safe: "
        "add --from=last to the same command to go on."
    )
