"""Options of embedding tasks: checked before anything is read."""

from __future__ import annotations

import os
from typing import Any, get_args

import numpy as np

from pyannote_ge2e.data.selection import BatchFrom, Short
from pyannote_ge2e.errors import UserError


def check_options(**options: Any) -> None:
    """Refuse what cannot be trained with, before anything is read."""
    for name in ("duration", "min_duration", "step"):
        if not options[name] > 0:
            raise UserError(f"{name} should be above 0, not {options[name]!r}.")
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
        if options[name] is not None and options[name] < least:
            raise UserError(f"{name} should be {least} at least, not {options[name]!r}.")
    for name, known in (("short", Short), ("batch_from", BatchFrom)):
        if options[name] not in get_args(known):
            raise UserError(
                f"{name} is one of {', '.join(get_args(known))}, not {options[name]!r}."
            )


def default_seed() -> int:
    """Seed of Lightning's `seed_everything` if it was called, else a random one."""
    given = os.environ.get("PL_GLOBAL_SEED")
    return int(given) if given else int(np.random.SeedSequence().generate_state(1)[0])
