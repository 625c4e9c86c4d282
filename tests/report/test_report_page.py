"""The page: whole, valid, on its own, and says what the figures say."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from pyannote_ge2e.report import Evaluation, write_report
from pyannote_ge2e.report.table import table_cells

# Elements that HTML never closes.
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements with their attributes, the text, and the order in which tags open and close."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture
def show(tmp_path):
    def to_page(evaluation):
        write_report(evaluation, tmp_path)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return to_page


def test_tags_are_balanced_and_ids_unique(evaluation, show):
    html = show(evaluation)
    assert html.startswith("<!DOCTYPE html>\n")
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids) > 50
    # Pictures refer to their own parts only.
    for _, attributes in page.elements:
        for value in attributes.values():
            for name in re.findall(r"(?:url\(|^)#([\w-]+)", value or ""):
                assert name in ids


def test_nothing_outside_is_referred_to_and_nothing_runs(evaluation, show):
    html = show(evaluation)
    page = Page(html)
    assert {tag for tag, _ in page.elements}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "image", "base", "form"}
    )
    for _, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"href", "xlink:href", "src", "action"}:
                assert value.startswith("#")
    assert "@import" not in html
    assert all(part.startswith("#") for part in re.findall(r"url\((.)", html))
    assert "http" not in html


def test_hostile_words_stay_words(make, show):
    hostile = '<script>alert("1")</script>&amp;\'$'
    speakers = np.array([[hostile, hostile], [hostile, "b"], ["b", "b"], ["b", hostile]])
    names = np.array([[f"{hostile}{row}", f"{row}{hostile}"] for row in range(4)])
    given = make(
        title=hostile,
        labels=[1, 0, 1, 0],
        speakers=speakers,
        names=names,
        **{hostile: [0.1, 0.9, 0.8, 0.7]},
    )
    page = Page(
        show(Evaluation(**{**vars(given), "facts": {hostile: hostile}, "remarks": [hostile]}))
    )
    assert "script" not in {tag for tag, _ in page.elements}
    # Title, heading, table, fact and its name, remark, panel, speakers and recordings of errors.
    assert page.words.count(hostile) >= 9


def test_the_finding_says_what_the_figures_say(evaluation, make, show):
    rate = evaluation.figures.equal_error_rate
    words = Page(show(evaluation)).words.replace("\xa0", " ")
    assert (
        f"raw: at the equal error rate, {100 * rate.value:.1f} of 100 targets are missed and "
        f"{100 * rate.value:.1f} of 100 non-targets accepted; with 95 % confidence over new "
        f"speakers, between {100 * rate.low:.1f} and {100 * rate.high:.1f}."
    ) in words
    other = evaluation.scorings[1].figures.equal_error_rate
    assert f"s-norm: {100 * other.value:.1f} of 100, between" in words

    alone = make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1])
    words = Page(show(alone)).words.replace("\xa0", " ")
    assert "At the equal error rate, 50.0 of 100 targets" in words
    assert "confidence over new trials of the same kind" in words

    perfect = make(labels=[1, 1, 0, 0], raw=[0.9, 0.8, 0.6, 0.1])
    words = Page(show(perfect)).words
    assert "No errors: all 2 targets score above all 2 non-targets." in words
    assert "does not mean that it never will" in words

    said = Evaluation(**{**vars(alone), "finding": "B is better than A."})
    assert "B is better than A." in Page(show(said)).words


def test_small_rates_are_told_out_of_more_trials(make, show):
    scores = np.concatenate([np.linspace(1, 2, 4000), np.linspace(-1, 0, 4000)])
    scores[:2], scores[-2:] = -0.5, 1.5
    words = Page(show(make(labels=[1] * 4000 + [0] * 4000, raw=scores))).words
    assert re.search(r"rate, 0\.5 of 1,000 targets are missed", words)


def test_table_figures_facts_and_remarks_are_those_given(evaluation, show):
    words = Page(show(evaluation)).words
    for row in table_cells(evaluation)[1:]:
        for cell in row:
            assert cell in words
    assert "12 speakers" in words
    for name, fact in evaluation.facts.items():
        assert f"{name} {fact}" in words.replace("  ", " ")
    assert evaluation.remarks[0] in words


def test_errors_are_named_where_names_are_known(evaluation, make, show):
    words = Page(show(evaluation)).words.replace("\xa0", " ")
    assert re.search(r"Of 12 speakers, the 5 with most errors are in \d+ % of the misses", words)
    worst = evaluation.scorings[0].scores[evaluation.labels == 1].argmin()
    row = np.flatnonzero(evaluation.labels == 1)[worst]
    enrolment, test = evaluation.names[row]
    assert f"{enrolment} {test} {evaluation.speakers[row, 0]}" in words

    # Else by their place in the list.
    anonymous = Page(show(make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1]))).words
    assert "Targets that score lowest trial score 2 0.400" in anonymous
    assert "Of " not in anonymous.split("Where the errors are")[1].split("Targets")[0]


def test_few_errors_and_useless_costs_are_remarked_upon(make, show):
    words = Page(show(make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1]))).words
    assert "about 1 wrong trial among 2 targets" in words
    constant = Page(show(make(labels=[1, 0], raw=[0.5, 0.5]))).words
    assert "minDCF is 1 at P=0.01 (raw)" in constant


def test_only_words_that_the_report_uses_are_explained(evaluation, make, show):
    assert "actDCF (P=…)" in Page(show(evaluation)).words
    words = Page(show(make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1]))).words
    assert "actDCF" not in words
    assert "interval over trials" in words
    assert "interval over speakers" not in words
