"""From a protocol's name to the protocol, and from pyannote's tracebacks to one sentence."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import yaml

from pyannote_ge2e.data.default_registries import default_registries, named_once
from pyannote_ge2e.data.known import known_protocols, unknown_protocol, unread_subset
from pyannote_ge2e.errors import UserError

if TYPE_CHECKING:
    from pyannote.database import Protocol, ProtocolFile
    from pyannote.database.registry import Registry

Subset = Literal["train", "development", "test"]
Preprocessors = Mapping[str, Callable[[Any], Any] | str]


def load_protocol(
    name: str, registry: Path | None = None, preprocessors: Preprocessors | None = None
) -> Protocol:
    """Load a protocol that knows the path of every audio file.

    Parameters
    ----------
    name : str
        Full name, such as `VoxCeleb.SpeakerVerification.VoxCeleb1`.
    registry : Path, optional
        `database.yml` to load besides those that pyannote.database finds by itself
        (`~/.pyannote`, the current folder, `PYANNOTE_DATABASE_CONFIG`).
    preprocessors : mapping, optional
        Further keys of a file, as pyannote.database understands them.

    Returns
    -------
    protocol : Protocol

    Raises
    ------
    UserError
        If a `database.yml` is missing or malformed, or the protocol is unknown (the known ones
        are listed, nearest first).
    """
    known = _registry(registry)
    if name not in known_protocols(known):
        raise UserError(unknown_protocol(name, known))
    # pyannote's own way with a template asks the file for every key, the one it makes included.
    filled = {
        key: what.format_map if isinstance(what, str) else what
        for key, what in (preprocessors or {}).items()
    }
    try:
        protocol = known.get_protocol(name, preprocessors=cast(Any, filled))
    except ValueError as error:
        raise UserError(f"Protocol '{name}' cannot be loaded: {error}") from error
    return with_audio(protocol)


def with_audio(protocol: Protocol) -> Protocol:
    """Give every file of a protocol its path as `audio`, where nothing gives it already.

    No `duration` is added: pyannote would then open every audio file before the first batch.
    """
    from pyannote.database import FileFinder

    protocol.preprocessors.setdefault("audio", FileFinder())
    return protocol


def train_on(protocol: Protocol, subset: Subset = "train") -> Protocol:
    """Let a subset of a protocol take the place of its training subset.

    Parameters
    ----------
    protocol : Protocol
    subset : {"train", "development", "test"}

    Returns
    -------
    protocol : Protocol
        The same protocol, changed in place.
    """
    if subset != "train":
        setattr(protocol, "train_iter", getattr(protocol, f"{subset}_iter"))  # noqa: B010
    return protocol


def check_database_yml(path: Path) -> None:
    """Check that a `database.yml` can be read and has the shape that pyannote.database expects.

    Raises
    ------
    UserError
        Naming the file, and the line or the entry that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read '{path}': {error}.") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise UserError(f"'{path}'{line}: {problem}; mend the file and try again.") from error
    if not isinstance(content, dict):
        raise UserError(f"'{path}': expected sections 'Databases' and 'Protocols'.")
    _check_mapping(path, content.get("Databases", {}), ("Databases",), depth=1)
    for name, templates in content.get("Databases", {}).items():
        every = templates if isinstance(templates, list) else [templates]
        if not all(isinstance(template, str) for template in every):
            raise UserError(
                f"'{path}': expected where the audio is, such as /corpus/{{uri}}.wav, under "
                f"Databases > {name}, not {templates!r}."
            )
    _check_mapping(path, content.get("Protocols", {}), ("Protocols",), depth=4)


def _check_mapping(path: Path, content: Any, keys: tuple[str, ...], depth: int) -> None:
    """Check that there are `depth` mappings, one inside the other."""
    if not isinstance(content, dict):
        raise UserError(f"'{path}': expected a mapping under {' > '.join(keys)}, not {content!r}.")
    if depth > 1:
        for key, value in content.items():
            _check_mapping(path, value, (*keys, str(key)), depth - 1)


def check_default_registries() -> None:
    """Check every `database.yml` that pyannote.database loads by itself, and let it load them.

    To be called before anything imports pyannote.audio: a malformed file is a traceback inside
    that very import. Does nothing when it is too late.

    Raises
    ------
    UserError
        See `check_database_yml`.
    """
    if "pyannote.database" not in sys.modules:
        for path in filter(Path.is_file, default_registries()):
            check_database_yml(path)
        with named_once():
            import pyannote.database  # noqa: F401


def _registry(extra: Path | None) -> Registry:
    """Registry of pyannote, with one more file."""
    with warnings.catch_warnings():
        # `unread_subset` says it when it matters.
        warnings.filterwarnings("ignore", "Ignoring '.*' entries are not supported")
        check_default_registries()
        return _loaded(extra)


def _loaded(extra: Path | None) -> Registry:
    from pyannote.database import registry

    if extra is not None:
        path = Path(extra).expanduser().resolve()
        if not path.is_file():
            raise UserError(f"No such registry: '{extra}'; give the path of a database.yml.")
        check_database_yml(path)
        if path not in registry.configs:
            try:
                registry.load_database(path)
            except Exception as error:
                raise UserError(f"'{path}' cannot be loaded: {error}") from error
    return registry


def protocol_name(protocol: Protocol) -> str:
    """Full name of a protocol; pyannote gives one to those of its registry only."""
    return str(getattr(protocol, "name", type(protocol).__name__))


class MissingFile(UserError):
    """A file that the protocol names is not there."""


class NoSubset(UserError):
    """The protocol does not have the subset that was asked for."""


def subset_files(protocol: Protocol, subset: Subset) -> Iterator[ProtocolFile]:
    """Iterate over the files of a subset.

    Raises
    ------
    NoSubset
        If the protocol has no such subset.
    UserError
        If a file that it names is missing.
    """
    where = f"{protocol_name(protocol)}, subset {subset}"
    try:
        yield from getattr(protocol, subset)()
    except NotImplementedError as error:
        from pyannote.database import registry

        name = protocol_name(protocol)
        hint = unread_subset(name, registry)
        raise NoSubset(f"{name} has no {subset} subset.{hint}") from error
    except (FileNotFoundError, KeyError) as error:
        raise UserError(f"{where}: {one_line(error)}") from error
    except TypeError as error:
        if not str(error).startswith("No loader for file with"):
            raise
        raise UserError(
            f"{where}: {one_line(error)}; that of .utterances and .extents comes with installing "
            "this package: install it anew."
        ) from error


def audio_path(file: ProtocolFile) -> str:
    """Path of a file's audio.

    Raises
    ------
    UserError
        If the file is missing, or database.yml does not say where to look for it.
    """
    try:
        path = str(file["audio"])
    except FileNotFoundError as error:
        raise UserError(one_line(error)) from error
    except KeyError as error:
        raise UserError(
            f"Where is the audio of '{file['uri']}'? Say so for '{file['database']}' under "
            "'Databases' in database.yml."
        ) from error
    if not os.path.isfile(path):
        raise MissingFile(f"There is no '{path}', where the audio of '{file['uri']}' should be.")
    return path


def one_line(error: BaseException) -> str:
    """What an exception says, on one line; a `KeyError` says what was looked up."""
    text = " ".join(str(error).split())
    return f"nothing is known about {text}." if isinstance(error, KeyError) else text
