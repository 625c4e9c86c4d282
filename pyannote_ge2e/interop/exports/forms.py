"""The files that a model can be exported to: how each is written, and run again to be checked."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from pyannote.audio import Model
from torch import Tensor, nn

from pyannote_ge2e.architectures import DVector
from pyannote_ge2e.architectures.base import RecurrentEmbedding
from pyannote_ge2e.architectures.loading import build_model, load_model
from pyannote_ge2e.architectures.safetensors_file import read_safetensors, write_safetensors
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.interop.exports.graph import Traceable

Run = Callable[[Tensor], Tensor]
OPSET = 17  # the first in which all that is used has settled


def stripped(model: Model, entry: dict[str, Any] | None = None) -> dict[str, Any]:
    """Checkpoint of a model with nothing in it that only training needs.

    Parameters
    ----------
    model : Model
    entry : dict, optional
        What to keep of the entry that pyannote.audio owns: the configuration, the loss's weights.

    Returns
    -------
    checkpoint : dict
        For `torch.save`, `Model.from_pretrained`, and whoever fine-tunes.

    Examples
    --------
    >>> from pyannote_ge2e.hub import ge2e
    >>> sorted(stripped(ge2e(pretrained=False)))
    ['hyper_parameters', 'pyannote.audio', 'pytorch-lightning_version', 'state_dict']
    """
    checkpoint: dict[str, Any] = {
        "state_dict": {name: each.detach().cpu() for name, each in model.state_dict().items()},
        "hyper_parameters": {key: each for key, each in model.hparams.items() if key != "task"},
        "pytorch-lightning_version": pytorch_lightning.__version__,
    }
    model.on_save_checkpoint(checkpoint)
    kept = {key: each for key, each in (entry or {}).items() if key in _KEPT}
    checkpoint["pyannote.audio"] = {**checkpoint["pyannote.audio"], **kept}
    return checkpoint


_KEPT = ("config", "trained_on", "loss", "imported")


def to_pyannote(model: Model, path: Path, entry: dict[str, Any]) -> None:
    """Write a checkpoint for `Model.from_pretrained`."""
    buffer = io.BytesIO()
    torch.save(stripped(model, entry), buffer)
    _write(path, buffer)


def from_pyannote(path: Path) -> Run:
    """Run what `to_pyannote` wrote."""
    return load_model(path)


def to_safetensors(model: Model, path: Path, entry: dict[str, Any]) -> None:
    """Write the weights, and what builds the model, as safetensors."""
    write_safetensors(stripped(model, entry), path)


def from_safetensors(path: Path) -> Run:
    """Run what `to_safetensors` wrote."""
    return build_model(read_safetensors(path), path)


def to_torchscript(model: Model, path: Path, entry: dict[str, Any]) -> None:
    """Write a TorchScript archive, for `torch.jit.load` in Python or C++."""
    with _quiet():
        traced = torch.jit.trace(_traceable(model), (_example(model),), check_trace=False)
        buffer = io.BytesIO()
        torch.jit.save(traced, buffer)
    _write(path, buffer)


def from_torchscript(path: Path) -> Run:
    """Run what `to_torchscript` wrote."""
    with _quiet():
        return torch.jit.load(str(path))


def to_onnx(model: Model, path: Path, entry: dict[str, Any]) -> None:
    """Write an ONNX model: `waveforms` (batch, 1, sample) to `embeddings` (batch, dimension)."""
    _onnx_or_advice()
    with _quiet():
        torch.onnx.export(
            _traceable(model, plain=True),
            (_example(model),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["waveforms"],
            output_names=["embeddings"],
            dynamic_axes={"waveforms": {0: "batch", 2: "sample"}, "embeddings": {0: "batch"}},
        )


def from_onnx(path: Path) -> Run:
    """Run what `to_onnx` wrote."""
    session = _onnx_or_advice().InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(waveforms: Tensor) -> Tensor:
        [embeddings] = session.run(None, {"waveforms": waveforms.numpy()})
        return torch.from_numpy(embeddings)

    return run


FORMS: dict[str, tuple[Callable[[Model, Path, dict[str, Any]], None], Callable[[Path], Run]]] = {
    "pyannote": (to_pyannote, from_pyannote),
    "torchscript": (to_torchscript, from_torchscript),
    "onnx": (to_onnx, from_onnx),
    "safetensors": (to_safetensors, from_safetensors),
}


def _write(path: Path, buffer: io.BytesIO) -> None:
    """Write what torch made in memory: on a full disk, it would end the process itself."""
    path.write_bytes(buffer.getbuffer())


def _traceable(model: Model, plain: bool = False) -> nn.Module:
    if isinstance(model, DVector):
        raise UserError(
            "DVector cuts an utterance into windows, how many depends on its length and silence, "
            "and a traced graph cannot decide that: export it to 'pyannote' or 'safetensors'."
        )
    alone = copy.deepcopy(model).float().eval()
    if isinstance(alone, RecurrentEmbedding):
        return Traceable(alone, plain).eval()
    # A module of Lightning's asks for its trainer when it is traced, unless it is told.
    alone._jit_is_scripting = True
    return alone


def _example(model: Model) -> Tensor:
    sample_rate = model.hparams["sample_rate"]
    return 0.1 * torch.randn(2, 1, 2 * sample_rate, generator=torch.Generator().manual_seed(0))


def _onnx_or_advice() -> Any:
    try:
        import onnx  # noqa: F401 -- what torch.onnx writes with
        import onnxruntime
    except ImportError as error:
        raise UserError(
            "ONNX models need onnx and onnxruntime: pip install 'pyannote-ge2e[onnx]'."
        ) from error
    return onnxruntime


class _quiet(warnings.catch_warnings):
    """Hushes what tracing says of Python values and of its own future: the result is checked."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
