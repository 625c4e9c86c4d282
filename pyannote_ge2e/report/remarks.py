"""What the figures cannot tell: remarks of whoever made the evaluation, and of the figures."""

from __future__ import annotations

from pyannote_ge2e.metrics import Figures, error_curve
from pyannote_ge2e.metrics.dcf import dcf_of_error_rates
from pyannote_ge2e.metrics.speakers import FEW_SPEAKERS
from pyannote_ge2e.report.evaluation import Evaluation, Scoring
from pyannote_ge2e.report.words import counted

# Doddington et al., "The NIST speaker recognition evaluation: overview, methodology, systems,
# results, perspective", Speech Communication 31, 2000: with 30 errors, the true rate is within
# 30 % of the measured one with 90 % confidence.
FEW_ERRORS = 30

# Fewer leave less than three beyond each end of a 95 % interval.
FEW_RESAMPLES = 100

# In simulations of speakers who differ, 95 % intervals of minDCF held the truth in about 90 % with
# ten errors of the rarer kind, in half with one.
DECIDING_ERRORS = 10


def remarks_of(evaluation: Evaluation) -> list[str]:
    """Remarks of the evaluation, then those that follow from its figures.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    remarks : list of str
        A sentence or two each.
    """
    figures = evaluation.figures
    remarks = [*evaluation.remarks, *few_speakers(figures)]
    rarest = min(figures.targets, figures.trials - figures.targets)
    kind = "target" if rarest == figures.targets else "non-target"
    rate, name = min(
        (scoring.figures.equal_error_rate.value, scoring.name)
        for scoring, _ in evaluation.distinct()
    )
    errors = round(rate * rarest)
    if rate == 0:
        unseen = 100 * (1 - (1 - figures.level) ** (1 / rarest))
        remarks.append(
            f"'{name}' makes no errors, which does not mean that it never will: with no more than "
            f"{counted(rarest, kind)}, up to {unseen:.2g} errors in 100 could go unseen "
            f"({100 * figures.level:g} % confidence, trials taken as independent). The interval "
            "cannot tell."
        )
    elif errors < FEW_ERRORS:
        remarks.append(
            f"Few errors decide: the equal error rate of '{name}' is about "
            f"{counted(errors, 'wrong trial')} among {counted(rarest, kind)}. With fewer than "
            f"{FEW_ERRORS}, figures are rough."
        )
    if figures.resamples < FEW_RESAMPLES:
        remarks.append(
            f"Intervals of {counted(figures.resamples, 'resample')} are rough themselves: give "
            "--resamples 1000 for figures to quote."
        )
    for p_target in evaluation.p_targets:
        useless = [
            scoring.name
            for scoring, _ in evaluation.distinct()
            if (figure := scoring.figures.min_dcf.get(p_target)) and figure.value == 1
        ]
        if useless:
            remarks.append(
                f"minDCF is 1 at P={p_target:g} ({', '.join(useless)}): where targets are so rare, "
                "deciding all trials alike costs no more."
            )
        rough = [
            scoring.name
            for scoring, _ in evaluation.distinct()
            if (figure := scoring.figures.min_dcf.get(p_target))
            and 0 < figure.value < 1
            and _errors_at_lowest_cost(evaluation, scoring, p_target) < DECIDING_ERRORS
        ]
        if rough:
            remarks.append(
                f"minDCF at P={p_target:g} ({', '.join(rough)}): the best threshold makes fewer "
                f"than {DECIDING_ERRORS} errors of one kind. It is chosen on these very trials, so "
                "that the figure and its interval are too low."
            )
    return remarks


def few_speakers(figures: Figures) -> list[str]:
    """Remark of intervals over so few speakers that they are too narrow; none of others."""
    if figures.method != "speaker" or figures.speakers is None or figures.speakers >= FEW_SPEAKERS:
        return []
    return [
        f"With {counted(figures.speakers, 'speaker')}, the intervals over speakers are too narrow: "
        f"figures to quote need {FEW_SPEAKERS} or more."
    ]


def _errors_at_lowest_cost(evaluation: Evaluation, scoring: Scoring, p_target: float) -> int:
    """Misses or false alarms, whichever are fewer, at the threshold of minDCF."""
    curve = error_curve(scoring.scores, evaluation.labels)
    best = dcf_of_error_rates(curve.miss, curve.false_alarm, p_target, 1.0, 1.0).argmin()
    targets = scoring.figures.targets
    others = scoring.figures.trials - targets
    return round(min(curve.miss[best] * targets, curve.false_alarm[best] * others))
