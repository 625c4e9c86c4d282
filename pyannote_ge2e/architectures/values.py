"""Values of options: what each of them can be, and one sentence when it is something else."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple

from pyannote_ge2e.errors import UserError


class _Rule(NamedTuple):
    words: str
    allows: Callable[[Any], bool]


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


_SIZE = _Rule("a whole number, 1 at least", lambda value: _is_integer(value) and value >= 1)
_SIZE_OR_NONE = _Rule("a whole number, 0 at least", lambda value: _is_integer(value) and value >= 0)
_SECONDS = _Rule(
    "a number of seconds above 0", lambda value: _is_number(value) and 0 < value < math.inf
)
_SHARE = _Rule("a number from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1)
_SWITCH = _Rule("true or false", lambda value: isinstance(value, bool))
_NAME = _Rule("a word", lambda value: value is None or isinstance(value, str))
# SincNet's filters have 251 samples: those between two filters further apart would go unheard.
_STRIDE = _Rule(
    "a whole number from 1 to 251", lambda value: _is_integer(value) and 1 <= value <= 251
)

_RULES = {
    "stride": _STRIDE,
    "num_mels": _SIZE,
    "num_filters": _SIZE,
    "window": _SECONDS,
    "hop": _SECONDS,
    "step": _SECONDS,
    "name": _NAME,
    "normalise": _SWITCH,
    "stack": _SIZE,
    "filter_size": _SIZE,
    "channels": _SIZE,
    "blocks": _SIZE,
    "hidden_size": _SIZE,
    "num_layers": _SIZE,
    "proj_size": _SIZE_OR_NONE,
    "bidirectional": _SWITCH,
    "dropout": _SHARE,
    "dimension": _SIZE,
    "projection": _SWITCH,
}


def check_value(name: str, value: Any, section: str | None = None) -> None:
    """Refuse a value that an option cannot have.

    Parameters
    ----------
    name : str
        Name of the option.
    value : object
        Its value.
    section : str, optional
        Name of the group of options it belongs to, for the error message.

    Raises
    ------
    UserError
        When the option cannot have that value.

    Examples
    --------
    >>> check_value("stack", 3, "mel")
    >>> check_value("stack", 2.5, "mel")
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: mel: stack must be a whole number, 1 at least, not 2.5.
    """
    words, allows = _RULES[name]
    if not allows(value):
        where = f"{section}: " if section else ""
        raise UserError(f"{where}{name} must be {words}, not {value!r}.")
