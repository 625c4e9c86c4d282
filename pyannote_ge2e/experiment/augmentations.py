"""The `data_augmentation` section: transforms of ours, and any of torch-audiomentations'."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyannote_ge2e.experiment.legacy import last_word
from pyannote_ge2e.experiment.resolve import augmentations, resolve
from pyannote_ge2e.experiment.sections import Keys, Section, parse_section

if TYPE_CHECKING:
    from torch.nn import Module

# Transforms of torch-audiomentations that call torchaudio.info, which torchaudio 2.11 no longer
# has: ours of the same name read their files.
_READ_FILES = ("AddBackgroundNoise", "ApplyImpulseResponse")

# pyannote.audio 1.x: from this range of signal-to-noise ratios, in decibels, to every chunk.
_ADD_NOISE_1X = {"collection": "MUSAN.Collection.BackgroundNoise", "snr_min": 5, "snr_max": 20}


@dataclass(frozen=True)
class AugmentationRecipe:
    """An augmentation, checked, not built yet: building loads the noise.

    Parameters
    ----------
    section : Section
        Name and parameters, without `transforms`.
    kind : type
        The class.
    transforms : tuple of AugmentationRecipe
        What a Compose, OneOf or SomeOf is made of.
    """

    section: Section
    kind: type
    transforms: tuple[AugmentationRecipe, ...] = ()

    def build(self, sample_rate: int) -> Module:
        """Build the augmentation for waveforms at `sample_rate` hertz.

        Raises
        ------
        UserError
            If a collection of noises is not there, or a value is refused.
        """
        more: dict[str, Any] = {}
        if self.kind.__module__.startswith("torch_audiomentations"):
            more["output_type"] = "dict"
        if self.transforms:
            more["transforms"] = [transform.build(sample_rate) for transform in self.transforms]
        elif "sample_rate" in inspect.signature(self.kind).parameters:
            more["sample_rate"] = sample_rate
        augmentation = self._built(more)
        highest = _highest(augmentation)
        if highest > sample_rate / 2:
            raise self.section.problem(
                f"its filter may reach {highest:g} Hz, and at {sample_rate} Hz there is nothing "
                f"above {sample_rate / 2:g} Hz: give a lower highest frequency."
            )
        return augmentation

    def _built(self, more: dict[str, Any]) -> Module:
        from torch_audiomentations.core.transforms_interface import ModeNotSupportedException

        try:
            augmentation: Module = self.section.build(self.kind, **more)
        except ModeNotSupportedException as error:
            raise self.section.problem(f"{error}.", "mode") from error
        return augmentation

    def leaves(self) -> list[AugmentationRecipe]:
        """Whatever it is composed of, itself if it is no composition."""
        if not self.transforms:
            return [self]
        return [leaf for transform in self.transforms for leaf in transform.leaves()]

    def check_architecture(self, architecture: type) -> None:
        """Check that an architecture has frames to mask, if masks are asked for.

        Raises
        ------
        UserError
            If it has none.
        """
        from pyannote_ge2e.tasks.augmentation import has_frames, no_frames

        for leaf in self.leaves():
            if leaf.kind.__name__ == "SpecAugment" and not has_frames(architecture):
                raise leaf.section.problem(no_frames(architecture.__name__))


def parse_augmentation(value: Any, source: Path | None = None) -> AugmentationRecipe:
    """Read a `data_augmentation` section.

    Parameters
    ----------
    value : dict, str or list
        `{name, params}`, or a list of them, applied one after the other.
    source : Path, optional
        The file, for error messages.

    Raises
    ------
    UserError
        For an unknown augmentation or parameter.

    Examples
    --------
    >>> recipe = parse_augmentation([{"name": "Gain", "params": {"p": 0.5}}, "PolarityInversion"])
    >>> recipe.kind.__name__, [transform.kind.__name__ for transform in recipe.transforms]
    ('Compose', ['Gain', 'PolarityInversion'])
    """
    return _parse(value, ("data_augmentation",), source)


def _parse(value: Any, keys: Keys, source: Path | None) -> AugmentationRecipe:
    inner_keys: Keys = (*keys, "params", "transforms")
    if isinstance(value, list):
        inner_keys = keys
        value = {"name": "Compose", "params": {"transforms": value}}
    section = _translate(parse_section(value, keys, source))
    kind = resolve(section, augmentations())
    section.check(kind, given=("sample_rate", "target_rate", "output_type", "self"))

    _check_p(section)
    params = dict(section.params)
    inner = params.pop("transforms", None)
    if inner is None:
        return AugmentationRecipe(section, kind)
    if not isinstance(inner, list) or not inner:
        raise section.problem("'transforms' should be a list of augmentations.", "transforms")
    transforms = tuple(_parse(part, (*inner_keys, i), source) for i, part in enumerate(inner))
    if "num_transforms" in params:
        params["num_transforms"] = _num_transforms(section, len(transforms))
    return AugmentationRecipe(section.with_params(params), kind, transforms)


def _check_p(section: Section) -> None:
    """Check probabilities here: torch-audiomentations refuses them without a word."""
    p = section.params.get("p", 0)
    if not isinstance(p, (int, float)) or isinstance(p, bool) or not 0 <= p <= 1:
        raise section.problem(f"'p' should be a number from 0 to 1, not {p!r}.", "p")


def _num_transforms(section: Section, most: int) -> int | tuple[int, int]:
    """How many of its transforms SomeOf chooses: a number, or fewest and most."""
    value = section.params["num_transforms"]
    bounds = list(value) if isinstance(value, list) and len(value) == 2 else [value, value]
    if bounds[1] is None:  # as torch-audiomentations has it: all of them
        bounds[1] = most
    if not all(type(bound) is int for bound in bounds) or not 1 <= bounds[0] <= bounds[1] <= most:
        raise section.problem(
            f"'num_transforms' should be a number from 1 to {most}, or [fewest, most], not "
            f"{value!r}.",
            "num_transforms",
        )
    # SomeOf takes a tuple for bounds.
    return (bounds[0], bounds[1]) if isinstance(value, list) else bounds[0]


def _highest(transform: Module) -> float:
    """Highest frequency that a filter of torch-audiomentations may cut at; 0 for the others."""
    settings: dict[str, Any] = vars(transform)
    if "max_center_frequency" in settings:  # of a band, and its width over that
        return settings["max_center_frequency"] * (1 + settings["max_bandwidth_fraction"] / 2)
    return float(settings.get("max_cutoff_freq", 0.0))


def _translate(section: Section) -> Section:
    """AddNoise of pyannote.audio 1.x as BackgroundNoise, and what upstream cannot read as ours."""
    if last_word(section.name) == "AddNoise":
        params = {**_ADD_NOISE_1X, **section.params}
        return section.with_params(params, name="BackgroundNoise")
    if last_word(section.name) == "AddNoiseFromGaps":
        raise section.problem("this augmentation of 1.x has no counterpart; use BackgroundNoise.")
    package, _, name = section.name.rpartition(".")
    if package.startswith("torch_audiomentations") and name in _READ_FILES:
        return section.with_params(section.params, name=name)
    return section
