"""`feature_extraction: Precomputed`: a model that starts from stored features.

What `features.yml` says of them, what config.yml says of them, and what the architecture wants have
to be one: each fills the gaps of the others, and none contradicts another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.data.features.description import LOG_MEL, Description, read_description
from pyannote_ge2e.data.features.stored import StoredFeatures
from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.legacy import last_word
from pyannote_ge2e.experiment.sections import Section, nearest

if TYPE_CHECKING:
    from pyannote_ge2e.experiment.augmentations import AugmentationRecipe

PRECOMPUTED = "Precomputed"
# Sections of config.yml into which what was found out is filled.
FILLED_IN = ("feature_extraction", "architecture")
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


def fitted_architecture(section: Section, found: type, stored: Precomputed) -> Section:
    """Fill in what stored features tell of a MelLSTM; any other architecture is left as it is.

    Parameters
    ----------
    section : Section
        `architecture`.
    found : type
        Its class.
    stored : Precomputed

    Returns
    -------
    section : Section

    Raises
    ------
    UserError
        If it wants other features than those.
    """
    from pyannote_ge2e.architectures import MelLSTM

    if not issubclass(found, MelLSTM):
        return section
    params = dict(section.params)
    own = params.get("features")
    if own is None and stored.is_log_mel:
        params["mel"] = _same(section, "mel", params.get("mel"), _mel_of(stored), stored)
    elif own is None and params.get("mel") is not None:
        raise section.problem(
            f"'mel' is for log-mel energies, and nothing says that '{stored.features.folder}' "
            "holds them: leave 'mel' out, or store them with 'emb features'.",
            "mel",
        )
    else:
        features = {**_grid_of(stored), "dimension": stored.features.dimension}
        if stored.description.name is not None:
            features["name"] = stored.description.name
        params["features"] = _same(section, "features", own, features, stored)
        params["mel"] = None
    return section.with_params(params)


def _mel_of(stored: Precomputed) -> dict[str, Any]:
    features = stored.features
    return {"num_mels": features.dimension, "window": features.window, "hop": features.step}


def _grid_of(stored: Precomputed) -> dict[str, Any]:
    return {"step": stored.features.step, "window": stored.features.window}


def _same(
    section: Section, option: str, given: Any, told: dict[str, Any], stored: Precomputed
) -> dict[str, Any]:
    """Options as given, gaps filled; those that features tell must be what they tell."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise section.problem(f"'{option}' should be 'key: value' pairs.", option)
    for name, value in told.items():
        if not _equal(given.get(name, value), value, stored.sample_rate):
            raise section.problem(
                f"{option}: {name} is {given[name]}, and '{stored.features.folder}' holds "
                f"{stored.description}: use other features, or leave '{name}' out.",
                option,
                name,
            )
    return {**given, **told}


def _equal(one: Any, other: Any, sample_rate: int) -> bool:
    if isinstance(other, float) and isinstance(one, (int, float)):
        return round(one * sample_rate) == round(other * sample_rate)
    return bool(one == other)


def filled_in(config: dict[str, Any], stored: Precomputed, architecture: Section) -> dict[str, Any]:
    """Sections of a configuration with what was found out about stored features.

    Whoever resumes, fine-tunes or evaluates then needs no `features.yml`.
    """
    given = config["architecture"]
    name = given if isinstance(given, str) else given["name"]
    return {
        "feature_extraction": {"name": PRECOMPUTED, "params": stored.section.params},
        "architecture": {"name": name, "params": architecture.params},
    }


def check_takes(model: Any, section: Section, stored: Precomputed | None) -> None:
    """Check that a model embeds what it will be given: audio, or stored features.

    Parameters
    ----------
    model : Model
    section : Section
        `architecture`.
    stored : Precomputed or None
        None for audio.

    Raises
    ------
    UserError
        If it does not.
    """
    name = type(model).__name__
    if stored is None:
        if not getattr(model, "takes_waveforms", True):
            raise section.problem(
                f"with 'features', {name} takes no audio: say where they are with "
                "'feature_extraction: {name: Precomputed, params: {path: ...}}'."
            )
        return
    wanted, found = getattr(model, "stored_dimension", None), stored.features.dimension
    if wanted is None:
        raise section.problem(
            f"{name} starts from audio, and feature_extraction is Precomputed: use RawAudio, or "
            "MelLSTM."
        )
    if wanted != found or (found == 1 and model.takes_waveforms):
        raise section.problem(
            f"{name} takes {wanted} features a frame, and '{stored.features.folder}' holds {found}."
            if wanted != found
            else "a single mel band cannot be told from audio: store more of them."
        )


def check_no_waveforms(augmentation: AugmentationRecipe) -> None:
    """Check that an augmentation has no need of waveforms.

    Raises
    ------
    UserError
        If it has.
    """
    for leaf in augmentation.leaves():
        if leaf.kind.__name__ != "SpecAugment":
            raise leaf.section.problem(
                "it changes waveforms, and feature_extraction is Precomputed: augment before "
                "features are stored, or use SpecAugment."
            )


def check_frame_grid(task: Section, model: Any) -> None:
    """Check that a model has frames on a grid, if chunks are to be cut there.

    Raises
    ------
    UserError
        If it has none.
    """
    from pyannote_ge2e.tasks.stored_features import frame_grid

    if frame_grid(model) is None:
        name = type(model).__name__
        raise task.problem(f"{name} has no frames on a grid: leave 'frame_grid' out.", "frame_grid")
