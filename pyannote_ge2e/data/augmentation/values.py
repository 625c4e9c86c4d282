"""Checks of the parameters of augmentations: the message starts with the parameter's name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from pyannote_ge2e.errors import UserError

Range = float | Sequence[float]


def check_path(name: str, value: Any) -> str | Path:
    """Refuse what is no path.

    Examples
    --------
    >>> check_path("folder", 3)
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: folder should be a path, not 3.
    """
    if not isinstance(value, str | Path) or not str(value):
        raise UserError(f"{name} should be a path, not {value!r}.")
    return value


def check_share(name: str, value: Any) -> float:
    """Refuse what is no number between 0 and 1.

    Examples
    --------
    >>> check_share("p", 1.5)
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: p should be a number from 0 to 1, not 1.5.
    """
    if not _is_number(value) or not 0 <= value <= 1:
        raise UserError(f"{name} should be a number from 0 to 1, not {value!r}.")
    return float(value)


def check_number(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """Refuse what is no number from `least` to `most`."""
    if not _is_number(value) or not least <= value <= most:
        raise UserError(f"{name} should be a number{_bounds(least, most)}, not {value!r}.")
    return float(value)


def check_count(name: str, value: Any, least: int = 0) -> int:
    """Refuse what is no whole number, or too low a one."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise UserError(f"{name} should be a whole number, {least} at least, not {value!r}.")
    return int(value)


def check_order(low_name: str, low: Any, high_name: str, high: Any) -> tuple[float, float]:
    """Refuse bounds that are no numbers, or the wrong way round.

    Examples
    --------
    >>> check_order("snr_min", 20, "snr_max", 10)
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: snr_min (20) is above snr_max (10).
    """
    low, high = check_number(low_name, low), check_number(high_name, high)
    if low > high:
        raise UserError(f"{low_name} ({low:g}) is above {high_name} ({high:g}).")
    return low, high


def check_range(
    name: str, value: Any, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """Read `[lowest, highest]`, or a number that is both.

    Examples
    --------
    >>> check_range("noise", [0, 15]), check_range("noise", 5)
    ((0.0, 15.0), (5.0, 5.0))
    >>> check_range("noise", [15, 0])
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: noise should be [lowest, highest], not [15, 0].
    """
    bounds = [value, value] if _is_number(value) else value
    if (
        not isinstance(bounds, list | tuple)
        or len(bounds) != 2
        or not all(_is_number(bound) and least <= bound <= most for bound in bounds)
        or bounds[0] > bounds[1]
    ):
        raise UserError(f"{name} should be [lowest, highest]{_bounds(least, most)}, not {value!r}.")
    return float(bounds[0]), float(bounds[1])


def check_counts(name: str, value: Any, least: int = 0) -> tuple[int, int]:
    """Read `[fewest, most]` in whole numbers, or one that is both.

    Examples
    --------
    >>> check_counts("num_voices", [3, 7])
    (3, 7)
    """
    fewest, most = check_range(name, value, least=least)
    if fewest % 1 or most % 1:
        raise UserError(f"{name} should be whole numbers, not {value!r}.")
    return int(fewest), int(most)


def check_choices(name: str, value: Any, known: Sequence[str]) -> list[str]:
    """Read one or several of the words that are known.

    Examples
    --------
    >>> check_choices("laws", "mu", ["mu", "a"])
    ['mu']
    >>> check_choices("laws", ["mu", "b"], ["mu", "a"])
    Traceback (most recent call last):
    ...
    pyannote_ge2e.errors.UserError: laws: unknown 'b'; choose from mu, a.
    """
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise UserError(f"{name} should be some of {', '.join(known)}, not {value!r}.")
    for word in words:
        if word not in known:
            raise UserError(f"{name}: unknown {word!r}; choose from {', '.join(known)}.")
    return list(words)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _bounds(least: float, most: float) -> str:
    if math.isfinite(least) and math.isfinite(most):
        return f" from {least:g} to {most:g}"
    if math.isfinite(least):
        return f", {least:g} at least"
    return f", {most:g} at most" if math.isfinite(most) else ""
