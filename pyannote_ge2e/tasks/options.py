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


def check_options(
    *,
    duration: Any,
    min_duration: Any,
    step: Any,
    num_classes_per_batch: Any,
    num_chunks_per_class: Any,
    batches_per_epoch: Any,
    short: Any,
    batch_from: Any,
    batch_share: Any,
) -> None:
    """Refuse what cannot be trained with, before anything is read."""
    for name, value in (("duration", duration), ("min_duration", min_duration), ("step", step)):
        if not is_number(value) or not value > 0:
            raise UserError(f"{name} should be a number above 0, not {value!r}.")
    if min_duration > duration:
        raise UserError(
            f"min_duration ({min_duration:g} s) is longer than duration ({duration:g} s)."
        )
    for name, value, least in (
        ("num_classes_per_batch", num_classes_per_batch, 2),
        ("num_chunks_per_class", num_chunks_per_class, 1),
        ("batches_per_epoch", batches_per_epoch, 1),
    ):
        if value is not None and (not isinstance(value, Integral) or value < least):
            raise UserError(f"{name} should be a whole number, {least} at least, not {value!r}.")
    for name, value, known in (
        ("short", short, get_args(Short)),
        ("batch_from", batch_from, get_args(BatchFrom)),
        ("batch_share", batch_share, get_args(BatchShare)),
    ):
        if value not in known:
            raise UserError(f"{name} is one of {', '.join(known)}, not {value!r}.")


def check_scales(scales: Any) -> None:
    """Refuse gradient scales that are not numbers by pattern."""
    if not isinstance(scales, Mapping):
        raise UserError(f"gradient_scale should be 'pattern: number' pairs, not {scales!r}.")
    for pattern, scale in scales.items():
        if not is_number(scale) or not 0 <= scale < math.inf:
            raise UserError(
                f"gradient_scale should be a number, 0 or more, for '{pattern}', not {scale!r}."
            )


def is_number(value: Any) -> bool:
    """Tell a number, infinite ones and NaN among them, from a truth value and the rest."""
    return isinstance(value, Real) and not isinstance(value, bool)


def default_seed() -> int:
    """Seed of Lightning's `seed_everything` if it was called, else a random one."""
    given = os.environ.get("PL_GLOBAL_SEED")
    return int(given) if given else int(np.random.SeedSequence().generate_state(1)[0])
