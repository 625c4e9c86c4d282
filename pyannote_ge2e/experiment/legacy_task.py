"""Embedding tasks of pyannote.audio 1.x, and of version 4, in our words."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from pyannote_ge2e.experiment.legacy import last_word
from pyannote_ge2e.experiment.sections import Section

# 1.x task parameter -> ours. `per_epoch` counts days of audio, so its value changes as well.
TASK_SPELLINGS = {
    "per_fold": "num_classes_per_batch",
    "per_label": "num_chunks_per_class",
    "per_epoch": "batches_per_epoch",
    "s": "scale",
}

# What 1.x assumed when AdditiveAngularMarginLoss did not say, in its own units.
_MARGIN_LOSS_1X = {"duration": 1.0, "per_fold": 32, "per_label": 1, "margin": 0.1}

# What pyannote.audio 4 assumes in its own ArcFace task.
_ARCFACE_4 = {
    "duration": 2.0,
    "num_classes_per_batch": 32,
    "num_chunks_per_class": 1,
    "margin": 28.6,
    "scale": 64.0,
}

_OTHER_TASKS_1X = frozenset(
    {
        "AggTripletLoss",
        "CenterLoss",
        "Classification",
        "CongenerousCosineLoss",
        "ContrastiveLoss",
        "TripletLoss",
    }
)

SECONDS_PER_DAY = 24 * 60 * 60


def is_from_1x(task: Section) -> bool:
    """Whether the task is written as in 1.x, whose default optimiser then applies."""
    return last_word(task.name) == "AdditiveAngularMarginLoss"


def translate_task(section: Section) -> Section:
    """1.x's and version 4's margin losses as AdditiveAngularMargin; its margin is in degrees.

    Raises
    ------
    UserError
        For a task of 1.x that has no counterpart here.

    Examples
    --------
    >>> params = {"margin": 0.05, "s": 10}
    >>> task = translate_task(Section(("task",), "AdditiveAngularMarginLoss", params))
    >>> task.name, round(task.params["margin"], 3)
    ('AdditiveAngularMargin', 2.865)
    """
    name = last_word(section.name)
    if name in _OTHER_TASKS_1X:
        raise section.problem(
            "this task of pyannote.audio 1.x has no counterpart; use GE2E or AdditiveAngularMargin."
        )
    if name in ("SupervisedRepresentationLearningWithArcFace", "SpeakerEmbedding"):
        params = _complete(section.params, _ARCFACE_4)
        return section.with_params(params, name="AdditiveAngularMargin")
    if not is_from_1x(section):
        return section

    params = _complete(section.params, _MARGIN_LOSS_1X)
    if "s" not in params and "scale" not in params:
        raise section.problem(
            "parameter 's' is missing; 1.x derived it from the number of speakers, "
            "the published experiment has 's: 10'."
        )
    params["margin"] = math.degrees(_number(section, "margin", params["margin"]))
    return section.with_params(params, name="AdditiveAngularMargin")


def translate_task_params(section: Section, task: Callable) -> Section:
    """Both spellings of the task's parameters in ours.

    Parameters
    ----------
    section : Section
        Parameters of 1.x and ours, mixed.
    task : callable
        The class they are for: its defaults complete what `per_epoch` needs.

    Raises
    ------
    UserError
        If one thing is said in both spellings, or `per_turn` is not 1.

    Examples
    --------
    >>> def task(duration=2.0, min_duration=None, num_classes_per_batch=64,
    ...          num_chunks_per_class=10): ...
    >>> params = {"per_fold": 128, "per_label": 1, "per_epoch": 5, "duration": 3.0}
    >>> params = translate_task_params(Section(("task",), "GE2E", params), task).params
    >>> params["num_classes_per_batch"], params["num_chunks_per_class"], params["batches_per_epoch"]
    (128, 1, 1125)
    """
    params = dict(section.params)
    if params.pop("per_turn", 1) != 1:
        raise section.problem(
            "'per_turn' can only be 1: embeddings of one speech turn are not averaged in training.",
            "per_turn",
        )
    aliases = {}
    for theirs, ours in TASK_SPELLINGS.items():
        if theirs not in params:
            continue
        if ours in params:
            raise section.problem(f"'{theirs}' and '{ours}' say the same thing: keep one.", theirs)
        params[ours] = params.pop(theirs)
        aliases[ours] = theirs

    if aliases.get("batches_per_epoch") and params["batches_per_epoch"] is None:
        del params["batches_per_epoch"]
    elif aliases.get("batches_per_epoch"):
        defaults = {name: p.default for name, p in inspect.signature(task).parameters.items()}
        params["batches_per_epoch"] = _batches(section, {**defaults, **params})
    return section.with_params(params, aliases=aliases)


def _complete(params: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with the defaults of those that are given in neither spelling."""
    given = {TASK_SPELLINGS.get(name, name) for name in params}
    missing = {
        name: value
        for name, value in defaults.items()
        if TASK_SPELLINGS.get(name, name) not in given
    }
    return {**missing, **params}


def _batches(section: Section, params: Mapping[str, Any]) -> int:
    """Batches that hold `per_epoch` days of audio."""
    duration = _number(section, "duration", params["duration"])
    shortest = params.get("min_duration")
    shortest = duration if shortest is None else _number(section, "min_duration", shortest)
    chunks = 1.0
    for name in ("num_classes_per_batch", "num_chunks_per_class"):
        chunks *= _number(section, name, params[name])
    days = _number(section, "per_epoch", params["batches_per_epoch"])
    return max(1, math.ceil(days * SECONDS_PER_DAY / (chunks * (duration + shortest) / 2)))


def _number(section: Section, name: str, value: Any) -> float:
    """`value` as a positive number, or an error that says it should be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise section.problem(f"'{name}' should be a positive number, not {value!r}.", name)
    return float(value)
