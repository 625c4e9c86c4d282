"""Trains in two processes; run by test_two_processes.py, not a test itself.

Arguments: database.yml, protocol, output folder. Each process writes what it saw to rank<k>.json.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import multiprocessing
import sys
from datetime import timedelta
from pathlib import Path


def main(database_yml: str, protocol: str, output: str) -> None:
    """Train for two epochs."""
    # Here, for workers import this script, and need none of them.
    import torch
    from lightning import Trainer
    from lightning.pytorch.callbacks import LambdaCallback
    from lightning.pytorch.strategies import DDPStrategy

    from pyannote_ge2e import GE2E, SincNetLSTM
    from pyannote_ge2e.data.protocol import load_protocol

    task = GE2E(
        load_protocol(protocol, Path(database_yml)),
        duration=0.6,
        num_classes_per_batch=4,
        num_chunks_per_class=2,
        batches_per_epoch=5,
        num_workers=1,
        seed=3,
    )
    # Not forked from here, where the threads of gloo come and go: a fork that catches one of them
    # with CPython's list of threads locked leaves a worker that waits for ever (seen on 3.11).
    task.multiprocessing_context = "forkserver"
    multiprocessing.set_forkserver_preload(["pyannote_ge2e.data.batches.loader"])
    torch.manual_seed(0)
    model = SincNetLSTM(lstm={"hidden_size": 16, "num_layers": 1}, dimension=8, task=task)
    batches: list[str] = []

    def note(trainer, pl_module, batch, batch_idx):
        batches.append(hashlib.sha256(batch["X"].numpy().tobytes()).hexdigest())

    trainer = Trainer(
        accelerator="cpu",
        devices=2,
        # A process that lost the other one says so, rather than wait for half an hour.
        strategy=DDPStrategy(timeout=timedelta(seconds=120)),
        max_epochs=2,
        logger=False,
        callbacks=[LambdaCallback(on_train_batch_start=note)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model)
    weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    seen = {
        "batches": batches,
        "weights": hashlib.sha256(weights).hexdigest(),
        "equal_error_rate": trainer.callback_metrics["equal_error_rate"].item(),
        "index": str(task.index.folder),
    }
    (Path(output) / f"rank{trainer.global_rank}.json").write_text(json.dumps(seen))
    if trainer.is_global_zero:
        torch.save(model.state_dict(), Path(output) / "weights.pt")


if __name__ == "__main__":
    # Stuck or crashed, each process shows where.
    faulthandler.enable()
    faulthandler.dump_traceback_later(180, exit=True)
    main(*sys.argv[1:])
    faulthandler.cancel_dump_traceback_later()
