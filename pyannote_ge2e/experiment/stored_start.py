"""Whether an architecture and its training go with stored features, or with audio.

What the features are and what the architecture wants have to be one: what either leaves unsaid is
filled in, and a contradiction is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.experiment.precomputed import PRECOMPUTED, Precomputed
from pyannote_ge2e.experiment.sections import Section

if TYPE_CHECKING:
    from pyannote_ge2e.experiment.augmentations import AugmentationRecipe

# Sections of config.yml into which what was found out is filled.
FILLED_IN = ("feature_extraction", "architecture")


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
    if wanted is None and getattr(model, "second", None) is not None:
        raise section.problem(
            "of two networks, both listen to audio, and feature_extraction is Precomputed: use "
            "RawAudio, or leave 'second' out."
        )
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
    changing = next(_of_waveforms(augmentation), None)
    if changing is not None:
        raise changing.problem(
            "it changes waveforms, and feature_extraction is Precomputed: augment before features "
            "are stored, or use SpecAugment."
        )


def _of_waveforms(augmentation: AugmentationRecipe) -> Iterator[Section]:
    """Sections of what changes waveforms, not frames."""
    for leaf in augmentation.leaves():
        if leaf.kind.__name__ != "SpecAugment":
            yield leaf.section


def check_frame_grid(task: Section, model: Any, augmentation: AugmentationRecipe | None) -> None:
    """Check that a model has frames on a grid that stay there, if chunks are to be cut there.

    Raises
    ------
    UserError
        If it has none.
    """
    from pyannote_ge2e.tasks.stored_features import frame_grid

    given = task.params["frame_grid"]
    if not isinstance(given, bool):
        raise task.problem(f"'frame_grid' should be true or false, not {given!r}.", "frame_grid")
    if frame_grid(model) is None:
        name = type(model).__name__
        raise task.problem(f"{name} has no frames on a grid: leave 'frame_grid' out.", "frame_grid")
    moving = None if augmentation is None else next(_of_waveforms(augmentation), None)
    if moving is not None:
        raise moving.problem("it moves frames, and task has frame_grid: leave one of them out.")
