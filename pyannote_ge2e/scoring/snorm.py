"""Scores normalised by a cohort: adaptive s-norm, s-norm, z-norm and t-norm."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyannote_ge2e.scoring.normalisation import ENROLMENT, TEST, normalised_scores


def adaptive_snorm(
    enrolment: ArrayLike,
    test: ArrayLike,
    cohort: ArrayLike,
    trials: ArrayLike,
    top: int | None = 400,
    *,
    enrolment_in_cohort: ArrayLike | None = None,
    test_in_cohort: ArrayLike | None = None,
    device: str = "cpu",
) -> NDArray[np.floating]:
    """Cosine scores after adaptive symmetric normalisation (AS-norm).

    For either side of a trial, the `top` members of the cohort that resemble it most say how
    high an impostor may score: with the mean mu and the population standard deviation sd of
    their cosine similarities, a score s becomes ::

        ((s - mu_enrolment) / sd_enrolment + (s - mu_test) / sd_test) / 2

    Parameters
    ----------
    enrolment : (E, D) array or tensor
        Enrolment embeddings, of any norm.
    test : (F, D) array or tensor
        Test embeddings. When it is the same object as `enrolment` (the usual case),
        statistics are computed once.
    cohort : (C, D) array or tensor
        Embeddings of other speakers: of utterances, or one mean each (see `speaker_means`).
    trials : (T, 2) integer array
        Row of `enrolment` and row of `test` to compare.
    top : int, optional
        Number of nearest members of the cohort that count. All of them when there are fewer,
        or when it is None.
    enrolment_in_cohort, test_in_cohort : (E,), (F,) integer arrays, optional
        Row of the cohort that holds the file itself (or the mean of its speaker), which is left
        out of its statistics; -1 for none. Default: none is left out; where `test` is
        `enrolment`, both default to the one that is given.
    device : str
        Where to compare with the cohort: "cpu", "cuda", "mps", ... On a CPU it takes as many
        threads as numpy's linear algebra may use.

    Returns
    -------
    scores : (T,) array
        Higher means more alike. float64 when one of the embeddings is, float32 otherwise: right
        to about 1e-5 with the nearest 400, 1e-4 with the nearest 20, who differ less (a
        similarity is right to 1e-7, and divided by their deviation). A `top` of two or three
        needs float64.

    Raises
    ------
    ValueError
        When shapes or dimensions do not match, an embedding is not finite, the cohort is empty
        or consists of nothing but the file itself, a row is out of range, or `top` is not
        positive.

    Notes
    -----
    Where all members that count are equally similar (as with a cohort of one, or `top=1`), the
    deviation is zero: that side is only centred, by dividing by 1.

    Beside a normalised copy of the embeddings and the scores, memory does not grow with the
    number of files, members of the cohort or trials.

    References
    ----------
    Matějka et al., "Analysis of score normalization in multilingual speaker recognition",
    Interspeech 2017 (adaptive s-norm 1). Coria et al., "A comparison of metric learning loss
    functions for end-to-end speaker verification", SLSP 2020, do the same with cosine
    distances and the nearest 400, which gives the same scores with the opposite sign.

    Examples
    --------
    >>> files = [[1.0, 0.0], [0.8, 0.6]]
    >>> cohort = [[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]
    >>> adaptive_snorm(files, files, cohort, [[0, 1]], top=2).round(3)
    array([0.889])
    """
    return normalised_scores(
        (enrolment, test),
        cohort,
        trials,
        top,
        sides=(ENROLMENT, TEST),
        in_cohort=(enrolment_in_cohort, test_in_cohort),
        device=device,
    )


def s_norm(
    enrolment: ArrayLike,
    test: ArrayLike,
    cohort: ArrayLike,
    trials: ArrayLike,
    *,
    enrolment_in_cohort: ArrayLike | None = None,
    test_in_cohort: ArrayLike | None = None,
    device: str = "cpu",
) -> NDArray[np.floating]:
    """Cosine scores after symmetric normalisation (s-norm): all of the cohort counts.

    Parameters
    ----------
    enrolment, test, cohort, trials, enrolment_in_cohort, test_in_cohort, device
        As in `adaptive_snorm`.

    Returns
    -------
    scores : (T,) array
        The mean of `z_norm` and `t_norm`.

    Raises
    ------
    ValueError
        As `adaptive_snorm`.

    References
    ----------
    Shum et al., "Unsupervised speaker adaptation based on the cosine similarity for
    text-independent speaker verification", Odyssey 2010.

    Examples
    --------
    >>> files = [[1.0, 0.0], [0.8, 0.6]]
    >>> cohort = [[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]
    >>> s_norm(files, files, cohort, [[0, 1]]).round(3)
    array([1.067])
    """
    return adaptive_snorm(
        enrolment,
        test,
        cohort,
        trials,
        top=None,
        enrolment_in_cohort=enrolment_in_cohort,
        test_in_cohort=test_in_cohort,
        device=device,
    )


def z_norm(
    enrolment: ArrayLike,
    test: ArrayLike,
    cohort: ArrayLike,
    trials: ArrayLike,
    top: int | None = None,
    *,
    enrolment_in_cohort: ArrayLike | None = None,
    device: str = "cpu",
) -> NDArray[np.floating]:
    """Cosine scores after zero normalisation (z-norm): by the enrolment's statistics alone.

    Parameters
    ----------
    enrolment, test, cohort, trials, top, enrolment_in_cohort, device
        As in `adaptive_snorm`, but that all of the cohort counts by default.

    Returns
    -------
    scores : (T,) array

    Raises
    ------
    ValueError
        As `adaptive_snorm`.

    References
    ----------
    Reynolds, "Comparison of background normalization methods for text-independent speaker
    verification", Eurospeech 1997.

    Examples
    --------
    >>> files = [[1.0, 0.0], [0.8, 0.6]]
    >>> cohort = [[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]
    >>> z_norm(files, files, cohort, [[0, 1]]).round(3)
    array([1.414])
    """
    return normalised_scores(
        (enrolment, test),
        cohort,
        trials,
        top,
        sides=(ENROLMENT,),
        in_cohort=(enrolment_in_cohort, None),
        device=device,
    )


def t_norm(
    enrolment: ArrayLike,
    test: ArrayLike,
    cohort: ArrayLike,
    trials: ArrayLike,
    top: int | None = None,
    *,
    test_in_cohort: ArrayLike | None = None,
    device: str = "cpu",
) -> NDArray[np.floating]:
    """Cosine scores after test normalisation (t-norm): by the test file's statistics alone.

    Parameters
    ----------
    enrolment, test, cohort, trials, top, test_in_cohort, device
        As in `adaptive_snorm`, but that all of the cohort counts by default.

    Returns
    -------
    scores : (T,) array

    Raises
    ------
    ValueError
        As `adaptive_snorm`.

    References
    ----------
    Auckenthaler et al., "Score normalization for text-independent speaker verification
    systems", Digital Signal Processing 10, 2000.

    Examples
    --------
    >>> files = [[1.0, 0.0], [0.8, 0.6]]
    >>> cohort = [[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]
    >>> t_norm(files, files, cohort, [[0, 1]]).round(3)
    array([0.72])
    """
    return normalised_scores(
        (enrolment, test),
        cohort,
        trials,
        top,
        sides=(TEST,),
        in_cohort=(None, test_in_cohort),
        device=device,
    )
