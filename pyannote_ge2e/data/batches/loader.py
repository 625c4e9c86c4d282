"""Dataloaders whose workers fail in plain words, and that know which epoch it is."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from pyannote_ge2e.data.batches.dataset import BatchDataset
from pyannote_ge2e.errors import UserError


class Loader(DataLoader):
    """DataLoader that passes on a worker's `UserError` without the worker's traceback.

    Its workers leave Ctrl-C, which the terminal sends to all processes, to the main one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"worker_init_fn": _leave_interrupts, **kwargs})

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return _in_plain_words(super().__iter__())


class BatchLoader(Loader):
    """Batches of a `BatchDataset`, epoch after epoch.

    Parameters
    ----------
    dataset : BatchDataset
    epoch : callable
        Gives the epoch that begins, asked each time a first batch is.
    num_workers : int
    pin_memory : bool
    multiprocessing_context : str, optional
        Start method of workers: "fork", "spawn" or "forkserver". Defaults to the platform's.
    """

    dataset: BatchDataset

    def __init__(
        self,
        dataset: BatchDataset,
        epoch: Callable[[], int],
        num_workers: int = 0,
        pin_memory: bool = False,
        multiprocessing_context: str | None = None,
    ) -> None:
        super().__init__(
            dataset,
            batch_size=None,
            num_workers=num_workers,
            pin_memory=pin_memory,
            multiprocessing_context=multiprocessing_context if num_workers else None,
            # Else starting workers would draw from the generator that dropout uses.
            generator=torch.Generator(),
        )
        self.current_epoch = epoch

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # Nothing happens before the first batch is asked for. Lightning begins to iterate as soon
        # as a schedule wants the length of an epoch: a resumed run does not know then where it is.
        self.dataset.epoch = self.current_epoch()
        yield from super().__iter__()


def _leave_interrupts(worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _in_plain_words(batches: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from batches
    except UserError as error:
        # From a worker, the message is a traceback that ends with the original one.
        kind = type(error)
        message = str(error).rsplit(f"{kind.__name__}: ", 1)[-1].strip()
        raise kind(message) from error
    finally:
        # Left to the garbage collector, each worker takes five seconds to notice.
        getattr(batches, "_shutdown_workers", lambda: None)()
