"""Options of embedding tasks: checked before anything is read."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, get_args

import numpy as np

from pyannote_ge2e.data.batches.selection import BatchFrom, BatchShare, Short
from pyannote_ge2e.errors import UserError


def check_options(**options: Any) -> None:
    """Refuse what cannot be trained with, before anything is read."""
    for name in ("duration", "min_duration", "step"):
        if not _is_number(options[name]) or not options[name] > 0:
            raise UserError(f"{name} should be a number above 0, not {options[name]!r}.")
    if options["min_duration"] > options["duration"]:
        raise UserError(
            f"min_duration ({options['min_duration']:g} s) is longer than duration "
            f"({options['duration']:g} s)."
        )
    for name, least in (
        ("num_classes_per_batch", 2),
        ("num_chunks_per_class", 1),
        ("batches_per_epoch", 1),
    ):
        value = options[name]
        if value is not None and (not isinstance(value, Integral) or value < least):
            raise UserError(f"{name} should be a whole number, {least} at least, not {value!r}.")
    for name, known in (("short", Short), ("batch_from", BatchFrom), ("batch_share", BatchShare)):
        if options[name] not in get_args(known):
            raise UserError(
                f"{name} is one of {', '.join(get_args(known))}, not {options[name]!r}."
            )


def check_scales(scales: Any) -> None:
    """Refuse gradient scales that are not numbers by pattern."""
    if not isinstance(scales, Mapping):
        raise UserError(f"gradient_scale should be 'pattern: number' pairs, not {scales!r}.")
    for pattern, scale in scales.items():
        if not _is_number(scale) or not 0 <= scale < math.inf:
            raise UserError(
                f"gradient_scale should be a number, 0 or more, for '{pattern}', not {scale!r}."
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def default_seed() -> int:
    """Seed of Lightning's `seed_everything` if it was called, else a random one."""
    given = os.environ.get("PL_GLOBAL_SEED")
    return int(given) if given else int(np.random.SeedSequence().generate_state(1)[0])
