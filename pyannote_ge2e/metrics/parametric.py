"""Interval of the equal error rate without drawing anything, as if trials were independent."""

from __future__ import annotations

from scipy.special import betaincinv


def parametric_interval(
    rate: float, num_targets: int, num_others: int, level: float = 0.95
) -> tuple[float, float]:
    """Interval of an equal error rate from the rate and the numbers of trials alone.

    At the equal error rate, half the sum of the two error rates, each a binomial one, has
    variance ``rate (1 - rate) (1 / targets + 1 / non-targets) / 4`` (Bengio & Mariéthoz, Odyssey
    2004, eq. 14). That is the variance of a binomial rate of ``4 / (1 / targets + 1 /
    non-targets)`` trials, whose exact interval is a pair of quantiles of beta distributions, those
    of order statistics (Clopper & Pearson, Biometrika 26, 1934).

    The bootstrap of trials, which `feerci` draws by order statistics too, comes to about the
    same where there are enough errors. Neither knows that trials share speakers.

    Parameters
    ----------
    rate : float
        Equal error rate.
    num_targets, num_others : int
    level : float
        Share of intervals that should hold the true rate.

    Returns
    -------
    low, high : float
        Not a point even where there is no error.

    Examples
    --------
    >>> low, high = parametric_interval(0.05, 1000, 1000)
    >>> round(low, 4), round(high, 4)
    (0.0409, 0.0605)
    """
    num_trials = 4 / (1 / num_targets + 1 / num_others)
    errors = rate * num_trials
    correct = num_trials - errors
    low = betaincinv(errors, correct + 1, (1 - level) / 2) if errors > 0 else 0.0
    high = betaincinv(errors + 1, correct, (1 + level) / 2) if correct > 0 else 1.0
    return float(low), float(high)
