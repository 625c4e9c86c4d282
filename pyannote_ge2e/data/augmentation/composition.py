"""What Compose, OneOf and SomeOf of torch-audiomentations choose, without applying it."""

from __future__ import annotations

import numpy as np
from torch import nn
from torch_audiomentations.core.composition import BaseCompose, Compose, OneOf, SomeOf


def parts_of(transform: nn.Module) -> list[nn.Module] | None:
    """What a composition is made of; None for anything else.

    One derived from them has rules of its own: it is called as a whole.
    """
    if isinstance(transform, BaseCompose) and type(transform) in (Compose, OneOf, SomeOf):
        return list(transform.transforms)
    return None


def leaves_of(transform: nn.Module) -> list[nn.Module]:
    """All transforms that a composition can come to, from the first to the last."""
    parts = parts_of(transform)
    if parts is None:
        return [transform]
    return [leaf for part in parts for leaf in leaves_of(part)]


def chosen_of(transform: nn.Module, rng: np.random.Generator) -> list[nn.Module]:
    """Draw what a composition applies to a batch, in which order.

    Examples
    --------
    >>> from torch_audiomentations import Gain, Shift
    >>> options = {"output_type": "dict"}
    >>> either = OneOf([Gain(**options), Shift(**options)], **options)
    >>> [type(leaf).__name__ for leaf in chosen_of(either, np.random.default_rng(0))]
    ['Shift']
    """
    parts = parts_of(transform)
    if parts is None:
        return [transform]
    assert isinstance(transform, BaseCompose)
    if rng.random() >= transform.p:
        return []
    if isinstance(transform, SomeOf):
        bounds = (transform.min_num_transforms, transform.max_num_transforms)
        count = int(rng.integers(bounds[0], bounds[1] + 1))
        parts = [parts[k] for k in sorted(rng.choice(len(parts), count, replace=False))]
    elif transform.shuffle:
        parts = [parts[k] for k in rng.permutation(len(parts))]
    return [leaf for part in parts for leaf in chosen_of(part, rng)]
