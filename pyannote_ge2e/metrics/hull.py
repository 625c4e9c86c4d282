"""Convex hull of an error curve: what the best monotone calibration makes of the scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from pyannote_ge2e.metrics.trials import SortedTrials


def hull_points(trials: SortedTrials) -> NDArray[np.intp]:
    """Points of the error curve that are corners of its convex hull.

    Pooling adjacent violators (Ayer et al., 1955) on the share of targets in each group of
    tied scores: the ends of its pools are the corners (Fawcett & Niculescu-Mizil, "PAV and the
    ROC convex hull", Machine Learning 68, 2007).

    Returns
    -------
    points : (H,) integer array
        Increasing, from 0 (accept all) to the last point (reject all). No three of them are
        on one line.

    Examples
    --------
    >>> scores, is_target = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True])
    >>> hull_points(SortedTrials.of(scores, is_target))
    array([0, 1, 3, 4])
    """
    sizes = np.diff(trials.boundaries)
    shares = np.diff(trials.targets_below) / sizes
    points = isotonic_regression(shares, weights=sizes).blocks.astype(np.intp)
    # Equal shares may differ in the last bit and be left apart: whole numbers decide.
    targets, others = np.diff(trials.targets_below[points]), np.diff(trials.others_below[points])
    corner = targets[:-1] * others[1:] < targets[1:] * others[:-1]
    return points[np.concatenate([[True], corner, [True]])]
