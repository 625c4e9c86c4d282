"""The page: one file, with its pictures inside, that a person would rather read than a log."""

from __future__ import annotations

from html import escape

from pyannote_ge2e.report.evaluation import Evaluation
from pyannote_ge2e.report.finding import finding_of, other_findings
from pyannote_ge2e.report.glossary import glossary
from pyannote_ge2e.report.inline import inline_svg
from pyannote_ge2e.report.page_errors import errors_section
from pyannote_ge2e.report.page_style import CSS
from pyannote_ge2e.report.remarks import remarks_of
from pyannote_ge2e.report.table import table_cells, table_notes
from pyannote_ge2e.report.words import NOTHING


def page(evaluation: Evaluation, det: str, histograms: str) -> str:
    """Write the page.

    Parameters
    ----------
    evaluation : Evaluation
    det, histograms : str
        Pictures, as svg files.

    Returns
    -------
    html : str
        Whole: it refers to nothing outside, and runs nothing.
    """
    title = escape(evaluation.title)
    rates = ", ".join(
        dict.fromkeys(f"{row[0]}: EER {row[1]} %" for row in table_cells(evaluation)[1:])
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{CSS}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p class="finding">{_prose(finding_of(evaluation))}</p>
{_others(evaluation)}
</header>
<main>
{_remarks(evaluation)}
{_figures(evaluation)}
<section>
<h2>Misses against false alarms</h2>
<figure class="det">{inline_svg(det, "det", f"DET curve. {rates}")}
<figcaption>Each point of a curve is a threshold. The shade is the interval of the misses at each
rate of false alarms.</figcaption></figure>
</section>
<section>
<h2>Scores</h2>
<figure>{inline_svg(histograms, "scores", "Histograms of target and non-target scores.")}
<figcaption>Either class has area 1, whatever its number of trials. Targets left of a threshold are
misses, non-targets right of it false alarms.</figcaption></figure>
</section>
{errors_section(evaluation)}
{_facts(evaluation)}
{_glossary(evaluation)}
</main>
<footer>Made by pyannote-ge2e. The same figures are in metrics.json and metrics.md.</footer>
</body>
</html>
"""


def _others(evaluation: Evaluation) -> str:
    items = "".join(f"<li>{_prose(words)}</li>" for words in other_findings(evaluation))
    return f'<ul class="others">{items}</ul>' if items else ""


def _remarks(evaluation: Evaluation) -> str:
    items = "".join(f"<li>{_prose(remark)}</li>" for remark in remarks_of(evaluation))
    if not items:
        return ""
    return f'<aside class="remarks"><h2>Before you quote these figures</h2><ul>{items}</ul></aside>'


def _figures(evaluation: Evaluation) -> str:
    titles, *rows = table_cells(evaluation)
    head = f'<th scope="col">{escape(titles[0])}</th>' + "".join(
        f'<th scope="col" class="number">{escape(title)}</th>' for title in titles[1:]
    )
    body = ""
    for name, *cells in rows:
        body += f'<tr><th scope="row">{escape(name)}</th>'
        for title, cell in zip(titles[1:], cells, strict=True):
            value, _, interval = cell.partition(" ")
            small = f" <small>{escape(interval)}</small>" if interval else ""
            inside = f"<span><b>{escape(value)}</b>{small}</span>"
            none = " none" if cell == NOTHING else ""
            body += f'<td class="number{none}" data-title="{escape(title)}">{inside}</td>'
        body += "</tr>"
    notes = "".join(f"<br>{escape(note)}" for note in table_notes(evaluation))
    return f"""<section>
<h2>Figures</h2>
<div class="wide"><table class="figures">
<thead><tr>{head}</tr></thead>
<tbody>{body}</tbody>
</table></div>
<p class="notes">{notes.removeprefix("<br>")}</p>
</section>"""


def _facts(evaluation: Evaluation) -> str:
    if not evaluation.facts:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(fact)}</td></tr>'
        for name, fact in evaluation.facts.items()
    )
    return f"""<section>
<h2>What was tested</h2>
<table class="facts"><tbody>{rows}</tbody></table>
</section>"""


def _glossary(evaluation: Evaluation) -> str:
    entries = "".join(
        f"<dt>{_prose(word)}</dt><dd>{_prose(meaning)}</dd>"
        for word, meaning in glossary(evaluation)
    )
    return f"<section>\n<h2>How to read it</h2>\n<dl>{entries}</dl>\n</section>"


def _prose(words: str) -> str:
    """No line breaks before a percent sign."""
    return escape(words).replace(" %", "&nbsp;%")
