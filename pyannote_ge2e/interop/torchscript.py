"""Tensors of a TorchScript archive, without running the code in it.

`torch.jit.load` compiles and runs what the archive brings along. Its tensors need none of that:
they lie beside a pickle that says how they are nested, which is read here by an unpickler that
knows tensors, plain containers, and stand-ins for the modules around them.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_TYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}


def is_torchscript(path: Path) -> bool:
    """Tell whether a file is an archive that `torch.jit.save` wrote."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.split("/")[1:2] == ["code"] for name in archive.namelist())


def torchscript_state(path: Path) -> dict[str, Tensor]:
    """Read what `torch.jit.load(path).state_dict()` would give.

    Parameters
    ----------
    path : Path
        Archive written by `torch.jit.save`.

    Returns
    -------
    state : dict of str to Tensor
        On the CPU.

    Raises
    ------
    Exception
        Of many kinds, if the archive is damaged or holds more than modules and tensors.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "scripted.pt"
    >>> torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 3))).save(path)
    >>> {name: tuple(tensor.shape) for name, tensor in torchscript_state(path).items()}
    {'0.weight': (3, 2), '0.bias': (3,)}
    """
    with zipfile.ZipFile(path) as archive:  # whose every read compares sums
        root = archive.namelist()[0].split("/")[0]
        module = _TensorsOnly(archive, root).load()
    return dict(_tensors(module))


class _Module:
    """Stands in for a module: keeps its attributes, and nothing of its code."""

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        self.__dict__ = attributes


class _TensorsOnly(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self.archive = archive
        self.root = root

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "__torch__":
            return _Module
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch.jit._pickle" and name.startswith("build_"):
            return list
        if (module, name) == ("torch.jit._pickle", "restore_type_tag"):
            return lambda value, tag: value
        raise pickle.UnpicklingError(f"{module}.{name} is no tensor")

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, _, _ = pid
        content = self.archive.read(f"{self.root}/data/{key}")
        return torch.frombuffer(bytearray(content), dtype=dtype) if content else torch.empty(0)


def _rebuilt(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: Any
) -> Tensor:
    # as_strided refuses what does not lie within the storage.
    return storage.as_strided(size, stride, offset).clone()


def _tensors(module: _Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in vars(module).items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
