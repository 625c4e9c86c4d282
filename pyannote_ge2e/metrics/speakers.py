"""Names of speakers to numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# In simulations of speakers who differ, 95 % intervals over speakers held the true equal error rate
# in 93 % with ten of them, 90 % with eight, 69 % with five; with two, all resamples are alike.
FEW_SPEAKERS = 10

# Names turned into Python objects at once: millions of them would take gigabytes.
BLOCK = 1 << 16


def numbered_speakers(speakers: ArrayLike, num_trials: int) -> tuple[list, NDArray[np.intp]]:
    """Number the speakers of trials by their sorted names.

    The order of the trials does not change the numbers, hence not what is drawn by them.

    Parameters
    ----------
    speakers : (T, 2) array
        Names or numbers of the two speakers of each trial.
    num_trials : int
        T.

    Returns
    -------
    names : list of length S
        Sorted.
    sides : (T, 2) array
        Where in the names each side of each trial is.

    Raises
    ------
    ValueError
        When the array has another shape, mixes names and numbers, or misses a speaker (NaN).

    Examples
    --------
    >>> names, sides = numbered_speakers([["bob", "alice"], ["bob", "bob"]], 2)
    >>> names, sides.tolist()
    (['alice', 'bob'], [[1, 0], [1, 1]])
    """
    speakers = np.asarray(speakers)
    if speakers.shape != (num_trials, 2):
        raise ValueError(
            f"Expected the two speakers of each of the {num_trials} trials, "
            f"got an array of shape {speakers.shape}."
        )
    flat = speakers.reshape(-1)
    blocks = [flat[start : start + BLOCK] for start in range(0, len(flat), BLOCK)]
    found: set = set()
    for block in blocks:
        found.update(block.tolist())
    try:
        names = sorted(found)
    except TypeError as error:
        raise ValueError(
            f"Speakers must be all names or all numbers, to put them in order ({error})."
        ) from error
    if any(name != name for name in names):
        raise ValueError("A speaker is NaN: name both speakers of every trial.")
    # A dictionary is several times faster than `np.unique` on a million strings.
    number = {name: position for position, name in enumerate(names)}
    sides = [np.fromiter(map(number.__getitem__, block.tolist()), np.intp) for block in blocks]
    return names, np.concatenate(sides).reshape(-1, 2)
