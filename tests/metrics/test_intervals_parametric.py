"""The interval without resamples: by hand, and against what the binomial law says."""

import pytest
from scipy.stats import binom

from pyannote_ge2e.metrics import confidence_interval, equal_error_rate, min_dcf
from pyannote_ge2e.metrics.parametric import parametric_interval


def test_no_error_in_four_trials():
    """The interval of two trials of a kind is that of 4 / (1/2 + 1/2) = 4: (1 - x)^4 = 2.5 %."""
    low, high = confidence_interval(
        equal_error_rate, [0, 1, 2, 3], [0, 0, 1, 1], method="parametric"
    )
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 4))


def test_nothing_but_errors():
    low, high = confidence_interval(
        equal_error_rate, [0, 1, 2, 3], [1, 1, 0, 0], method="parametric"
    )
    assert low == pytest.approx(0.025 ** (1 / 4))
    assert high == 1


def test_one_error_of_two():
    """One target and one non-target count as two trials: the ends solve 1 - (1 - x)^2 = 2.5 %."""
    low, high = parametric_interval(0.5, 1, 1)
    assert low == pytest.approx(1 - 0.975**0.5)
    assert high == pytest.approx(0.975**0.5)


def test_tails_of_the_binomial_law_hold_what_they_should():
    """3 % of 4 / (1/200 + 1/600) = 600 trials: 18 errors."""
    low, high = parametric_interval(0.03, 200, 600, level=0.9)
    assert binom.sf(17, 600, low) == pytest.approx(0.05)
    assert binom.cdf(18, 600, high) == pytest.approx(0.05)


def test_variance_is_that_of_half_the_sum_of_two_error_rates():
    """Bengio & Mariéthoz (2004), eq. 14, with 1.96 standard deviations either side."""
    rate, num_targets, num_others = 0.1, 20_000, 80_000
    variance = rate * (1 - rate) * (1 / num_targets + 1 / num_others) / 4
    low, high = parametric_interval(rate, num_targets, num_others)
    assert (high - low) / 2 == pytest.approx(1.96 * variance**0.5, rel=0.01)


def test_of_another_metric_is_refused():
    with pytest.raises(ValueError, match="equal_error_rate"):
        confidence_interval(min_dcf, [0.9, 0.1], [1, 0], method="parametric")


def test_the_interval_published_for_voxceleb1_follows_from_its_rate_and_trials():
    """3.94 % [3.75, 4.14] of 37,720 trials, half of them targets: Coria et al. (2020), notebook."""
    low, high = parametric_interval(0.0394, 18_860, 18_860)
    assert (round(100 * low, 2), round(100 * high, 2)) == (3.75, 4.14)
