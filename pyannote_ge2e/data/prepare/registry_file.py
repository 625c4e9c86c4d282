"""Editing a `database.yml` in place: one process at a time, all or nothing, no comment lost."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from pyannote_ge2e.data.files import replacing
from pyannote_ge2e.data.prepare.lock import Say, alone
from pyannote_ge2e.errors import UserError

__all__ = ["edited", "key_of", "read", "section"]

# An entry below a section, whose margin tells how far its writer indents.
_INDENTED = re.compile(r"^\w[^#\n]*:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*( +)[^\s#-]", re.MULTILINE)


@contextmanager
def edited(
    database_yml: Path, say: Say | None = None, after: Callable[[], None] = lambda: None
) -> Iterator[CommentedMap]:
    """Give what a `database.yml` holds, to be changed, and write it when the block succeeds.

    Parameters
    ----------
    database_yml : Path
        Made when missing.
    say : callable, optional
        Called with a sentence if another process is at work on the file, which is waited for.
    after : callable, optional
        Puts in place what the file names: called when the new file has taken the place of the old
        one, which may fail (the file is a mount of its own, say), so that nothing has changed then.

    Yields
    ------
    content : CommentedMap
        Of ruamel.yaml, which keeps comments: see `merging`.

    Raises
    ------
    UserError
        When the file is malformed or cannot be written: it is then as it was.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "database.yml"
    >>> with edited(path) as content:
    ...     content["Databases"] = {"Voices": "/voices/{uri}.wav"}
    >>> print(path.read_text().strip())
    Databases:
      Voices: /voices/{uri}.wav
    """
    lock = database_yml.with_name(f".{database_yml.name}.lock")
    with alone(lock, say, f"'{database_yml}'"):
        old, newline = _text(database_yml)
        content, writer = _parsed(database_yml, old)
        yield content
        written = io.StringIO()
        writer.dump(content, written)
        new = written.getvalue()
        if old.strip() and yaml.safe_load(old) is None:  # comments alone, which ruamel forgets
            new = old.rstrip() + "\n" + new
        if new != old:
            with replacing(database_yml) as temporary:
                temporary.write_text(new, encoding="utf-8", newline=newline)
                if database_yml.exists():
                    shutil.copymode(database_yml, temporary)
        after()


def read(database_yml: Path) -> CommentedMap:
    """Return what a `database.yml` holds, which is nothing when there is no such file.

    Raises
    ------
    UserError
        When it is malformed.
    """
    return _parsed(database_yml, _text(database_yml)[0])[0]


def section(parent: CommentedMap, key: Any, database_yml: Path) -> CommentedMap:
    """Return a mapping in another one: a new one, which is not in there, when it is missing.

    Raises
    ------
    UserError
        Naming the line, when it is something else.
    """
    found = parent.get(key)
    if found is None:
        return CommentedMap()
    if not isinstance(found, CommentedMap):
        line = parent.lc.key(key)[0] + 1
        raise UserError(
            f"'{database_yml}', line {line}: '{key}' should hold names and their entries."
        )
    return found


def key_of(mapping: CommentedMap, name: str) -> Any:
    """Return the key that pyannote reads as `name`: existing if any, quoted if it must be.

    Examples
    --------
    >>> key_of(CommentedMap({2024: "a"}), "2024")
    2024
    """
    for key in mapping:
        if str(key) == name:
            return key
    # YAML 1.1, which pyannote reads, takes `No` for a boolean and `2024` for a number.
    return name if yaml.safe_load(name) == name else DoubleQuotedScalarString(name)


def _text(database_yml: Path) -> tuple[str, str]:
    """Return what is written, and how its lines end, which is to stay."""
    try:
        with database_yml.open(encoding="utf-8") as file:
            return file.read(), file.newlines if isinstance(file.newlines, str) else "\n"
    except FileNotFoundError:
        return "", "\n"
    except OSError as error:
        raise UserError(
            f"Cannot read '{database_yml}': {error.strerror or error}. Give the path of a "
            "database.yml (--registry)."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"'{database_yml}' is not UTF-8 text: is it a database.yml (--registry)?"
        ) from error


def _parsed(database_yml: Path, text: str) -> tuple[CommentedMap, YAML]:
    writer = YAML()
    writer.preserve_quotes = True
    writer.width = 2**20  # never fold a path
    found = _INDENTED.search(text)
    margin = len(found[1]) if found else 2
    writer.indent(mapping=margin, sequence=margin + 2, offset=margin)
    try:
        content = writer.load(text)
        _, sequence, offset = load_yaml_guess_indent(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(
            f"'{database_yml}'{where}: not valid YAML ({error.problem}). Mend it by hand first."
        ) from error
    except YAMLError as error:
        raise UserError(f"'{database_yml}' is not valid YAML: {error}.") from error
    if offset is not None:
        writer.indent(mapping=margin, sequence=sequence, offset=offset)
    if content is None:
        content = CommentedMap()
    if not isinstance(content, CommentedMap):
        raise UserError(
            f"'{database_yml}' is no database.yml: expected sections 'Databases' and 'Protocols'."
        )
    return content, writer
