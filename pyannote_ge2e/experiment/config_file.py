"""config.yml on disk: read strictly, and remember which line says what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pyannote_ge2e.errors import UserError


class _Loader(yaml.SafeLoader):
    """YAML as people write it: `1e-3` is a number, and a key given twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                problem = f"{key.value!r} is given twice"
                raise yaml.constructor.ConstructorError(
                    problem=problem, problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


# YAML 1.1 wants a dot and a signed exponent in its floats: PyYAML reads `1e-3` as a string.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_config(path: Path) -> dict[str, Any]:
    """Read an experiment's config.yml.

    Parameters
    ----------
    path : Path
        The file. An empty one gives an empty configuration.

    Returns
    -------
    dict
        Its sections, as written.

    Raises
    ------
    UserError
        If the file is missing, unreadable, not YAML, or not a mapping of sections.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "config.yml"
    ...     _ = path.write_text("scheduler: {params: {learning_rate: 1e-3}}")
    ...     read_config(path)
    {'scheduler': {'params': {'learning_rate': 0.001}}}
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"No such file: '{path}'. An experiment is a folder with a config.yml; "
            "copy one from models/ to start from."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read '{path}': {error}.") from None

    try:
        config = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise UserError(f"'{path}'{line}: not valid YAML ({problem}).") from None

    if config is None:
        return {}
    if not isinstance(config, dict):
        raise UserError(
            f"'{path}', line 1: expected sections such as 'architecture:' and 'task:', "
            f"found a {type(config).__name__}."
        )
    return config


def line_of(path: Path | None, keys: Sequence[str | int]) -> int | None:
    """Line of `path` where the deepest of the nested `keys` that exists is written.

    Parameters
    ----------
    path : Path or None
        A YAML file.
    keys : sequence of str or int
        Keys from the top, such as ("task", "params", "duration"); an int is a place in a list.

    Returns
    -------
    int or None
        Counted from 1; None when the file does not say anything of the first key.
    """
    if path is None:
        return None
    try:
        node = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None

    line = None
    for wanted in keys:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(wanted)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(wanted, int):
            found = [(value, value) for value in node.value[wanted : wanted + 1]]
        else:
            found = []
        if not found:
            break
        (key, node), *_ = found
        line = key.start_mark.line + 1
    return line
