"""The `preprocessors` and `callbacks` sections, and what keeps frozen modules frozen."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelSummary, ProgressBar
from torch.nn import Module

from pyannote_ge2e.experiment.resolve import callbacks, import_dotted, resolve
from pyannote_ge2e.experiment.sections import Section, parse_section, problem


def modules_named(model: Any, name: str) -> list[Module]:
    """Find the modules of that name: one in each network, of a model of two side by side."""
    found = (getattr(network, name, None) for network in getattr(model, "networks", [model]))
    return [module for module in found if isinstance(module, Module)]


class KeepFrozen(Callback):
    """Keep frozen modules in evaluation mode.

    Their parameters need no gradient; without this their batch normalisation would still follow
    the training data, since Lightning puts the whole model in training mode.

    Parameters
    ----------
    modules : list of str
        Their names in the model.
    """

    def __init__(self, modules: list[str]) -> None:
        self.modules = modules

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the frozen modules back in evaluation mode."""
        for name in self.modules:
            for module in modules_named(pl_module, name):
                module.eval()


def parse_callbacks(value: Any, source: Path | None = None) -> list[tuple[Section, type]]:
    """Read a `callbacks` section: a list of `{name, params}`.

    Names are Lightning's, or dotted paths.

    Raises
    ------
    UserError
        For an unknown callback or parameter.

    Examples
    --------
    >>> parse_callbacks([{"name": "LearningRateMonitor"}])[0][1].__name__
    'LearningRateMonitor'
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise problem(
            source, ("callbacks",), "callbacks: expected a list of 'name:' and 'params:'."
        )
    parsed = []
    for place, item in enumerate(value):
        section = parse_section(item, ("callbacks", place), source)
        found = resolve(section, callbacks(), Callback)
        if issubclass(found, (Checkpoint, ModelSummary, ProgressBar)):
            raise section.problem("training brings its own; remove it.")
        section.check(found, given=("self",))
        parsed.append((section, found))
    return parsed


def build_callbacks(parsed: list[tuple[Section, type]], freeze: list[str]) -> list[Callback]:
    """Build parsed callbacks, and `KeepFrozen` when something is frozen."""
    built: list[Callback] = [section.build(found) for section, found in parsed]
    return [*built, KeepFrozen(freeze)] if freeze else built


def parse_preprocessors(value: Any, source: Path | None = None) -> dict[str, Callable | str]:
    """Read a `preprocessors` section: what further keys of a protocol's files hold.

    Parameters
    ----------
    value : dict or None
        For each key a template such as "/corpus/{uri}.wav", or the `{name, params}` of a class
        whose instances take a file, or of a function that takes one.
    source : Path, optional
        The file, for error messages.

    Raises
    ------
    UserError
        If something cannot be imported or called.

    Examples
    --------
    >>> parse_preprocessors({"audio": "/corpus/{uri}.wav"})
    {'audio': '/corpus/{uri}.wav'}
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise problem(source, ("preprocessors",), "preprocessors: expected 'key: what it holds'.")
    preprocessors: dict[str, Callable | str] = {}
    for key, what in value.items():
        if isinstance(what, str) and "{" in what:
            preprocessors[key] = what
            continue
        section = parse_section(what, ("preprocessors", key), source)
        found = import_dotted(section)
        if inspect.isclass(found):
            section.check(found, given=("self",))
            preprocessors[key] = section.build(found)
        else:
            preprocessors[key] = partial(found, **section.params) if section.params else found
        if not callable(preprocessors[key]):
            raise section.problem("its instances cannot be called with a file.")
    return preprocessors
