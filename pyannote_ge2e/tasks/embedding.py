"""The embedding of a file: one definition for training, validation and everything after.

It is the L2-normalised mean of the L2-normalised embeddings of all windows over all segments of
the file (`try_with` in a trial), as in arXiv 1710.10467, section 3.2.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from pyannote.audio import Model

from pyannote_ge2e.data.audio.segments import AudioSegments
from pyannote_ge2e.data.batches.loader import Loader
from pyannote_ge2e.data.trials.trials import Segments
from pyannote_ge2e.data.trials.windows import FileWindows, SegmentReader, collate_windows
from pyannote_ge2e.errors import UserError

FILES_PER_BATCH = 8


class Files(Protocol):
    """Files, and the segments of each that its embedding is made of: see `TrialIndex`."""

    paths: list[str]
    segments: list[Segments]


def embed_files(
    model: Model,
    files: Files,
    *,
    duration: float | None = None,
    step: float = 0.25,
    batch_size: int = 32,
    device: torch.device | str | None = None,
    num_workers: int = 0,
    min_length: int | None = None,
    reader: SegmentReader | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Embed files, each once.

    Parameters
    ----------
    model : Model
        Left on `device`, in the mode it was in.
    files : TrialIndex
        Or anything else that has `paths` and `segments`: see `Files`.
    duration : float, optional
        Length of a window in seconds. Defaults to what the model was trained with.
    step : float
        Step between windows, as a ratio of their length.
    batch_size : int
        Windows given to the model at once.
    device : torch.device, optional
        Defaults to where the model is.
    num_workers : int
        Processes that read files.
    min_length : int, optional
        What `shortest_input` found, where it is known already.
    reader : SegmentReader, optional
        Reads the files. Defaults to audio, at the rate of the model.
    progress : callable, optional
        Called with the number of files just embedded.

    Returns
    -------
    embeddings : (F, dimension) float32 array, each of unit length

    Raises
    ------
    UserError
        Naming a file that cannot be read, or whose embedding is no number; if the windows are too
        short, or less than a sample apart.
    """
    if device is not None:
        model.to(device)
    if reader is None:
        reader = AudioSegments(model.hparams["sample_rate"])
    if duration is None:
        duration = next(iter(model.specifications)).duration
    was_training = model.training
    model.eval()
    try:
        if min_length is None:
            min_length = shortest_input(model, duration, reader)
        if step * duration * reader.rate < 1:
            raise UserError(
                f"A step of {step:g} is less than a {reader.unit.removesuffix('s')} between "
                "windows: give a greater --step."
            )
        loader = file_loader(
            files, duration, step, reader, min_length=min_length, num_workers=num_workers
        )
        embeddings = []
        for batch in loader:
            with torch.inference_mode():
                embeddings.append(embed_batch(model, batch, batch_size).cpu())
            if progress is not None:
                progress(len(batch["files"]))
    finally:
        model.train(was_training)
    found = torch.cat(embeddings).numpy()
    broken = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(broken):
        raise UserError(
            f"The embedding of '{files.paths[broken[0]]}' is no number ({len(broken)} of "
            f"{len(found)} files): what was read holds some that are none, or the weights do."
        )
    return found


def file_loader(
    files: Files,
    duration: float,
    step: float,
    reader: SegmentReader,
    min_length: int = 1,
    num_workers: int = 0,
    pin_memory: bool = False,
    multiprocessing_context: str | None = None,
) -> Loader:
    """Dataloader of the windows of files, in their order, several files a batch."""
    dataset = FileWindows(files.paths, files.segments, duration, step, reader, min_length)
    return Loader(
        dataset,
        batch_size=FILES_PER_BATCH,
        collate_fn=collate_windows,
        generator=torch.Generator(),
        num_workers=num_workers,
        pin_memory=pin_memory,
        multiprocessing_context=multiprocessing_context,
    )


def embed_batch(model: Model, batch: dict[str, Any], batch_size: int = 32) -> torch.Tensor:
    """Embed the files of a batch made by `collate_windows`.

    Returns
    -------
    embeddings : (F, dimension) float32 tensor, on the model's device
    """
    device = next(model.parameters()).device
    total: torch.Tensor | None = None
    for every, owners in zip(batch["windows"], batch["owners"], strict=True):
        for some, owner in zip(every.split(batch_size), owners.split(batch_size), strict=True):
            unit = F.normalize(model(some.to(device)).float(), dim=-1)
            if total is None:
                total = unit.new_zeros(len(batch["files"]), unit.shape[-1])
            total.index_add_(0, owner.to(device), unit)
    assert total is not None
    return F.normalize(total, dim=-1)


def shortest_input(model: Model, duration: float, reader: SegmentReader) -> int:
    """Smallest input that a model turns into a finite embedding, in units of the reader.

    Found by doubling, then halving: architectures, upstream's among them, do not tell. The model is
    expected to be in evaluation mode.

    Parameters
    ----------
    model : Model
    duration : float
        Longest input to try, in seconds.
    reader : SegmentReader
        What the input comes from.

    Raises
    ------
    UserError
        If the model refuses even the longest.
    """
    device = next(model.parameters()).device
    longest = int(reader.units(np.array(duration)))

    def works(length: int) -> bool:
        # Something that varies, and the same at each call.
        varied = torch.sin(torch.arange(reader.dimension * length, device=device) * 0.1)
        try:
            return bool(model(varied.view(1, reader.dimension, length)).isfinite().all())
        except UserError:
            raise  # it takes something else altogether
        except (RuntimeError, ValueError, AssertionError, IndexError, ZeroDivisionError) as error:
            if length >= longest:
                raise UserError(
                    f"Windows of {longest} {reader.unit} are too short for the model: give a "
                    "longer --duration."
                ) from error
            return False

    fails, enough = 0, 1
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # From below: the longest may be more than memory holds.
        while not works(enough) and enough < longest:
            fails, enough = enough, min(2 * enough, longest)
        while enough - fails > 1:
            middle = (fails + enough) // 2
            fails, enough = (fails, middle) if works(middle) else (middle, enough)
    return enough
