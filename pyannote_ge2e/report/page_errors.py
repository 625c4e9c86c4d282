"""The part of the page that shows where the errors are: speakers and trials."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pyannote_ge2e.report.error_sources import hardest_trials, share_of, speaker_errors
from pyannote_ge2e.report.evaluation import Evaluation, Scoring
from pyannote_ge2e.report.words import NOTHING, counted, one_name

# Rows of a table, and speakers of the sentence above it.
_ROWS, _WORST = 10, 5


def errors_section(evaluation: Evaluation) -> str:
    """HTML of the section, with a part for each scoring that ranks the trials in its own way."""
    parts = []
    distinct = list(evaluation.distinct())
    for number, (scoring, names) in enumerate(distinct):
        inside = _speakers(evaluation, scoring) + _trials(evaluation, scoring)
        if len(distinct) > 1:
            is_open = "" if number else " open"
            title = escape(one_name(names))
            inside = f"<details{is_open}><summary>{title}</summary>{inside}</details>"
        parts.append(inside)
    return (
        "<section><h2>Where the errors are</h2>"
        '<p class="notes">At the threshold of the equal error rate.</p>'
        f"{''.join(parts)}</section>"
    )


def _speakers(evaluation: Evaluation, scoring: Scoring) -> str:
    if evaluation.speakers is None:
        return ""
    errors = [of for of in speaker_errors(evaluation, scoring) if of.misses or of.false_alarms]
    if not errors:
        return ""
    total = counted(len(set(evaluation.speakers.ravel().tolist())), "speaker")
    worst = [of.speaker for of in errors[:_WORST]]
    of_misses, of_alarms = share_of(evaluation, scoring, worst)
    shares = " and ".join(
        f"{100 * share:.0f} % of the {kind}"
        for share, kind in ((of_misses, "misses"), (of_alarms, "false alarms"))
        if share is not None
    )
    who = f"the {len(worst)} with most errors are" if len(worst) > 1 else "one is"
    rows = [
        [of.speaker, _rate(of.misses, of.targets), _rate(of.false_alarms, of.others)]
        for of in errors[:_ROWS]
    ]
    return f"<h3>Speakers</h3><p>Of {total}, {who} in {shares}.</p>" + html_table(
        "speakers", ["speaker", "misses", "false alarms"], rows, numbers=2
    )


def _rate(errors: int, trials: int) -> str:
    if not trials:
        return NOTHING
    return f"{errors:,} of {trials:,} ({100 * errors / trials:.1f} %)"


def _trials(evaluation: Evaluation, scoring: Scoring) -> str:
    kinds = (
        ("misses", "Targets that score lowest"),
        ("false alarms", "Non-targets that score highest"),
    )
    found = ""
    for rows, (kind, title) in zip(
        hardest_trials(scoring, evaluation.labels, _ROWS), kinds, strict=True
    ):
        found += f"<h3>{title}</h3>"
        if not len(rows):
            found += f"<p>No {kind}.</p>"
            continue
        cells = [_trial(evaluation, scoring, int(row)) for row in rows]
        titles = ["trial"] if evaluation.names is None else ["enrolment", "test"]
        if evaluation.speakers is not None:
            titles.append("speaker" if kind == "misses" else "speakers")
        found += html_table("trials", [*titles, "score"], cells, numbers=1)
    return found


def _trial(evaluation: Evaluation, scoring: Scoring, row: int) -> list[str]:
    if evaluation.names is None:
        cells = [f"{row + 1:,}"]
    else:
        cells = [str(name) for name in evaluation.names[row]]
    if evaluation.speakers is not None:
        cells.append(", ".join(dict.fromkeys(map(str, evaluation.speakers[row]))))
    return [*cells, f"{scoring.scores[row]:.3f}"]


def html_table(
    kind: str, titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: int
) -> str:
    """Write a table whose last columns are numbers."""
    first = len(titles) - numbers

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="number">{escape(cell)}</{tag}>'
            if column >= first
            else f"<{tag}>{escape(cell)}</{tag}>"
            for column, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<table class="{kind}"><thead><tr>{cells("th", titles)}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
