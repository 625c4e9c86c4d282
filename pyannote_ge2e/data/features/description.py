"""`features.yml`: what the features in a folder are, for whoever trains from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.errors import UserError

__all__ = ["LOG_MEL", "Description", "read_description", "write_description"]

NAME = "features.yml"
LOG_MEL = "LogMel"


@dataclass(frozen=True)
class Description:
    """What the features in a folder are; None where nothing is said.

    Attributes
    ----------
    name : str
        "LogMel" for those that `emb features` stores: `dimension` bands, windows of `window`
        seconds every `step` seconds, before means are subtracted.
    dimension : int
        Features in a frame.
    step, window : float
        From one frame to the next, and what a frame is made of, in seconds.
    sample_rate : int
        Of the audio that they were computed from, in Hz.
    dtype : str
    format : int
        How log-mel energies are computed.
    package : str
        What computed them.
    """

    name: str | None = None
    dimension: int | None = None
    step: float | None = None
    window: float | None = None
    sample_rate: int | None = None
    dtype: str | None = None
    format: int | None = None
    package: str | None = None

    def __str__(self) -> str:
        """The same in words.

        Examples
        --------
        >>> print(Description("LogMel", 40, 0.01, 0.025, 16000))
        LogMel, 40 numbers of 25 ms every 10 ms at 16000 Hz
        """
        words = self.name or "features"
        if self.dimension is not None:
            words += f", {self.dimension} numbers"
        if self.window is not None:
            words += f" of {1000 * self.window:g} ms"
        if self.step is not None:
            words += f" every {1000 * self.step:g} ms"
        return words + ("" if self.sample_rate is None else f" at {self.sample_rate} Hz")


def write_description(folder: Path, description: Description) -> None:
    """Write `features.yml`, atomically."""
    said = {key: value for key, value in asdict(description).items() if value is not None}
    with replacing(folder / NAME) as temporary:
        temporary.write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")


def read_description(folder: Path) -> Description | None:
    """Read the `features.yml` of a folder; None where there is none.

    Other keys are left to whoever wrote them.

    Raises
    ------
    UserError
        If it cannot be read, or has a value that makes no sense.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> write_description(Path(folder.name), Description("PASE+", 256, 0.01))
    >>> print(read_description(Path(folder.name)))
    PASE+, 256 numbers every 10 ms
    """
    path = folder / NAME
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read '{path}': {error}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"'{path}' is not valid YAML: mend it or delete it.") from error
    if not isinstance(said, dict):
        raise UserError(f"'{path}': expected lines such as 'dimension: 256' and 'step: 0.010'.")
    kept = {field.name: said[field.name] for field in fields(Description) if field.name in said}
    for key, value in kept.items():
        _check(path, key, value)
    return Description(**kept)


def _check(path: Path, key: str, value: Any) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    seconds = ("a number of seconds above 0", (whole or isinstance(value, float)) and value > 0)
    kind, is_right = {
        "dimension": ("a whole number, 1 at least", whole and value > 0),
        "sample_rate": ("a number of samples per second", whole and value > 0),
        "format": ("a whole number", whole),
        "step": seconds,
        "window": seconds,
    }.get(key, ("a word", isinstance(value, str)))
    if value is not None and not is_right:
        raise UserError(f"'{path}': {key} should be {kind}, not {value!r}.")
