"""`emb apply`: one embedding per sliding window, for every file of a protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pyannote.audio import Model
from pyannote.database import ProtocolFile
from rich.console import Console
from torch.utils.data import Dataset

from pyannote_ge2e.architectures.loading import load_model
from pyannote_ge2e.data.audio.reader import read_segment
from pyannote_ge2e.data.batches.loader import Loader
from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.protocol import Subset, audio_path, load_protocol, subset_files
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.console import bar, say
from pyannote_ge2e.experiment.device import find_device
from pyannote_ge2e.experiment.layout import TrainFolder, ValidateFolder, read_yaml, write_yaml
from pyannote_ge2e.experiment.parallel import num_workers
from pyannote_ge2e.experiment.quiet import quiet


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
    files = list(subset_files(load_protocol(protocol, registry), subset))
    folder = validated.apply_of(epoch)

    seconds = duration or next(iter(model.specifications)).duration
    metadata = {
        "start": 0.0,
        "duration": float(seconds),
        "step": float(step * seconds),
        "dimension": int(model.dimension),  # type: ignore[arg-type]
    }
    _check_metadata(folder, metadata)
    write_yaml(folder / "metadata.yml", metadata)
    missing = {
        path: audio_path(file) for file in files if not (path := _path_of(file, folder)).is_file()
    }
    waveforms = Loader(
        _Waveforms(list(missing.values()), model.audio.sample_rate),
        batch_size=None,
        num_workers=num_workers(parallel),
    )
    with quiet(), bar(console, f"epoch {epoch}", len(missing)) as advance:
        for path, waveform in zip(missing, waveforms, strict=True):
            embeddings = embed_sliding(model, waveform, seconds, step, batch)
            with replacing(path) as temporary, temporary.open("wb") as opened:
                np.save(opened, embeddings)
            advance(1)
    say(console, f"{len(files)} files, epoch {epoch} -> '{folder}'")
    return folder


@torch.inference_mode()
def embed_sliding(
    model: Model, waveform: torch.Tensor, duration: float, step: float, batch_size: int = 32
) -> np.ndarray:
    """Embeddings of a waveform on a regular grid of windows.

    Parameters
    ----------
    model : Model
        In evaluation mode.
    waveform : (T,) float32 tensor
        At the model's sample rate.
    duration : float
        Window length, in seconds.
    step : float
        Step between windows, as a ratio of `duration`.
    batch_size : int
        Windows per batch.

    Returns
    -------
    embeddings : (W, dimension) float32 array
        Row i is the window that starts at ``i * step * duration`` seconds; windows that the
        waveform does not fill are left out. One shorter than a window gives one row.
    """
    window = round(duration * model.audio.sample_rate)
    if len(waveform) < window:
        return _embed(model, waveform[None, None])
    # A view: a long file is not copied once per overlapping window.
    chunks = waveform.unfold(0, window, max(1, round(step * window)))
    rows = [_embed(model, batch[:, None]) for batch in chunks.split(batch_size)]
    return np.concatenate(rows)


def _embed(model: Model, waveforms: torch.Tensor) -> np.ndarray:
    return model(waveforms.to(model.device)).float().cpu().numpy()


class _Waveforms(Dataset):
    """Whole files, read by worker processes."""

    def __init__(self, paths: list[str], sample_rate: int) -> None:
        self.paths = paths
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        return torch.from_numpy(read_segment(self.paths[row], sample_rate=self.sample_rate))


def _path_of(file: ProtocolFile, folder: Path) -> Path:
    parts = Path(file["database"], f"{file['uri']}.npy")
    if parts.is_absolute() or ".." in parts.parts:
        raise UserError(f"The uri '{file['uri']}' would leave the folder '{folder}': rename it.")
    return folder / parts


def _check_metadata(folder: Path, metadata: dict[str, Any]) -> None:
    path = folder / "metadata.yml"
    if path.is_file() and read_yaml(path) != metadata:
        raise UserError(
            f"'{folder}' holds embeddings made with other windows (see '{path}'): "
            "delete it, or give the same --duration and --step."
        )
