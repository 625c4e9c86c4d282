"""Files of weights: where they are, and whether they are what was published.

`weights.json` says of each name its path in the repository, its SHA-256, and whether it travels
inside the wheel (`setup.py` reads it too). Other weights: change it there.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyannote_ge2e.errors import UserError

# Where a release keeps its weights, each as `<name>-<first digits of its SHA-256>.pt`.
RELEASE = "https://github.com/<owner>/<repo>/releases/latest/download"

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Weights:
    """A file of the repository, and what it must hold.

    Attributes
    ----------
    path : str
        Relative to the repository.
    sha256 : str
    shipped : bool
        Whether it is part of an installation too.
    """

    path: str
    sha256: str
    shipped: bool = False


PRETRAINED = {
    name: Weights(**entry)
    for name, entry in json.loads((_PACKAGE / "weights.json").read_text("utf-8")).items()
}


def weights_of(name: str) -> Path:
    """Path of the weights of a name, once checked.

    They are looked for in the checkout, in the installation, then in torch.hub's cache, and
    downloaded to there from the release if they are in none of these.

    Parameters
    ----------
    name : str
        Key of `PRETRAINED`.

    Returns
    -------
    path : Path

    Raises
    ------
    UserError
        If the name is unknown, the file is damaged, or it cannot be downloaded.
    """
    if name not in PRETRAINED:
        known = ", ".join(PRETRAINED)
        raise UserError(f"There are no pretrained weights named '{name}' (known: {known}).")
    weights = PRETRAINED[name]
    for path in _places(name, weights):
        if path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != weights.sha256:
                raise UserError(
                    f"'{path}' is damaged, or not of this version: its SHA-256 differs. Remove it, "
                    "or clone or install again."
                )
            return path
    return _download(name, weights)


def file_name(name: str, weights: Weights) -> str:
    """Name of a file of weights outside the repository.

    Examples
    --------
    >>> file_name("ge2e", Weights("models/GE2E/weights/0001.pt", "0123456789abcdef"))
    'ge2e-01234567.pt'
    """
    return f"{name}-{weights.sha256[:8]}.pt"


def _places(name: str, weights: Weights) -> Iterator[Path]:
    yield _PACKAGE.parent / weights.path
    yield _PACKAGE / "shipped" / f"{name}.pt"  # where setup.py puts it
    yield _cached(name, weights)


def _cached(name: str, weights: Weights) -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / file_name(name, weights)


def _download(name: str, weights: Weights) -> Path:
    import torch

    url, path = f"{RELEASE}/{file_name(name, weights)}", _cached(name, weights)
    print(f"Downloading '{url}' to '{path}'", file=sys.stderr)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # To a temporary name, then renamed if its SHA-256 is the right one.
        torch.hub.download_url_to_file(url, str(path), hash_prefix=weights.sha256)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"The weights '{name}' are neither in '{_PACKAGE.parent}' nor in '{path.parent}', and "
            f"'{url}' could not be downloaded ({error}). Clone the repository, or copy them to "
            f"'{path}'."
        ) from error
    return path
