"""What score normalisation refuses, in one sentence each."""

import numpy as np
import pytest

from pyannote_ge2e.scoring import adaptive_snorm, t_norm, z_norm

FILES, TEST, COHORT, TRIALS = np.eye(4)[:3], np.eye(4)[1:], np.ones((5, 4)), [[0, 1], [2, 2]]
NAN = np.array([[1.0, 2, 3, 4], [5, np.nan, 7, 8], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cohort": np.empty((0, 4))}, "The cohort is empty"),
        ({"cohort": np.ones((5, 3))}, "enrolment embeddings have dimension 4, .* cohort 3"),
        ({"test": np.ones((3, 3))}, "test embeddings have dimension 3, .* cohort 4"),
        ({"enrolment": NAN}, "Enrolment embedding 1 is not finite"),
        ({"test": NAN}, "Test embedding 1 is not finite"),
        ({"enrolment": NAN, "test": NAN}, "^Embedding 1 is not finite"),
        ({"cohort": NAN}, "Cohort embedding 1 is not finite"),
        ({"cohort": -np.inf * np.ones((5, 4))}, "Cohort embedding 0 is not finite"),
        ({"cohort": np.ones(4)}, r"cohort embeddings of shape \(file, dimension\), got \(4,\)"),
        ({"test": np.ones(4)}, r"test embeddings of shape \(file, dimension\), got \(4,\)"),
        ({"trials": [[0, 1], [0, 3]]}, "Trial 1 .* enrolment embedding 0 and test embedding 3"),
        ({"trials": [[-1, 1]]}, "Trial 0 .* -1 and test embedding 1, but there are 3 and 3"),
        ({"test": FILES, "trials": [[0, 3]]}, "Trial 0 compares embeddings 0 and 3"),
        ({"trials": [[0.0, 1.0]]}, "trials of integers, got float64"),
        ({"trials": [0, 1]}, r"shape \(trial, 2\), got \(2,\)"),
        ({"top": 0}, "top to be a positive integer or None, got 0"),
        ({"top": 2.0}, "top to be a positive integer or None, got 2.0"),
        ({"top": True}, "top to be a positive integer or None, got True"),
        ({"enrolment_in_cohort": [0, 5, -1]}, "enrolment_in_cohort says 5 for embedding 1"),
        ({"test_in_cohort": [0, 1, -2]}, "test_in_cohort says -2 for embedding 2"),
        ({"test_in_cohort": [0, 1]}, r"test_in_cohort to be 3 integers, got int64 of shape \(2,\)"),
        ({"enrolment_in_cohort": [0.0, 1, 2]}, "3 integers, got float64"),
        (
            {"cohort": COHORT[:1], "test_in_cohort": [-1, 0, -1]},
            "nothing but test embedding 1 itself",
        ),
    ],
)
def test_malformed_input_is_refused(changed, message):
    arguments = {"enrolment": FILES, "test": TEST, "cohort": COHORT, "trials": TRIALS}
    with pytest.raises(ValueError, match=message):
        adaptive_snorm(**{**arguments, **changed})


@pytest.mark.parametrize("norm", [z_norm, t_norm])
def test_the_side_that_needs_no_statistics_is_checked_too(norm):
    with pytest.raises(ValueError, match="Test embedding 1 is not finite"):
        norm(FILES, NAN, COHORT, TRIALS)
    with pytest.raises(ValueError, match="Enrolment embedding 1 is not finite"):
        norm(NAN, TEST, COHORT, TRIALS)


def test_a_cohort_smaller_than_top_is_used_whole():
    rng = np.random.default_rng(0)
    files, cohort = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    np.testing.assert_array_equal(
        adaptive_snorm(files, files, cohort, TRIALS, top=400),
        adaptive_snorm(files, files, cohort, TRIALS, top=None),
    )
