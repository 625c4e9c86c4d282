"""`feature_extraction: Precomputed`: a model that starts from stored features.

What `features.yml` and config.yml say of them has to be one: each fills the gaps of the other, and
neither contradicts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyannote_ge2e.data.features.description import LOG_MEL, Description, read_description
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.legacy import last_word
from pyannote_ge2e.experiment.sections import Section, nearest

PRECOMPUTED = "Precomputed"
_SAID = ("dimension", "step", "window", "sample_rate")


@dataclass(frozen=True)
class Precomputed:
    """Stored features, and what is said about them.

    Attributes
    ----------
    section : Section
        With all parameters filled in.
    features : StoredFeatures
    description : Description
    """

    section: Section
    features: StoredFeatures
    description: Description

    def __str__(self) -> str:
        said = self.description if self.description.dimension else f"{self.features.dimension}"
        return f"{said}, in '{self.features.folder}'"

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio that they were computed from, in Hz."""
        return int(self.section.params["sample_rate"])

    @property
    def is_log_mel(self) -> bool:
        """Whether they are what MelLSTM computes itself from audio."""
        return self.description.name == LOG_MEL


def is_precomputed(section: Any) -> bool:
    """Tell whether a `feature_extraction` section asks for stored features.

    Examples
    --------
    >>> is_precomputed({"name": "Precomputed", "params": {"path": "/feats"}}), is_precomputed(None)
    (True, False)
    """
    name = section.get("name") if isinstance(section, dict) else section
    return isinstance(name, str) and last_word(name) == PRECOMPUTED


def parse_precomputed(section: Section) -> Precomputed:
    """Read a `Precomputed` section and the `features.yml` of its folder.

    Parameters
    ----------
    section : Section
        `path`; and `dimension`, `step`, `window` (seconds) and `sample_rate`, which are not needed
        where `features.yml` says them. A window is a step, and audio is at 16000 Hz, unless
        something else is said.

    Returns
    -------
    precomputed : Precomputed

    Raises
    ------
    UserError
        If the folder is missing, a value is missing or makes no sense, or what config.yml says is
        not what `features.yml` does.
    """
    for name in section.params:
        if name not in ("path", *_SAID):
            raise section.problem(f"no parameter '{name}'; {nearest(name, ('path', *_SAID))}", name)
    params = dict(section.params)
    path, folder = params.get("path"), folder_of(section)
    if not folder.is_dir():
        raise section.problem(
            f"there is no folder '{folder}': store features there first, with 'emb features' if "
            "they are log-mel energies.",
            "path",
        )
    description = read_description(folder) or Description()
    for name in _SAID:
        said = getattr(description, name)
        if said is not None and params.get(name) not in (None, said):
            raise section.problem(
                f"'{name}' is {params[name]}, and {said} in '{folder / 'features.yml'}': leave it "
                "out.",
                name,
            )
        params[name] = said if params.get(name) is None else params[name]
    for name, example in (("dimension", 256), ("step", 0.010)):
        if params[name] is None:
            raise section.problem(
                f"'{name}' is missing, here and in '{folder / 'features.yml'}': say '{name}: "
                f"{example}', or whatever it is."
            )
    params["window"] = params["step"] if params["window"] is None else params["window"]
    params["sample_rate"] = 16000 if params["sample_rate"] is None else params["sample_rate"]
    _check_values(section, params)
    features = StoredFeatures(str(path), params["dimension"], params["step"], params["window"])
    filled = {name: params[name] for name in ("path", *_SAID)}
    return Precomputed(section.with_params(filled), features, description)


def folder_of(section: Section) -> Path:
    """Folder of the features that a `Precomputed` section names; perhaps there is none there.

    Raises
    ------
    UserError
        If it names none.
    """
    path = section.params.get("path")
    if not isinstance(path, str) or not path:
        raise section.problem("'path' should be the folder of the features.", "path")
    try:
        return StoredFeatures(path, dimension=1).folder
    except UserError as error:
        raise section.problem(f"'path': {error}", "path") from error


def _check_values(section: Section, params: dict[str, Any]) -> None:
    for name in ("dimension", "sample_rate"):
        value = params[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise section.problem(f"'{name}' should be a whole number, not {value!r}.", name)
    for name in ("step", "window"):
        value = params[name]
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 60:
            raise section.problem(
                f"'{name}' should be a number of seconds, such as 0.010, not {value!r}.", name
            )
