"""Laying one configuration over another: fine-tuning says only what changes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pyannote_ge2e.experiment.legacy_task import TASK_SPELLINGS

_SPELLINGS = {**TASK_SPELLINGS, **{ours: theirs for theirs, ours in TASK_SPELLINGS.items()}}


def merge_configs(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Lay a configuration over another one.

    Parameters
    ----------
    base : dict
        For instance the configuration of a pretrained model.
    override : dict
        What to change: a section of the same name (or without one) changes the parameters that it
        gives, a section of another name replaces the whole, a `null` deletes it.

    Returns
    -------
    dict
        A new configuration; neither argument is changed.

    Examples
    --------
    >>> task = {"name": "GE2E", "params": {"duration": 2.0, "per_fold": 64}}
    >>> change = {"task": {"params": {"per_fold": 8}}, "freeze": None}
    >>> merge_configs({"task": task, "freeze": ["lstm"]}, change)
    {'task': {'name': 'GE2E', 'params': {'duration': 2.0, 'per_fold': 8}}}
    """
    merged = deepcopy(base)
    for key, value in override.items():
        if value is None:
            merged.pop(key, None)
        elif key == "preprocessors":
            merged[key] = _over(merged.get(key) or {}, value)
            merged[key] = {name: what for name, what in merged[key].items() if what is not None}
        else:
            merged[key] = _merge_section(merged.get(key), value)
    return merged


def _merge_section(base: Any, override: Any) -> Any:
    base = {"name": base} if isinstance(base, str) else base
    override = {"name": override} if isinstance(override, str) else override
    if not isinstance(base, dict) or not isinstance(override, dict):
        return deepcopy(override)
    if "name" in override and not _same(override["name"], base.get("name")):
        return deepcopy(override)

    merged = {**base, **{key: value for key, value in override.items() if key != "params"}}
    given = override.get("params") or {}
    if not isinstance(given, dict):
        merged["params"] = given
        return merged
    # A parameter in one spelling makes way for the same one in the other.
    kept = {
        name: value
        for name, value in (base.get("params") or {}).items()
        if _SPELLINGS.get(name) not in given
    }
    merged["params"] = _over(kept, given)
    return merged


def _same(name: Any, other: Any) -> bool:
    return str(name).rpartition(".")[2] == str(other).rpartition(".")[2]


def _over(base: Any, override: Any) -> Any:
    """`override` over `base`, mappings inside mappings included."""
    if not isinstance(base, dict) or not isinstance(override, dict):
        return deepcopy(override)
    merged = dict(base)
    for key, value in override.items():
        merged[key] = _over(merged.get(key), value)
    return merged
