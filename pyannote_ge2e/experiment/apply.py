"""`emb apply`: one embedding per sliding window, for every file of a protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pyannote.audio import Model
from rich.console import Console
from torch.utils.data import Dataset

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.data.batches.loader import Loader
from pyannote_ge2e.data.features.places import inside
from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.protocol import Subset, audio_path, subset_files
from pyannote_ge2e.data.trials.windows import SegmentReader
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.device import find_device
from pyannote_ge2e.experiment.layout import TrainFolder, ValidateFolder, read_yaml, write_yaml
from pyannote_ge2e.experiment.parallel import num_workers
from pyannote_ge2e.experiment.quiet import quiet
from pyannote_ge2e.experiment.reading import reading_of_run


def apply(
    validate: Path,
    protocol: str,
    *,
    subset: Subset = "test",
    device: str = "auto",
    from_epoch: int | Literal["last"] | None = None,
    batch: int = 32,
    step: float = 0.25,
    parallel: int | None = None,
    duration: float | None = None,
    registry: Path | None = None,
) -> Path:
    """Extract the embeddings of every file of a protocol's subset.

    Parameters
    ----------
    validate : Path
        `<train>/validate_equal_error_rate/<protocol>.<subset>`: its best epoch is applied.
    protocol, subset : str
        Files to apply it to.
    device : str
        See `find_device`.
    from_epoch : int or "last", optional
        Apply this epoch instead of the best.
    batch : int
        Windows per batch.
    step : float
        Step between windows, as a ratio of their length.
    parallel : int, optional
        Processes that read audio: see `num_workers`.
    duration : float, optional
        Window length in seconds. Defaults to what the model was trained with.
    registry : Path, optional
        Further `database.yml` to load protocols from.

    Returns
    -------
    folder : Path
        `<validate>/apply/<epoch>`: `metadata.yml` (start, duration, step in seconds, dimension)
        and `<database>/<uri>.npy`, one row per window. Files that are already there are kept, so
        that an interrupted run goes on where it stopped.

    Raises
    ------
    UserError
        If nothing was validated, audio cannot be read, or the folder holds embeddings made with
        other windows.
    """
    console = Console()
    validated = ValidateFolder(Path(validate))
    epoch = validated.best_epoch() if from_epoch is None else from_epoch
    if epoch == "last":
        epoch = TrainFolder.existing(validated.run.path).epochs()[-1]
    model = load_model(validated.run.weights_of(epoch)).to(find_device(device)).eval()
    reading = reading_of_run(validated.run, lambda remark: say(console, remark))
    reader = reading.reader(model.hparams["sample_rate"])
    files = list(subset_files(reading.protocol(protocol, registry), subset))
    folder = validated.apply_of(epoch)

    seconds = duration or next(iter(model.specifications)).duration
    window = int(reader.units(np.array(seconds)))
    hop = max(1, round(step * seconds * reader.rate))
    metadata = {
        "start": 0.0,
        "duration": float(seconds),
        # Of features, windows begin with a frame.
        "step": float(step * seconds if reading.stored is None else hop / reader.rate),
        "dimension": int(model.dimension),  # type: ignore[arg-type]
    }
    _check_metadata(folder, metadata)
    write_yaml(folder / "metadata.yml", metadata)
    with reading.telling(protocol, subset):
        missing = {
            path: audio_path(file)
            for file in files
            if not (path := inside(folder, file["database"], file["uri"])).is_file()
        }
    recordings = Loader(
        _Recordings(list(missing.values()), reader),
        batch_size=None,
        num_workers=num_workers(parallel),
    )
    with quiet(), bar(console, f"epoch {epoch}", len(missing)) as advance:
        for path, recording in zip(missing, recordings, strict=True):
            embeddings = embed_sliding(model, recording, window, hop, batch)
            with replacing(path) as temporary, temporary.open("wb") as opened:
                np.save(opened, embeddings)
            advance(1)
    say(console, f"{len(files)} files, epoch {epoch} -> '{folder}'")
    return folder


@torch.inference_mode()
def embed_sliding(
    model: Model, recording: torch.Tensor, window: int, hop: int, batch_size: int = 32
) -> np.ndarray:
    """Embeddings of a recording on a regular grid of windows.

    Parameters
    ----------
    model : Model
        In evaluation mode.
    recording : (dimension, T) float32 tensor
        Samples at the model's rate, of dimension 1, or frames of features.
    window, hop : int
        Length of a window, and from one to the next.
    batch_size : int
        Windows per batch.

    Returns
    -------
    embeddings : (W, dimension) float32 array
        Row i is the window that starts at ``i * hop``; windows that the recording does not fill
        are left out. One shorter than a window gives one row.
    """
    if recording.shape[1] < window:
        return _embed(model, recording[None])
    # A view: a long file is not copied once per overlapping window.
    chunks = recording.unfold(1, window, hop).transpose(0, 1)
    rows = [_embed(model, batch) for batch in chunks.split(batch_size)]
    return np.concatenate(rows)


def _embed(model: Model, inputs: torch.Tensor) -> np.ndarray:
    return model(inputs.to(model.device)).float().cpu().numpy()


class _Recordings(Dataset):
    """Whole files, read by worker processes."""

    def __init__(self, paths: list[str], reader: SegmentReader) -> None:
        self.paths = paths
        self.reader = reader

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        path = self.paths[row]
        return torch.from_numpy(self.reader.segment(path, 0.0, self.reader.duration(path)))


def _check_metadata(folder: Path, metadata: dict[str, Any]) -> None:
    path = folder / "metadata.yml"
    if path.is_file() and read_yaml(path) != metadata:
        raise UserError(
            f"'{folder}' holds embeddings made with other windows (see '{path}'): "
            "delete it, or give the same --duration and --step."
        )
