"""What the registries declare, and which of it was perhaps meant by a name they do not know."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyannote.database.registry import Registry

__all__ = ["known_protocols", "unknown_protocol", "unread_subset"]

_SUBSETS = ("train", "development", "test")  # that pyannote reads


def known_protocols(registry: Registry) -> list[str]:
    """Return the full names of all protocols of a registry.

    A database whose tasks are all unknown to pyannote, which stops over it, has none.
    """
    names = []
    for name in registry.databases:
        database = registry.get_database(name)
        for task in getattr(database, "protocols_", {}):
            names += [f"{name}.{task}.{protocol}" for protocol in database.get_protocols(task)]
    return names


def unknown_protocol(name: str, registry: Registry) -> str:
    """Say what is wrong with the name of a protocol that the registry does not know."""
    names = known_protocols(registry)
    hint = _unread_task(name, registry) + _missing_registry()
    if not names:
        return (
            f"Unknown protocol '{name}': no protocol is declared.{hint} Write a database.yml with "
            "'pyannote-audio emb prepare FOLDER' and name it in PYANNOTE_DATABASE_CONFIG or with "
            "--registry."
        )
    nearest = sorted(names, key=lambda known: -difflib.SequenceMatcher(None, name, known).ratio())
    shown = ", ".join(nearest[:20]) + (", ..." if len(nearest) > 20 else "")
    return f"Unknown protocol '{name}'; the known ones are {shown}.{hint}"


def unread_subset(name: str, registry: Registry) -> str:
    """Name an entry of a protocol that was perhaps meant for a subset, and what to call it.

    pyannote warns of such entries when it loads them, and goes on without.
    """
    for path, entries in _entries(registry, *name.split(".")):
        for key in entries:
            if str(key).removesuffix("_trial") not in (*_SUBSETS, "scope", "classes"):
                alike = [s for s in _SUBSETS if s.startswith(str(key)) or str(key).startswith(s)]
                meant = " or ".join(alike or _SUBSETS)
                return f" '{path}' has '{key}' there, which pyannote ignores: call it {meant}."
    return ""


def _unread_task(name: str, registry: Registry) -> str:
    from pyannote.database import protocol as tasks

    for path, entries in _entries(registry, name.split(".")[0]):
        for task in entries:
            if task != "Protocol" and not hasattr(tasks, f"{task}Protocol"):
                return (
                    f" '{path}' has '{task}' under Protocols > {name.split('.')[0]}, a task that "
                    "pyannote does not know: call it SpeakerVerification or SpeakerDiarization."
                )
    return ""


def _missing_registry() -> str:
    for path in filter(None, os.environ.get("PYANNOTE_DATABASE_CONFIG", "").split(";")):
        if not Path(path).expanduser().is_file():
            return f" PYANNOTE_DATABASE_CONFIG names no file: '{path}'."
    return ""


def _entries(registry: Registry, *keys: str) -> Iterator[tuple[Path, dict[Any, Any]]]:
    """Yield every database.yml that has such an entry under 'Protocols', and what is in it."""
    for path, config in registry.configs.items():
        entries = config.get("Protocols")
        for key in keys:
            entries = entries.get(key) if isinstance(entries, dict) else None
        if isinstance(entries, dict):
            yield path, entries
