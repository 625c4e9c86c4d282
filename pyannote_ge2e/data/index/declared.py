"""How a `database.yml` declares a subset: which lists, and where its audio is."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pyannote_ge2e.data.protocol import Subset, one_line, protocol_name
from pyannote_ge2e.data.tables.read import table_of_extents
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol

__all__ = ["Declared", "declared", "declared_trials", "templates_of"]

# What says which part of a file is annotated, for each kind of annotation that we read ourselves.
_ANNOTATED = {".rttm": ".uem", ".utterances": ".extents"}


class Declared(NamedTuple):
    """A subset as a `database.yml` declares it, by plain lists or by a table.

    Attributes
    ----------
    database, scope : str
    uri, annotation, annotated : Path
        The last two may be missing.
    templates : tuple of str
        Where the audio may be, with {uri} and {database}.
    """

    database: str
    scope: str | None
    uri: Path
    annotation: Path | None
    annotated: Path | None
    templates: tuple[str, ...]

    @property
    def table(self) -> Path | None:
        """The table of the subset, if it is declared by one."""
        path = self.annotation
        return path if path is not None and path.suffix == ".utterances" else None


def declared(protocol: Protocol, subset: Subset) -> list[Declared] | None:
    """How a subset is declared, part by part of a meta-protocol.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}

    Returns
    -------
    parts : list of Declared, or None
        None unless each part is one .lst, with one .rttm and one .uem, or with one table, or
        without; places for the audio that hold no wildcard; and no preprocessor.

    Raises
    ------
    UserError
        Naming a list that is missing.
    """
    registry = _registry(protocol)
    if registry is None:
        return None
    try:
        return _parts(getattr(protocol, f"{subset}_iter", None), registry) or None
    except FileNotFoundError as error:
        raise UserError(f"{protocol_name(protocol)}: {one_line(error)}") from error


def declared_trials(protocol: Protocol, subset: Subset) -> tuple[Declared, Path] | None:
    """How a subset and its list of trials are declared; None unless both plainly are.

    Raises
    ------
    UserError
        Naming a list that is missing.
    """
    from pyannote.database.custom import resolve_path

    registry = _registry(protocol)
    entry = getattr(protocol, f"{subset}_trial", None)
    if registry is None or not isinstance(entry, functools.partial):
        return None
    try:
        part = _part(registry, **entry.keywords)
        if part is None:
            return None
        trials = Path(entry.keywords["entries"]["trial"])
        return part, resolve_path(trials, entry.keywords["database_yml"])
    except FileNotFoundError as error:
        raise UserError(f"{protocol_name(protocol)}: {one_line(error)}") from error


def templates_of(parts: Iterable[Declared]) -> dict[str, list[str]]:
    """Where the audio of each database may be."""
    return {part.database: list(part.templates) for part in parts}


def _registry(protocol: Protocol) -> Any:
    """Registry that finds the audio of a protocol; None if anything else makes its files."""
    from pyannote.database import FileFinder

    preprocessors = dict(protocol.preprocessors)
    pyannotes = [preprocessors.pop(key, None) for key in ("annotated", "annotation")]
    if any(getattr(one, "keywords", {}).get("existing_preprocessor") for one in pyannotes):
        return None
    audio = preprocessors.pop("audio", None)
    if preprocessors or not isinstance(audio, FileFinder):
        return None
    return audio.registry


def _parts(entry: Any, registry: Any) -> list[Declared] | None:
    if not isinstance(entry, functools.partial):
        return None
    if not entry.args:
        part = _part(registry, **entry.keywords)
        return None if part is None else [part]
    # A meta-protocol: database, task, protocol, subset, {protocol: subsets}, database.yml.
    parts: list[Declared] = []
    for name, subsets in entry.args[4].items():
        protocol = registry.get_protocol(name)
        for subset in subsets:
            some = _parts(getattr(protocol, f"{subset}_iter", None), registry)
            if some is None:
                return None
            parts += some
    return parts


def _part(
    registry: Any,
    database: str,
    entries: dict[str, Any],
    database_yml: Path,
    scope: str | None = None,
    **_: Any,
) -> Declared | None:
    from pyannote.database.custom import resolve_path

    templates = tuple(registry.sources.get(database, []))
    names = {key: entries.get(key) for key in ("uri", "annotation", "annotated")}
    given = [name for name in names.values() if name is not None]
    if (
        "duration" in entries  # pyannote crops with it, file by file
        or not templates
        or any("*" in template for template in templates)
        or any(not isinstance(name, str) or "{" in name for name in given)
    ):
        return None
    suffix = {key: Path(name).suffix for key, name in names.items() if name is not None}
    annotation = suffix.get("annotation", ".rttm")
    if (
        suffix.get("uri") != ".lst"
        or annotation not in _ANNOTATED
        or suffix.get("annotated") not in (None, _ANNOTATED[annotation])
    ):
        return None
    paths = {
        key: None if name is None else resolve_path(Path(name), database_yml)
        for key, name in names.items()
    }
    part = Declared(database, scope, templates=templates, **paths)  # type: ignore[arg-type]
    table, extents = part.table, part.annotated
    if table is not None and extents is not None and not table.samefile(table_of_extents(extents)):
        return None  # what another table tells is pyannote's to crop
    return part
