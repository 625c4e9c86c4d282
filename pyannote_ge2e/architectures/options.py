"""Options given by name: defaults, overrides, and what to say when a name does not exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pyannote_ge2e.architectures.values import check_value
from pyannote_ge2e.errors import UserError

Choice = TypeVar("Choice")


def merge_options(
    defaults: Mapping[str, Any], given: Mapping[str, Any] | None, section: str
) -> dict[str, Any]:
    """Override default options, refusing names that do not exist and values that cannot be.

    Parameters
    ----------
    defaults : mapping
        Every option with its default value.
    given : mapping or None
        The options that the user sets.
    section : str
        Name of the group of options, for the error message.

    Returns
    -------
    options : dict
        A new dictionary with the keys of `defaults`.

    Raises
    ------
    UserError
        When `given` is not a mapping, has a key that `defaults` lacks, or a value that makes no
        sense there.

    Examples
    --------
    >>> merge_options({"stride": 10}, {"stride": 5}, "sincnet")
    {'stride': 5}
    >>> merge_options({"stride": 10}, {"strides": 5}, "sincnet")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: Unknown sincnet option 'strides': did you mean 'stride'?
    """
    if given is None:
        return dict(defaults)
    if not isinstance(given, Mapping):
        raise UserError(f"{section} must be a mapping of options, not {given!r}.")
    for key, value in given.items():
        if key not in defaults:
            raise UserError(f"Unknown {section} option {key!r}: {_advice(key, defaults)}")
        check_value(key, value, section)
    return {**defaults, **given}


def pick(choices: Mapping[str, Choice], name: str, what: str) -> Choice:
    """Look a name up, and name the nearest one when it does not exist.

    Parameters
    ----------
    choices : mapping
        What there is, by name.
    name : str
        The name asked for.
    what : str
        What kind of thing is named, for the error message.

    Returns
    -------
    choice : object
        `choices[name]`.

    Raises
    ------
    UserError
        When there is no such name.

    Examples
    --------
    >>> pick({"mean": 1, "stats": 2}, "stat", "pooling")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: Unknown pooling 'stat': did you mean 'stats'?
    """
    if isinstance(name, str) and name in choices:
        return choices[name]
    raise UserError(f"Unknown {what} {name!r}: {_advice(name, choices)}")


def _advice(name: object, known: Collection[str]) -> str:
    nearest = get_close_matches(str(name).lower(), known, n=1)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"choose from {', '.join(map(repr, known))}."
