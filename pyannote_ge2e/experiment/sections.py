"""One section of config.yml: a name, its parameters, and what to say when either is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pyannote_ge2e.errors import UserError
from pyannote_ge2e.experiment.config_file import line_of

Keys = tuple[str | int, ...]


def nearest(word: str, known: Iterable[str]) -> str:
    """End of a sentence about an unknown `word`: its nearest known neighbour, else all of them.

    Examples
    --------
    >>> nearest("per_fald", ["per_fold", "per_label"])
    "did you mean 'per_fold'?"
    >>> nearest("zebra", ["per_fold", "per_label"])
    'choose from per_fold, per_label.'
    """
    names = sorted(set(known))
    by_case = {name.lower(): name for name in names}
    close = get_close_matches(str(word).lower(), list(by_case), n=1, cutoff=0.6)
    if close:
        return f"did you mean '{by_case[close[0]]}'?"
    return f"choose from {', '.join(names)}." if names else "there is nothing to choose from."


def problem(source: Path | None, keys: Keys, message: str) -> UserError:
    """Error about what is written under `keys`, naming the file and the line if they are known."""
    line = line_of(source, keys)
    where = [f"'{source}'"] if source is not None else []
    where += [f"line {line}"] if line is not None else []
    return UserError(f"{', '.join(where)}: {message}" if where else message)


@dataclass(frozen=True)
class Section:
    """A `{name, params}` section, and where it was written.

    Parameters
    ----------
    keys : tuple
        Where it stands in the file: ("task",), or ("callbacks", 0).
    name : str
        The name of a class.
    params : dict
        What to build it with.
    source : Path, optional
        The file, for error messages.
    aliases : dict, optional
        How parameters were spelled in the file, when they were translated.
    """

    keys: Keys
    name: str
    params: dict[str, Any]
    source: Path | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How messages call this section.

        Examples
        --------
        >>> Section(("callbacks", 0), "EarlyStopping", {}).title
        'callbacks EarlyStopping'
        """
        return f"{self.keys[0]} {self.name}"

    def problem(self, message: str, *keys: str | int) -> UserError:
        """Error about this section, or about the parameter at `keys` inside it."""
        inside: Keys = ("name",)
        if keys:
            inside = ("params", self.aliases.get(str(keys[0]), keys[0]), *keys[1:])
        return problem(self.source, (*self.keys, *inside), f"{self.title}: {message}")

    def with_params(self, params: dict[str, Any], **changes: Any) -> Section:
        """Return the same section with other parameters."""
        return replace(self, params=params, **changes)

    def check(
        self,
        target: Callable,
        *,
        given: Iterable[str] = (),
        also: Iterable[str] = (),
    ) -> None:
        """Check the parameters against the signature of the class or function they are for.

        Parameters
        ----------
        target : callable
            What will be called with `params`.
        given : iterable of str
            Parameters that are ours to fill in: refused in the file.
        also : iterable of str
            Parameters that are valid although `target` does not take them: other spellings.

        Raises
        ------
        UserError
            For an unknown or missing parameter, or a word where a number is expected.
        """
        signature = inspect.signature(target).parameters
        named = {
            name: parameter
            for name, parameter in signature.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            and name not in given
        }
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.values())

        for name, value in self.params.items():
            if name in given:
                raise self.problem(f"'{name}' is not set here.", name)
            if name not in named and not takes_any:
                hint = nearest(name, [*named, *also])
                raise self.problem(f"no parameter '{name}'; {hint}", name)
            default = named[name].default if name in named else None
            is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
            if is_number and isinstance(value, str):
                raise self.problem(f"'{name}' should be a number, not '{value}'.", name)

        for name, parameter in named.items():
            if parameter.default is parameter.empty and name not in self.params:
                raise self.problem(f"parameter '{name}' is missing.")

    def build(self, target: Callable, *args: Any, **more: Any) -> Any:
        """Call `target` with the parameters; what it refuses becomes an error of this section."""
        try:
            return target(*args, **{**self.params, **more})
        except (TypeError, ValueError, AssertionError, NotImplementedError) as error:
            # Many a message starts with the parameter that it is about.
            first = f"{error}".split(" ", 1)[0].rstrip(":")
            raise self.problem(f"{error}", *([first] if first in self.params else [])) from error


def parse_section(
    value: Any, keys: Keys, source: Path | None = None, default: str | None = None
) -> Section:
    """Read a `{name, params}` section; a bare name does when there are no parameters.

    Parameters
    ----------
    value : dict or str
        What the file says.
    keys : tuple
        Where it says so.
    source : Path, optional
        The file.
    default : str, optional
        Name when there is none.

    Returns
    -------
    Section

    Raises
    ------
    UserError
        If there is no name, or anything beside `name` and `params`.

    Examples
    --------
    >>> parse_section({"name": "GE2E", "params": {"duration": 2.0}}, ("task",)).params
    {'duration': 2.0}
    >>> parse_section({"name": "GE2E", "duration": 2.0}, ("task",))
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: task: 'duration' belongs one level deeper, under 'params:'.
    """
    where = str(keys[0])
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        raise problem(source, keys, f"{where}: expected 'name:' and 'params:', found {value!r}.")
    for key in value:
        if key not in ("name", "params"):
            message = f"{where}: '{key}' belongs one level deeper, under 'params:'."
            raise problem(source, (*keys, key), message)

    name = value.get("name") or default
    if not isinstance(name, str):
        raise problem(source, keys, f"{where}: 'name:' is missing.")
    params = value.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict) or not all(isinstance(key, str) for key in params):
        message = f"{where} {name}: 'params:' should be 'key: value' pairs, found {params!r}."
        raise problem(source, (*keys, "params"), message)
    return Section(keys, name, dict(params), source)
