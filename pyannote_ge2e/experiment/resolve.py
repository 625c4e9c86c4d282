"""From a name in config.yml to a class: ours, pyannote.audio's, or any dotted path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.legacy import last_word
from pyannote_ge2e.experiment.sections import Section, nearest

# Files of data/augmentation that each hold transforms to be named in config.yml.
_AUGMENTATIONS = (
    "babble",
    "codec",
    "impulse_response",
    "musan",
    "noise",
    "simulated_room",
    "spec_augment",
    "speed",
    "telephone",
    "time_stretch",
    "upstream",
)


def _classes(module: str, base: type) -> dict[str, type]:
    """Public subclasses of `base` that `module` defines, by name."""
    members = vars(importlib.import_module(module))
    return {
        name: member
        for name, member in members.items()
        if isinstance(member, type)
        and issubclass(member, base)
        and member is not base
        and member.__module__.startswith(module)
        and not name.startswith("_")
    }


def architectures() -> dict[str, type]:
    """Architectures that a bare name can mean: ours, then pyannote.audio's."""
    from pyannote.audio import Model

    theirs = _classes("pyannote.audio.models.embedding", Model)
    return {**theirs, **_classes("pyannote_ge2e.architectures", Model)}


def tasks() -> dict[str, type]:
    """Tasks that a bare name can mean."""
    from pyannote_ge2e.tasks import EmbeddingTask

    return _classes("pyannote_ge2e.tasks", EmbeddingTask)


def augmentations() -> dict[str, type]:
    """Augmentations that a bare name can mean: ours, then torch-audiomentations'."""
    from torch.nn import Module

    found = _classes("torch_audiomentations", Module)
    for file in _AUGMENTATIONS:
        found |= _classes(f"pyannote_ge2e.data.augmentation.{file}", Module)
    return found


def callbacks() -> dict[str, type]:
    """Lightning's callbacks."""
    from lightning.pytorch import Callback

    return _classes("lightning.pytorch.callbacks", Callback)


def optimizers() -> dict[str, type]:
    """Everything in `torch.optim`."""
    from torch.optim import Optimizer

    return _classes("torch.optim", Optimizer)


def schedulers() -> dict[str, type]:
    """Everything in `torch.optim.lr_scheduler`."""
    from torch.optim.lr_scheduler import LRScheduler

    return _classes("torch.optim.lr_scheduler", LRScheduler)


def resolve(section: Section, known: dict[str, type], base: type | None = None) -> Any:
    """Find the class that a section names.

    Parameters
    ----------
    section : Section
        Its name is a key of `known`, or a dotted path `package.module.Class`.
    known : dict
        Classes by bare name.
    base : type, optional
        What a class found by a dotted path must derive from.

    Returns
    -------
    type

    Raises
    ------
    UserError
        If there is no such class (the nearest name is given), or it is of another kind.

    Examples
    --------
    >>> resolve(Section(("optimizer",), "Adam", {}), optimizers()).__name__
    'Adam'
    >>> resolve(Section(("optimizer",), "torch.optim.SGD", {}), {}).__name__
    'SGD'
    >>> resolve(Section(("optimizer",), "Adamm", {}), optimizers())
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: optimizer Adamm: no such optimizer; did you mean 'Adam'?
    """
    word = last_word(section.name)
    if word in known:
        return known[word]
    if "." not in section.name or (word != section.name and not _exists(section)):
        kind = str(section.keys[0]).removesuffix("s").replace("data_", "")
        raise section.problem(f"no such {kind}; {nearest(word, known)}")

    found = import_dotted(section)
    if base is not None and not (isinstance(found, type) and issubclass(found, base)):
        raise section.problem(f"not a {base.__module__}.{base.__name__}.")
    return found


def _exists(section: Section) -> bool:
    try:
        import_dotted(section)
    except UserError:
        return False
    return True


def import_dotted(section: Section) -> Callable:
    """Import the class or function whose dotted path is the section's name.

    Raises
    ------
    UserError
        If the module cannot be imported, or has no such attribute (the nearest is given).
    """
    module_name, _, attribute = section.name.rpartition(".")
    if not module_name:
        raise section.problem("expected a dotted path such as package.module.Class.")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise section.problem(f"cannot import {module_name} ({error}).") from error
    if not callable(getattr(module, attribute, None)):
        public = [name for name, member in vars(module).items() if callable(member)]
        hint = nearest(attribute, [name for name in public if not name.startswith("_")])
        raise section.problem(f"{module_name} has no '{attribute}'; {hint}")
    found: Callable = getattr(module, attribute)
    return found
