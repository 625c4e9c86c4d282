"""The page: whole, valid, on its own, and says what the figures say."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from pyannote_ge2e.metrics import figures_of
from pyannote_ge2e.report import Evaluation, Scoring, write_report
from pyannote_ge2e.report.page import page
from pyannote_ge2e.report.remarks import remarks_of
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


# Drawing takes a hundred times as long as the page: where words are read, this will do.
PICTURE = '<svg viewBox="0 0 1 1"><g id="a"/></svg>'


def words_of(evaluation):
    return Page(page(evaluation, PICTURE, PICTURE)).words.replace("\xa0", " ")


@pytest.fixture
def html(report):
    """The page with its pictures."""
    return (report / "report.html").read_text(encoding="utf-8")


def test_tags_are_balanced_and_ids_unique(html):
    assert html.startswith("<!DOCTYPE html>\n")
    elements = Page(html).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(set(ids)) == len(ids) > 50
    # Pictures refer to their own parts only.
    for _, attributes in elements:
        for value in attributes.values():
            for name in re.findall(r"(?:url\(|^)#([\w-]+)", value or ""):
                assert name in ids


def test_nothing_outside_is_referred_to_and_nothing_runs(html):
    elements = Page(html).elements
    assert {tag for tag, _ in elements}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "image", "base", "form"}
    )
    for _, attributes in elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"href", "xlink:href", "src", "action"}:
                assert value.startswith("#")
    assert "@import" not in html
    assert all(part.startswith("#") for part in re.findall(r"url\((.)", html))
    assert "http" not in html


def test_hostile_words_stay_words(make, tmp_path):
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
    write_report(
        Evaluation(**{**vars(given), "facts": {hostile: hostile}, "remarks": [hostile]}), tmp_path
    )
    shown = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in {tag for tag, _ in shown.elements}
    # Title, heading, table, fact and its name, remark, panel, speakers and recordings of errors.
    assert shown.words.count(hostile) >= 9


def test_the_finding_says_what_the_figures_say(evaluation, make):
    rate = evaluation.figures.equal_error_rate
    words = words_of(evaluation)
    assert (
        f"raw: at the equal error rate, {100 * rate.value:.1f} of 100 targets are missed and "
        f"{100 * rate.value:.1f} of 100 non-targets accepted; with 95 % confidence over new "
        f"speakers, between {100 * rate.low:.1f} and {100 * rate.high:.1f}."
    ) in words
    other = evaluation.scorings[1].figures.equal_error_rate
    assert f"s-norm: {100 * other.value:.1f} of 100, between" in words

    alone = make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1])
    words = words_of(alone)
    assert "At the equal error rate, 50.0 of 100 targets" in words
    assert "confidence over new trials of the same kind" in words

    perfect = make(labels=[1, 1, 0, 0], raw=[0.9, 0.8, 0.6, 0.1])
    words = words_of(perfect)
    assert "No errors: all 2 targets score above all 2 non-targets." in words
    assert "does not mean that it never will" in words

    said = Evaluation(**{**vars(alone), "finding": "B is better than A."})
    assert "B is better than A." in words_of(said)


def test_small_rates_are_told_out_of_more_trials(make):
    scores = np.concatenate([np.linspace(1, 2, 4000), np.linspace(-1, 0, 4000)])
    scores[:2], scores[-2:] = -0.5, 1.5
    words = words_of(make(labels=[1] * 4000 + [0] * 4000, raw=scores))
    assert re.search(r"rate, 0\.5 of 1,000 targets are missed", words)


def test_table_figures_facts_and_remarks_are_those_given(evaluation):
    words = words_of(evaluation)
    for row in table_cells(evaluation)[1:]:
        for cell in row:
            assert cell in words
    assert "12 speakers" in words
    for name, fact in evaluation.facts.items():
        assert f"{name} {fact}" in words.replace("  ", " ")
    assert evaluation.remarks[0] in words


def test_errors_are_named_where_names_are_known(evaluation, make):
    words = words_of(evaluation)
    assert re.search(r"Of 12 speakers, the 5 with most errors are in \d+ % of the misses", words)
    worst = evaluation.scorings[0].scores[evaluation.labels == 1].argmin()
    row = np.flatnonzero(evaluation.labels == 1)[worst]
    enrolment, test = evaluation.names[row]
    assert f"{enrolment} {test} {evaluation.speakers[row, 0]}" in words

    # Else by their place in the list.
    anonymous = words_of(make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1]))
    assert "Targets that score lowest trial score 2 0.400" in anonymous
    assert "Of " not in anonymous.split("Where the errors are")[1].split("Targets")[0]


def test_few_errors_and_useless_costs_are_remarked_upon(make):
    words = words_of(make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1]))
    assert "about 1 wrong trial among 2 targets" in words
    constant = words_of(make(labels=[1, 0], raw=[0.5, 0.5]))
    assert "minDCF is 1 at P=0.01 (raw)" in constant


@pytest.mark.parametrize(("alarms", "few"), [(3, True), (9, True), (10, False), (40, False)])
def test_costs_that_few_errors_decide_are_remarked_upon(alarms, few, make):
    """The best threshold misses 50 of 400 targets and accepts so many of 900 non-targets."""
    scores = np.concatenate([np.full(50, -1.0), np.ones(350), np.ones(alarms), np.full(900, -1)])
    labels = np.repeat([1, 0], [400, 900 + alarms])
    remark = "minDCF at P=0.05 (raw): the best threshold makes fewer than 10 errors of one kind."
    assert (remark in words_of(make(labels=labels, raw=scores))) == few


def test_only_words_that_the_report_uses_are_explained(evaluation, make):
    assert "actDCF (P=…)" in words_of(evaluation)
    words = words_of(make(labels=[1, 1, 0, 0], raw=[0.9, 0.4, 0.6, 0.1]))
    assert "actDCF" not in words
    assert "interval over trials" in words
    assert "interval over speakers" not in words


@pytest.mark.parametrize(("resamples", "rough"), [(20, True), (1000, False)])
def test_intervals_of_few_resamples_are_remarked_upon(resamples, rough, make):
    labels, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1])
    scoring = Scoring("raw", scores, figures_of(scores, labels, resamples=resamples))
    remarks = " ".join(remarks_of(Evaluation("a list", labels, None, [scoring])))
    assert (f"Intervals of {resamples} resamples are rough" in remarks) == rough


@pytest.mark.parametrize(("number", "few"), [(2, True), (9, True), (10, False)])
def test_intervals_over_few_speakers_are_remarked_upon(number, few, make):
    one, other = np.triu_indices(number)
    speakers = np.stack([one, other], axis=1).astype(str)
    labels = (one == other).astype(int)
    scores = np.random.default_rng(0).normal(size=len(labels)) + labels
    remark = f"With {number} speakers, the intervals over speakers are too narrow"
    assert (remark in words_of(make(labels=labels, speakers=speakers, raw=scores))) == few
    # Those over trials have other remarks.
    assert remark not in words_of(make(labels=labels, raw=scores))


def test_a_single_target_is_no_targets(make):
    labels = np.array([1, 0, 0, 0])
    (remark, *_) = remarks_of(make(labels=labels, raw=np.array([0.9, 0.1, 0.2, 0.3])))
    assert "no more than 1 target, up to" in remark
