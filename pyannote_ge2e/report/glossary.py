"""How to read a report: its words, explained to who meets them for the first time."""

from __future__ import annotations

from pyannote_ge2e.report.evaluation import Evaluation


def glossary(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Words of the report with what they mean, those only that it uses.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    entries : list of (word, meaning)
    """
    figures = evaluation.figures
    level = f"{100 * figures.level:g} %"
    entries = [
        (
            "Trial, target, non-target",
            "A trial compares two recordings; the score says how alike they are. It is a target "
            "if one speaker speaks in both, else a non-target.",
        ),
        (
            "Miss, false alarm",
            "A target whose score is below the threshold; a non-target whose score is not.",
        ),
        (
            "Equal error rate (EER)",
            "Share of targets missed at the threshold where it is also the share of non-targets "
            "accepted. Smaller is better: guessing gives 50 %.",
        ),
    ]
    if evaluation.p_targets:
        priors = " or ".join(f"{100 * p:g}" for p in evaluation.p_targets)
        entries.append(
            (
                "minDCF (P=…)",
                f"Smallest cost of decisions when P is the share of targets (here {priors} in "
                "100) and either error costs the same. 1 is what deciding all trials alike "
                "costs; the best threshold is chosen with the answers known.",
            )
        )
    if any(scoring.calibrated for scoring in evaluation.scorings):
        entries += [
            (
                "actDCF (P=…)",
                "The same cost at the threshold that calibration sets without knowing the "
                "answers. What it has above minDCF is what calibration loses.",
            ),
            (
                "Cllr, minCllr",
                "Cost in bits of taking scores for log likelihood ratios, over all shares of "
                "targets: 0 is perfect, 1 is knowing nothing. minCllr is what the best "
                "calibration would leave.",
            ),
        ]
    if figures.method == "speaker":
        entries.append(
            (
                f"[low, high]: {level} interval over speakers",
                "Where the figure would lie for other speakers of this kind. Speakers are drawn "
                f"anew {figures.resamples:,} times, with all their trials: trials that share a "
                "speaker succeed or fail together.",
            )
        )
    else:
        entries.append(
            (
                f"[low, high]: {level} interval over trials",
                "Where the figure would lie for other trials of these speakers. Trials are drawn "
                f"anew {figures.resamples:,} times, as if independent: for other speakers the "
                "interval is wider.",
            )
        )
    entries.append(
        (
            "The DET curve",
            "All thresholds at once: false alarms to the right, misses upwards; nearer the lower "
            "left is better. Axes are stretched (probit) so that normally distributed scores "
            "give a straight line. They end where the list has too few trials to tell.",
        )
    )
    return entries
